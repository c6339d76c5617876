"""Thirty-two rules twice: as a pandera contract, and by hand in polars. Both count what is broken, and call it the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

RANGES = {
    "age": (0, 110),
    "weight": (0, 250),
    "height": (50, 260),
    "score": (0, 1),
    "stage": (1, 4),
    "visits": (0, 100),
    "cost": (0, 10**6),
}
LEVELS = {"sex": ["f", "m"], "site": [f"site-{n:02d}" for n in range(12)]}
NULLABLE = ("age", "ward", "glucose", "note")


def rules() -> Any:
    import pandera.polars as pandera
    import polars as pl
    from pandera import Check

    kinds: dict[str, Any] = {"integer": pl.Int64, "text": pl.String, "number": pl.Float64}
    names = {
        "integer": "visit age stage visits cost",
        "text": "patient sex site ward code note phone scan",
        "number": "weight height glucose score",
    }
    types = {name: kinds[kind] for kind, listed in names.items() for name in listed.split()}
    types |= {"born": pl.Date, "seen": pl.Datetime("us"), "smoker": pl.Boolean}
    checks: dict[str, Check] = {name: Check.in_range(low, high) for name, (low, high) in RANGES.items()}
    checks |= {name: Check.isin(values) for name, values in LEVELS.items()}
    checks |= {"code": Check.str_length(5, 5), "patient": Check.str_matches("^p[0-9]+$")}
    columns = {name: pandera.Column(kind, checks.get(name), nullable=name in NULLABLE) for name, kind in types.items()}
    return pandera.DataFrameSchema(columns, unique=["patient"])


def by_hand(batches: Iterable[pa.RecordBatch]) -> dict[str, int]:
    import polars as pl

    wrong = {f"in_range: {name}": ~pl.col(name).is_between(low, high) for name, (low, high) in RANGES.items()}
    wrong |= {f"isin: {name}": ~pl.col(name).is_in(values) for name, values in LEVELS.items()}
    wrong |= {"str_length: code": pl.col("code").str.len_chars() != 5, "str_matches: patient": ~pl.col("patient").str.contains("^p[0-9]+$")}
    counts, keys, schema = dict.fromkeys(wrong, 0), [], None
    for batch in batches:
        frame = pl.DataFrame(pl.from_arrow(batch))
        schema = schema or frame.schema
        assert frame.schema == schema
        nulls = {f"not_nullable: {name}": pl.col(name).is_null() for name in frame.columns if name not in NULLABLE}
        for name, count in frame.select(**{name: rule.sum() for name, rule in (wrong | nulls).items()}).row(0, named=True).items():
            counts[name] = counts.get(name, 0) + count
        keys.append(frame["patient"].hash())
    patient = pl.concat(keys)
    counts["unique: patient"] = len(patient) - patient.n_unique()
    return {name: count for name, count in counts.items() if count}
