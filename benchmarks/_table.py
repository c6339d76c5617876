"""The table that the data benchmarks read: 20 columns of the kinds that hospitals have, the same for the same number of rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS, SITES, WARDS = 20, 12, 30
WORDS = ["admitted", "stable", "review", "mild", "fever", "since", "no", "further", "change"]


def table(rows: int, *, start: int = 0) -> pa.Table:
    """An id, whole numbers with gaps, other numbers, dates, times, booleans, few and many levels, free text, a path."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    random = np.random.default_rng(start)

    def text(prefix: str, numbers: Any) -> pa.Array:
        return pc.binary_join_element_wise(prefix, pc.cast(pa.array(numbers), pa.string()), "")

    def one_of(values: list[str], share_null: float = 0.0) -> pa.Array:
        picked = pa.array(random.integers(0, len(values), rows), mask=random.random(rows) < share_null)
        return pa.array(values).take(picked)

    notes = [" ".join(random.choice(WORDS, 8)) + f" {number}" for number in range(20_000)]
    number = np.arange(start, start + rows)
    columns = {
        "patient": text("p", number + 10_000_000),
        "visit": number * 7 + 3,
        "age": pa.array(random.integers(0, 100, rows), mask=random.random(rows) < 0.05),
        "sex": one_of(["f", "m"]),
        "site": one_of([f"site-{n:02d}" for n in range(SITES)]),
        "ward": one_of([f"ward {n:03d}" for n in range(WARDS)], 0.1),
        "code": one_of([f"{chr(65 + n % 26)}{n:04d}" for n in range(1500)]),
        "born": pa.array(random.integers(-15_000, 19_000, rows).astype("int32"), pa.int32()).cast(pa.date32()),
        "seen": pa.array(1_600_000_000_000_000 + random.integers(0, 10**8, rows) * 1_000_000).cast(pa.timestamp("us")),
        "smoker": random.random(rows) < 0.2,
        "weight": random.normal(75, 12, rows).round(1),
        "height": random.normal(171, 9, rows).round(1),
        "glucose": pa.array(random.gamma(5, 1.1, rows).round(3), mask=random.random(rows) < 0.2),
        "score": random.random(rows),
        "stage": random.integers(1, 5, rows),
        "visits": random.poisson(3, rows),
        "cost": random.integers(0, 10**6, rows),
        "note": one_of(notes, 0.02),
        "phone": text("+44 20 ", random.integers(10**6, 10**7, rows)),
        "scan": text("scans/2024/", number * 13 % 90_001),
    }
    return pa.table(columns)


def write_parquet(path: Path, rows: int) -> Path:
    """The same rows as Parquet, a row group for each half a million."""
    import pyarrow.parquet as pq

    size = 500_000
    with pq.ParquetWriter(path, table(1).schema) as writer:
        for start in range(0, rows, size):
            writer.write_table(table(min(size, rows - start), start=start))
    return path


def write_csv(path: Path, rows: int) -> Path:
    """The table as CSV, half a million rows at a time, so that a large one needs no more memory than a small one."""
    from pyarrow import csv

    size = 500_000
    with csv.CSVWriter(path, table(1).schema) as writer:
        for start in range(0, rows, size):
            writer.write_table(table(min(size, rows - start), start=start))
    return path
