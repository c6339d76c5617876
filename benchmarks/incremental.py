"""The mean by sex over a folder of 50 files of 20,000 rows: all of them, then again when one has changed. As CSV and as Parquet.

A run is what a pod does between a question and its result: survey, history, parts one after another, each committed with its state, the
states merged. The floor is DuckDB's mean by sex of the one file that changed.
"""

from __future__ import annotations

import asyncio
import time
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks._measure import Bar, Cost, arguments, emit, fresh, median, prove, timed
from benchmarks._worker import Watched

BARS = (
    Bar(figure="value", most=0.2, what="CPU seconds of the repeat over those from scratch, CSV"),
    Bar(figure="parquet_ratio", most=0.2, what="the same for Parquet"),
)
FILES, ROWS = 50, 20_000
SECRET, MEAN = bytes(range(32)), {"kind": "mean", "column": "weight", "by": "sex"}


def main(files: int, rows: int, rounds: int) -> None:
    checks: dict[str, Any] = {"files": files, "rows": files * rows}
    found: dict[str, list[dict[str, Any]]] = {"csv": [], "parquet": []}
    for kind, taken in found.items():
        for number in range(rounds):
            with fresh() as folder:
                taken.append(asyncio.run(measured(folder, kind, files=files, rows=rows, number=number)))
        checks |= {f"{kind}_{name}": median([one[name] for one in taken]) for name in ("ratio", "wall_ratio", "scratch_s", "again_cpu_s")}
        checks |= {f"{kind}_floor_cpu_s": median([one["floor"] for one in taken])}
        prove({"read": {one["read"] for one in taken}, "same": all(one["same"] for one in taken)}, read={1}, same=True)
        prove({"rows": {one["rows"] for one in taken}}, rows={files * rows})
    ratio = median([one["again_cpu_s"] / one["floor"] for one in found["csv"]])
    value = checks["csv_ratio"]
    emit("incremental", value=value, unit="of scratch", floor=checks["csv_floor_cpu_s"], ratio=ratio, checks=checks)


async def measured(folder: Path, kind: str, *, files: int, rows: int, number: int) -> dict[str, Any]:
    """One question from scratch, asked again when a file has changed, and another question, which knows nothing, of the same files."""
    from podium import project
    from podium.workers.session import Limits, WorkerSession

    (place := folder / "visits").mkdir()
    for file in range(files):
        written(place / f"{file:03}.{kind}", rows, start=file * rows)
    database = project.load("schemas.stores").PodDatabase(f"sqlite:///{folder / 'pod.db'}", pod="bench/history")
    source = {"kind": kind, "name": "visits", "path": str(place), "key": ["patient"]}
    limits = Limits(memory_mb=4096, seconds=600)
    async with WorkerSession.open(source, limits=limits, folder=folder / "work", cache=folder / "cache") as worker:
        await worker.write_contract(await worker.profile("partial"), folder / "contract.yaml")
        first, *_ = await run(worker, database, folder, question=b"one question")
        changed = place / f"{number % files:03}.{kind}"
        written(changed, rows, start=number % files * rows, seed=1)
        again, answer, read, used = await run(worker, database, folder, question=b"one question")
        _, scratch, *_ = await run(worker, database, folder, question=b"another")
    database.close()
    floor = by_duckdb(changed)
    return {
        "ratio": again.cpu / first.cpu,
        "wall_ratio": again.wall / first.wall,
        "scratch_s": first.wall,
        "again_cpu_s": again.cpu,
        "floor": floor.cpu,
        "read": read,
        "rows": used,
        "same": answer == scratch,
    }


async def run(worker: Any, database: Any, folder: Path, *, question: bytes) -> tuple[Cost, Any, int, int]:
    """What it cost the worker and us, the cells of its answer, how many parts it read, and the rows that are in the answer."""
    from podium import project
    from podium.contracts import Status

    history, runs = (project.load(f"schemas.{name}") for name in ("history", "runs"))
    kept, book, contract = history.HistoryStore(database), runs.RunStore(database), folder / "contract.yaml"
    watched, mine, began = await Watched.idle(worker), time.process_time(), time.perf_counter()
    task = kept.task(question, datasource="visits", algorithm="mean")
    name = f"{time.time_ns():032x}"
    book.receive(name, mid=name, attempt=1, envelope=b"")
    record, standing = book.start(name), kept.standing(task)
    survey = await worker.survey("", contract=contract, by_parts=True)
    old = {part.id: standing.parts[part.id] for part in survey.parts if part.id in standing.parts}
    read = [part for part in survey.parts if part.id not in old or old[part.id].token != part.token]
    states = [old[part.id].state for part in survey.parts if part not in read]
    places = {part.id: place for place, part in enumerate(read)}
    elsewhere = dict.fromkeys(old, history.ELSEWHERE)
    known = kept.known(task, run_no=record.no, places=elsewhere | places)
    orders = {"secret": SECRET, "known": known, "lost": b"", "new_only": False, "contract": contract, "algorithm": MEAN}
    await worker.begin([part.id for part in read], **orders)
    counts = dict.fromkeys(("new", "changed", "unchanged", "quarantined"), 0)
    for place, part in enumerate(read):
        report = await worker.part(place)
        kept.commit(record.no, place, part=part.id, token=part.token, report=report, whole=True)
        states.append(report.state)
        counts = {name: count + getattr(report, name) for name, count in counts.items()}
    await worker.unseen()
    partial = await worker.merged(MEAN, states)
    used = history.Used(task_no=task, after=standing.last_run, token=survey.token, total=partial.rows, gone=0, **counts)
    book.finish(name, Status.RELEASED, reply=None, used=used)
    cost = Cost(time.perf_counter() - began, watched.cost().cpu + time.process_time() - mine)
    return cost, partial.cells, len(read), partial.rows


@cache
def same(rows: int) -> Any:
    """All files hold the same, but for who the patients are: to make it anew takes longer than to read it."""
    from benchmarks._table import table

    return table(rows)


def written(path: Path, rows: int, *, start: int, seed: int = 0) -> None:
    """A file of these patients; with another seed they weigh something else."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    from pyarrow import csv

    made = same(rows)
    patients = pc.binary_join_element_wise("p", pc.cast(pa.array(range(start, start + rows)), pa.string()), "")
    weights = pc.add(made.column("weight"), float(seed))
    made = made.drop_columns(["patient", "weight"]).append_column("patient", patients).append_column("weight", weights)
    if path.suffix == ".csv":
        csv.write_csv(made, path)
    else:
        pq.write_table(made, path)


def by_duckdb(path: Path) -> Cost:
    import duckdb

    engine = duckdb.connect()
    query = f"SELECT sex, avg(weight), count(weight) FROM '{path}' GROUP BY sex"
    return timed(lambda: engine.execute(query).fetchall())


if __name__ == "__main__":
    given = arguments(files=FILES, rows=ROWS, rounds=1)
    main(given.files, given.rows, given.rounds)
