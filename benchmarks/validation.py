"""A pandera contract with checks as a custodian writes them, beside the same checks written by hand in polars; on rows that break some.

Measured is the validation alone, with the batches in memory; the peak is that of a process that reads them from Parquet as it goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks._measure import Bar, arguments, emit, figures, fresh, median, part, prove, timed
from benchmarks._rules import by_hand, rules

if TYPE_CHECKING:
    import pyarrow as pa
    from pandera.polars import DataFrameSchema

BARS = (
    Bar(figure="ratio", most=2, what="CPU over handwritten polars"),
    Bar(figure="growth", most=1.25, what="peak memory for twice the rows, over that for once"),
)
BROKEN = {"in_range: age": 7, "isin: site": 5, "str_length: code": 3, "unique: patient": 2, "not_nullable: visit": 4}

WRONG: dict[str, list[Any]] = {"age": [900], "site": ["nowhere"], "code": ["X"], "patient": ["p10000000"], "visit": [None]}


def main(rows: int, rounds: int) -> None:
    with fresh() as folder:
        paths = [folder / "once.parquet", folder / "twice.parquet"]
        for times, path in enumerate(paths, 1):
            write(path, rows * times)
        batches, contract = list(read(paths[0])), rules()
        found: dict[str, Any] = {}

        def ours() -> None:
            found["ours"] = sifted(batches, contract)

        def theirs() -> None:
            found["hand"] = by_hand(batches)

        for work in (ours, theirs):
            work()  # once for what is loaded lazily
        pairs = [(timed(ours), timed(theirs)) for _ in range(rounds)]
        peaks = [part("validation", "peak", path)["peak_mb"] for path in paths]
    mine, rival = median([a.cpu for a, _ in pairs]), median([b.cpu for _, b in pairs])
    broken = {"ours": found["ours"][1], "hand": found["hand"]}
    checks = {"rows": found["ours"][0], "broken": broken["ours"], "same": broken["ours"] == broken["hand"], "rules": 20 + 11 + 1}
    wall = {
        "wall": median([a.wall for a, _ in pairs]),
        "wall_ratio": median([a.wall for a, _ in pairs]) / median([b.wall for _, b in pairs]),
    }
    prove(checks, rows=rows, same=True, broken=BROKEN)
    emit("validation", value=mine, unit="CPU s", floor=rival, checks={**checks, **wall, "peak_mb": peaks[0], "growth": peaks[1] / peaks[0]})


def sifted(batches: Iterable[pa.RecordBatch], contract: DataFrameSchema) -> tuple[int, dict[str, int]]:
    """As a worker does it: each row judged, then what must be unique. How many rows there are, and how many break which rule."""
    from schemas.datasource import Sifter

    sifter = Sifter(contract)
    rows = sum(len(verdicts) for _, verdicts in sifter.sift(batches))
    sifter.finish()
    return rows, dict(sifter.failures + sifter.fatal)


def write(path: Path, rows: int) -> None:
    """The table with some broken cells."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from benchmarks._table import table

    data = table(rows)
    for place, (rule, count) in enumerate(BROKEN.items()):
        name = rule.split(": ")[1]
        values = WRONG[name]
        spots = np.zeros(rows, dtype=bool)
        spots[100 + place : 100 + place + 1000 * count : 1000] = True
        new = pa.compute.replace_with_mask(data[name].combine_chunks(), spots, pa.array(values * count, data[name].type))
        data = data.set_column(data.schema.get_field_index(name), name, new)
    pq.write_table(data, path)


def read(path: Path) -> Iterator[pa.RecordBatch]:
    import pyarrow.parquet as pq

    from podium.datasources import BATCH_ROWS

    yield from pq.ParquetFile(path, pre_buffer=False).iter_batches(BATCH_ROWS)  # else Arrow keeps what was read


def peak(path: Path) -> None:
    figures(timed(lambda: sifted(read(path), rules())))


if __name__ == "__main__":
    given = arguments(rows=500_000, rounds=3)
    if given.part:
        peak(Path(given.part[1]))
    else:
        main(given.rows, given.rounds)
