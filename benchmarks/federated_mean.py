"""A mean by group over two pods of 10,000 rows each, from the question to the answer, everything on.

`from_start`: from two `podium pod start` on fresh folders, with no Prefect server yet, to the first answer. `warm`: at the defaults, where
after a run the next one's worker is a fork of a loaded process. `from_restart` and the value: the same pods again beside a Prefect server
that runs, with `warm_seconds: 0`, so that every run starts a worker. Floor: the same mean by pandas over
the pooled files in a fresh Python.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks._measure import Bar, arguments, emit, fresh, median, prove, ran

if TYPE_CHECKING:
    from benchmarks._town import Town

BARS = (
    Bar(figure="value", most=3, what="question to answer, no warm worker (s)"),
    Bar(figure="warm", most=0.5, what="question to answer, warm worker (s)"),
    Bar(figure="from_start", most=10, what="`pod start` to the first answer, Prefect's server not running (s)"),
)
POOLED = """
import sys, pandas as pd
print(pd.concat(map(pd.read_csv, sys.argv[1:])).groupby("sex")["age"].mean().to_json())
"""


def main(rows: int, rounds: int) -> None:
    import pandas as pd

    from benchmarks._town import OWNER, Town, patients

    with fresh() as folder, Town(folder) as town:
        files = {name: patients(folder / f"{name}.csv", rows, seed=seed) for seed, name in enumerate(("a", "b"))}
        pods = [f"{OWNER}/{name}" for name in files]
        town.start_hub()
        session = town.session()
        for name in files:
            town.grant(name, session.fingerprint)
        began = time.perf_counter()
        town.start_pods(**files)
        town.wait_ready()
        ready = time.perf_counter() - began
        answers = [ask(session, pods)]
        from_start = time.perf_counter() - began
        answers.append(ask(session, pods))  # after the first run the libraries are being loaded
        warm = [ask(session, pods) for _ in range(rounds)]
        town.start_prefect()  # holds the server while the pods are away
        town.stop_pods()
        town.limits = {"warm_seconds": 0}
        began = time.perf_counter()
        town.start_pods(**files)
        town.wait_ready()
        answers.append(ask(session, pods))
        from_restart = time.perf_counter() - began
        cold = [ask(session, pods) for _ in range(rounds)]
        floor = median([ran([sys.executable, "-c", POOLED, *files.values()]).wall for _ in range(rounds)])
        pool = pd.concat(map(pd.read_csv, files.values())).groupby("sex")["age"].mean()
        record = recorded(town, list(files))
    answers += [*warm, *cold]
    checks = {
        "warm": median([seconds for seconds, _ in warm]),
        "from_start": from_start,
        "ready_after": ready,
        "from_restart": from_restart,
        "first": answers[0][0],
        "rows": answers[1][1].rows,
        "off_by": max(abs(one.result.set_index("sex")["mean"] - pool).max() for _, one in answers),
        **record,
    }
    asked = len(answers)
    prove(checks, rows=2 * rows, flow_runs=2 * asked, runs_released=2 * asked, results=2 * asked, datapoints=2 * rows)
    assert checks["off_by"] < 1e-9, checks
    value = median([seconds for seconds, _ in cold])
    emit("federated_mean", value=value, unit="s", floor=floor, checks=checks)


def ask(session: Any, pods: list[str]) -> tuple[float, Any]:
    from podium.algorithms import Mean

    began = time.perf_counter()
    answer = session.ask(Mean(column="age", by="sex"), pods=pods, datasource="patients", timeout=60)
    seconds = time.perf_counter() - began
    if answer.status != "released":
        sys.exit(f"not an answer: {answer}")
    return seconds, answer


def recorded(town: Town, names: list[str]) -> dict[str, int]:
    """What the pods' tables and Prefect's say of it all."""

    def count(path: Path, query: str) -> int:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            return int(database.execute(query).fetchone()[0])

    tables = [town.pod_folder(name) / "pod.db" for name in names]
    flows = "SELECT count(*) FROM flow_run r JOIN flow f ON f.id = r.flow_id WHERE f.name = 'computation' AND r.state_type = 'COMPLETED'"
    return {
        "flow_runs": count(Path(os.environ["PODIUM_HOME"]) / "prefect" / "prefect.db", flows),
        "runs_released": sum(count(path, "SELECT count(*) FROM run WHERE upper(status) = 'RELEASED'") for path in tables),
        "results": sum(count(path, "SELECT count(*) FROM result") for path in tables),
        "datapoints": sum(count(path, "SELECT count(*) FROM datapoint") for path in tables),
    }


if __name__ == "__main__":
    given = arguments(rows=10_000, rounds=5)
    main(given.rows, given.rounds)
