"""The full schema of a CSV, categories included, taken by a worker, beside `pyarrow.csv` only parsing it. 2,000,000 rows x 20 columns.

Neither counts its imports; pyarrow reads as a stream, for a whole table would not fit everywhere. The peak is the worker's, to its end.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from benchmarks._measure import Bar, arguments, emit, figures, fresh, middle, part, prove, timed

BARS = (
    Bar(figure="ratio", most=2.5, what="CPU over pyarrow's"),
    Bar(figure="wall_ratio", most=1.5, what="wall over pyarrow's"),
    Bar(figure="peak_mb", most=350, what="peak MB"),
)


def main(rows: int, rounds: int) -> None:
    from benchmarks._table import COLUMNS, SITES, WARDS, write_csv

    with fresh() as folder:
        path = write_csv(folder / "patients.csv", rows)
        megabytes = path.stat().st_size / 1e6
        pairs = [(asyncio.run(ours(path)), part("schema_csv", "pyarrow", path)) for _ in range(rounds)]
    mine, floor = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    checks = {
        **{name: mine[0][name] for name in ("rows", "columns", "levels", "identifiers")},
        "rows_pyarrow": floor[0]["rows"],
        "wall": middle(mine, "wall"),
        "wall_ratio": middle(mine, "wall") / middle(floor, "wall"),
        "peak_mb": max(one["peak_mb"] for one in mine),
        "peak_mb_pyarrow": max(one["peak_mb"] for one in floor),
        "file_mb": megabytes,
    }
    prove(checks, rows=rows, rows_pyarrow=rows, columns=COLUMNS, levels=[2, SITES, WARDS], identifiers=["patient", "phone"])
    emit("schema_csv", value=middle(mine, "cpu"), unit="CPU s", floor=middle(floor, "cpu"), checks=checks)


async def ours(path: Path) -> dict[str, Any]:
    from benchmarks._worker import Watched, session

    async with session(path) as worker:
        watched = await Watched.idle(worker)
        schema = await worker.profile("full")
        cost = watched.cost()
        await worker.write_contract(schema, path.with_suffix(".yaml"))
        peak = watched.peak_mb()
    columns = {column.name: column for column in schema.columns}
    levels = [len(columns[name].categories) for name in ("sex", "site", "ward")]
    unique = [name for name, column in columns.items() if column.semantic == "identifier"]
    found = {"rows": schema.rows, "columns": len(columns), "levels": levels, "identifiers": unique}
    return {"wall": cost.wall, "cpu": cost.cpu, "peak_mb": peak, **found}


def parse(path: Path) -> None:
    from pyarrow import csv

    rows: list[int] = []
    cost = timed(lambda: rows.extend(batch.num_rows for batch in csv.open_csv(path)))
    figures(cost, rows=sum(rows))


if __name__ == "__main__":
    given = arguments(rows=2_000_000, rounds=7)
    if given.part:
        parse(Path(given.part[1]))
    else:
        main(given.rows, given.rounds)
