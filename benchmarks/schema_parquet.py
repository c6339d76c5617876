"""The full schema of a Parquet file beside that of a CSV of the same rows, each by a worker: 500,000 rows x 20 columns."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from benchmarks._measure import Bar, arguments, emit, fresh, middle, prove

BARS = (
    Bar(figure="ratio", most=1, what="CPU over that of the CSV"),
    Bar(figure="wall_ratio", most=1, what="wall over that of the CSV"),
    Bar(figure="peak_mb", most=350, what="peak MB"),
)


def main(rows: int, rounds: int) -> None:
    from benchmarks._table import COLUMNS, write_csv, write_parquet

    with fresh() as folder:
        parquet, csv = write_parquet(folder / "patients.parquet", rows), write_csv(folder / "patients.csv", rows)
        pairs = [(asyncio.run(ours(parquet)), asyncio.run(ours(csv))) for _ in range(rounds)]
    mine, floor = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    checks = {
        "rows": mine[0]["rows"],
        "columns": mine[0]["columns"],
        "same": mine[0]["meaning"] == floor[0]["meaning"],
        "wall": middle(mine, "wall"),
        "wall_ratio": middle(mine, "wall") / middle(floor, "wall"),
        "peak_mb": max(one["peak_mb"] for one in mine),
    }
    prove(checks, rows=rows, columns=COLUMNS, same=True)
    emit("schema_parquet", value=middle(mine, "cpu"), unit="CPU s", floor=middle(floor, "cpu"), checks=checks)


async def ours(path: Path) -> dict[str, Any]:
    from benchmarks._worker import Watched, session

    async with session(path) as worker:
        watched = await Watched.idle(worker)
        schema = await worker.profile("full")
        cost, peak = watched.cost(), watched.peak_mb()
    meaning = [(column.name, column.semantic, column.distinct) for column in schema.columns]
    return {"wall": cost.wall, "cpu": cost.cpu, "peak_mb": peak, "rows": schema.rows, "columns": len(meaning), "meaning": meaning}


if __name__ == "__main__":
    given = arguments(rows=500_000, rounds=3)
    main(given.rows, given.rounds)
