"""What has changed between two schemas of one datasource, and how much that matters.

| rule | told where | level |
|---|---|---|
| `column_dropped` | a column is not there any more | break |
| `type_changed` | a column holds another type | break |
| `column_added` | a column is new | note |
| `semantic_changed` | a column is taken for something else | drift, of few rows note |
| `categories` | categories are new, or gone | note |
| `distribution` | the values lie otherwise: PSI or Kolmogorov-Smirnov, beyond chance | large: drift; some: note |
| `nulls` | the share of missing values moved by 5 points, beyond chance | 20 points: drift, else note |
| `rows` | the number of rows moved by a tenth | lost half or more: drift, else note |

Pure arithmetic, without a clock. Of fewer than `FEW` rows the statistics say nothing. What a schema does not hold is not judged.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from statistics import NormalDist
from typing import Literal

from podium.contracts import Category, Column, DatasourceSchema, Value
from podium.drift.distribution import ALPHA, binned, ks, ks_by_chance, psi, psi_by_chance, rows_told_by_sketch
from podium.plugin import Frozen

Level = Literal["none", "note", "drift", "break"]
Rule = Literal["column_dropped", "type_changed", "column_added", "semantic_changed", "categories", "distribution", "nulls", "rows"]
LEVELS: tuple[Level, ...] = ("none", "note", "drift", "break")
CONSEQUENCE = ("drift", "break")

FEW = 50
PSI_SOME, PSI_LARGE, KS_SOME = 0.1, 0.2, 0.1
NULLS_SOME, NULLS_LARGE = 0.05, 0.20
ROWS_SOME, ROWS_LOST = 0.10, 0.50


class Change(Frozen):
    """One thing that changed. `before` and `after` are types, or what the column is taken for.

    Counts are exact and categories are values: both are for the pod's database. `podium.drift.telling` makes of them what may be shown.
    """

    rule: Rule
    level: Level
    column: str = ""
    before: str = ""
    after: str = ""
    count_before: int | None = None
    count_after: int | None = None
    psi: float | None = None
    higher: float | None = None
    lower: float | None = None
    new: tuple[Value, ...] = ()
    gone: tuple[Value, ...] = ()


class Drift(Frozen):
    """Everything that changed, the gravest first."""

    v: Literal[1] = 1
    changes: tuple[Change, ...] = ()
    rows_before: int | None = None
    rows_after: int | None = None

    @property
    def level(self) -> Level:
        """The gravest level of any change."""
        return max((change.level for change in self.changes), key=LEVELS.index, default="none")

    @property
    def of_consequence(self) -> bool:
        """Whether a figure of today may mean something else than one of before, or cannot be had any more."""
        return self.level in CONSEQUENCE


def compare(before: DatasourceSchema, after: DatasourceSchema, *, decided: Collection[str] = ()) -> Drift:
    """What changed. `decided`: columns whose absence or meaning the custodian has settled herself, so that it is no news."""
    changes = sorted(_changes(before, after, decided), key=lambda change: -LEVELS.index(change.level))
    return Drift(changes=tuple(changes), rows_before=before.rows, rows_after=after.rows)


def same(before: DatasourceSchema, after: DatasourceSchema) -> bool:
    """Whether two schemas say the same of the data. Means of many rows may differ in the last digits by the order of reading."""
    if (before.rows, len(before.columns)) != (after.rows, len(after.columns)):
        return False
    return all(_rounded(one) == _rounded(other) for one, other in zip(before.columns, after.columns, strict=True))


def _changes(before: DatasourceSchema, after: DatasourceSchema, decided: Collection[str]) -> Iterator[Change]:
    were, are = {c.name: c for c in before.columns}, {c.name: c for c in after.columns}
    rows = (before.rows, after.rows)
    few = None in rows or min(before.rows or 0, after.rows or 0) < FEW
    for name, column in were.items():
        if name not in are and name not in decided:
            yield Change(rule="column_dropped", level="break", column=name, before=column.type)
    for name, column in are.items():
        if name not in were:
            yield Change(rule="column_added", level="note", column=name, after=column.type)
        elif column.type != were[name].type:
            yield Change(rule="type_changed", level="break", column=name, before=were[name].type, after=column.type)
        else:
            yield from _of_column(were[name], column, before.rows, after.rows, few=few, decided=name in decided)
    if before.rows is not None and after.rows is not None:
        yield from _of_rows(before.rows, after.rows)


def _of_rows(n: int, m: int) -> Iterator[Change]:
    if abs(m - n) > ROWS_SOME * n:
        lost = n >= FEW and m <= (1 - ROWS_LOST) * n
        yield Change(rule="rows", level="drift" if lost else "note", count_before=n, count_after=m)


def _of_column(before: Column, after: Column, n: int | None, m: int | None, *, few: bool, decided: bool) -> Iterator[Change]:
    name = after.name
    if before.semantic != after.semantic and not decided:
        yield Change(rule="semantic_changed", level="note" if few else "drift", column=name, before=before.semantic, after=after.semantic)
    if before.categories and after.categories:
        had, has = _counts(before.categories), _counts(after.categories)
        new, gone = tuple(v for k, (v, _) in has.items() if k not in had), tuple(v for k, (v, _) in had.items() if k not in has)
        if new or gone:
            yield Change(rule="categories", level="note", column=name, new=new, gone=gone)
    if few or n is None or m is None or before.nulls is None or after.nulls is None:
        return
    if level := _nulls(before.nulls, after.nulls, n=n, m=m):
        yield Change(rule="nulls", level=level, column=name, count_before=before.nulls, count_after=after.nulls)
    yield from _of_values(before, after, n=n - before.nulls, m=m - after.nulls)


def _nulls(x: int, y: int, *, n: int, m: int) -> Level | None:
    """Two proportions, pooled, two-sided (NIST handbook 7.3.3), and large enough to matter."""
    pooled, moved = (x + y) / (n + m), abs(x / n - y / m)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    if moved < NULLS_SOME or moved <= NormalDist().inv_cdf(1 - ALPHA / 2) * error:
        return None
    return "drift" if moved >= NULLS_LARGE else "note"


def _of_values(before: Column, after: Column, *, n: int, m: int) -> Iterator[Change]:
    """By categories where both schemas list them, else by their quantiles. Identifiers differ with every row."""
    if min(n, m) < FEW or "identifier" in (before.semantic, after.semantic):
        return
    distance, worth = None, [float(n), float(m)]
    if before.categories and after.categories:
        had, has = _counts(before.categories), _counts(after.categories)
        keys = [*had, *(key for key in has if key not in had)]
        p, q = ([counts[key][1] / rows if key in counts else 0.0 for key in keys] for counts, rows in ((had, n), (has, m)))
    elif len(before.quantiles) > 1 and len(after.quantiles) > 1:
        (p, q), distance = binned(before.quantiles, after.quantiles), ks(before.quantiles, after.quantiles)
        worth = [rows_told_by_sketch(n), rows_told_by_sketch(m)]
    else:
        return
    index = psi(p, q, n=n, m=m)
    beyond = index > psi_by_chance(sum(1 for pair in zip(p, q, strict=True) if any(pair)), n=worth[0], m=worth[1])
    apart = distance is not None and distance.d >= KS_SOME and distance.d > ks_by_chance(n=n, m=m)
    if apart or (beyond and index >= PSI_SOME):
        level: Level = "drift" if beyond and index >= PSI_LARGE else "note"
        higher, lower = (distance.higher, distance.lower) if distance else (None, None)
        yield Change(rule="distribution", level=level, column=after.name, psi=index, higher=higher, lower=lower)


def _counts(categories: tuple[Category, ...]) -> dict[tuple[str, Value], tuple[Value, int]]:
    """By type as well as value: 1 and true are two categories."""
    return {(type(level.value).__name__, level.value): (level.value, level.rows) for level in categories}


def _rounded(column: Column) -> dict[str, object]:
    fields = column.model_dump()
    shortened = {name: tuple(map(_short, value)) if name == "quantiles" else _short(value) for name, value in fields.items()}
    return {**shortened, "reason": ""}


def _short(value: object) -> object:
    return float(f"{value:.12g}") if isinstance(value, float) else value
