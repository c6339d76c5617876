"""The full schema of a CSV that has not changed since it was last taken, by a worker that is new: 500,000 rows x 20 columns.

Floor: the first time.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from benchmarks._measure import Bar, arguments, emit, fresh, median, prove

BARS = (Bar(figure="value", most=0.05, what="seconds, unchanged source, worker running"),)


def main(rows: int, rounds: int) -> None:
    from benchmarks._table import COLUMNS, write_csv

    with fresh() as folder:
        path = write_csv(folder / "patients.csv", rows)
        first, *again = [asyncio.run(ours(path)) for _ in range(rounds + 1)]
    same = all(one["columns"] == first["columns"] for one in again)
    checks = {"rows": again[0]["rows"], "columns": len(again[0]["columns"]), "same": same}
    prove(checks, rows=rows, columns=COLUMNS, same=True)
    emit("schema_unchanged", value=median([one["wall"] for one in again]), unit="s", floor=first["wall"], checks=checks)


async def ours(path: Path) -> dict[str, Any]:
    from benchmarks._worker import Watched, session

    async with session(path, cache=path.parent / "cache") as worker:
        watched = await Watched.idle(worker)
        schema = await worker.profile("full")
        wall = watched.cost().wall
    return {"wall": wall, "rows": schema.rows, "columns": schema.columns}


if __name__ == "__main__":
    given = arguments(rows=500_000, rounds=5)
    main(given.rows, given.rounds)
