"""A round of a logistic regression over two pods of 10,000 rows each: from the moment both pods' figures are in to the next time they are.

That takes the analyst's step, two sealed messages there and back, and at each pod a worker that reads the rows anew. Floor: one such step
by pandas and numpy over the pooled files, in a fresh Python.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Iterable
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks._measure import Bar, arguments, emit, fresh, median, prove, ran

if TYPE_CHECKING:
    from benchmarks._town import Town

BARS = (Bar(figure="value", most=0.5, what="a further round, two pods (s)"),)
FEATURES = ("age", "weight", "pressure")
POOLED = """
import sys, numpy as np, pandas as pd
frame = pd.concat(map(pd.read_csv, sys.argv[1:]))
x, y = frame[["age", "weight", "pressure"]].to_numpy(), (frame["sex"] == "f").to_numpy(float)
z = np.column_stack([np.ones(len(x)), (x - x.mean(axis=0)) / x.std(axis=0)])
p = np.full(len(y), 0.5)
print(np.linalg.solve((z * (p * (1 - p))[:, None]).T @ z, z.T @ (y - p)))
"""


def main(rows: int, rounds: int) -> None:
    from benchmarks._town import OWNER, Town, patients

    with fresh() as folder, Town(folder) as town:
        files = {name: patients(folder / f"{name}.csv", rows, seed=seed) for seed, name in enumerate(("a", "b"))}
        pods = [f"{OWNER}/{name}" for name in files]
        town.start_hub()
        session = town.session()
        for name in files:
            town.grant(name, session.fingerprint)
        town.start_pods(**files)
        town.wait_ready()
        asked = [ask(session, pods) for _ in range(rounds)]
        floor = median([ran([sys.executable, "-c", POOLED, *files.values()]).wall for _ in range(rounds)])
        record = recorded(town, files)
        fits = [fit for _, fit in asked]
        apart = max(off(fit, files.values()) for fit in fits)
    later = [second - first for seen, _ in asked for first, second in pairwise(seen)]
    checks = {
        "first_round": median([seen[0] for seen, _ in asked]),
        "slowest": max(later),
        "measured": len(later),
        "rounds": sum(fit.rounds for fit in fits),
        "converged": sum(fit.state == "converged" for fit in fits),
        "rows": fits[0].n,
        "off_by": apart,
        **record,
    }
    told = {"rounds_released": 2 * checks["rounds"], "runs_released": 2 * rounds, "measured": checks["rounds"] - rounds}
    prove(checks, converged=rounds, rows=2 * rows, **told)
    assert checks["off_by"] < 1e-8, checks
    emit("averaging_round", value=median(later), unit="s", floor=floor, checks=checks)


def ask(session: Any, pods: list[str]) -> tuple[list[float], Any]:
    """When each round was complete, in seconds after the question, and the fit."""
    from podium.algorithms import Logistic

    began, seen = time.perf_counter(), []

    def note(answer: Any) -> None:
        if min(run.round for run in answer.runs.values()) > len(seen):
            seen.append(time.perf_counter() - began)

    model = Logistic(target="sex", positive="f", features=FEATURES)
    answer = session.ask(model, pods=pods, datasource="patients", timeout=120, on_progress=note)
    if answer.status != "released":
        sys.exit(f"not an answer: {answer}")
    return seen, answer.result


def off(fit: Any, files: Iterable[Path]) -> float:
    """How far the coefficients are from those of the pooled rows, in their standard errors."""
    import numpy as np
    import pandas as pd

    frame = pd.concat(map(pd.read_csv, files))
    x, y = frame[list(FEATURES)].to_numpy(), (frame["sex"] == "f").to_numpy(float)
    mean, sd = x.mean(axis=0), x.std(axis=0)
    z, beta = np.column_stack([np.ones(len(x)), (x - mean) / sd]), np.zeros(len(FEATURES) + 1)
    for _ in range(20):
        p = 1 / (1 + np.exp(-z @ beta))
        beta += np.linalg.solve((z * (p * (1 - p))[:, None]).T @ z, z.T @ (y - p))
    known = [beta[0] - (beta[1:] / sd) @ mean, *(beta[1:] / sd)]
    return float(max(abs(term.estimate - value) / term.error for term, value in zip(fit.terms, known, strict=True)))


def recorded(town: Town, names: Iterable[str]) -> dict[str, int]:
    """What the pods' tables say of it all."""

    def count(name: str, query: str) -> int:
        with closing(sqlite3.connect(f"file:{town.pod_folder(name) / 'pod.db'}?mode=ro", uri=True)) as database:
            return int(database.execute(query).fetchone()[0])

    return {
        "rounds_released": sum(count(name, "SELECT count(*) FROM round WHERE answered_at IS NOT NULL") for name in names),
        "runs_released": sum(count(name, "SELECT count(*) FROM run WHERE status = 'released'") for name in names),
    }


if __name__ == "__main__":
    given = arguments(rows=10_000, rounds=5)
    main(given.rows, given.rounds)
