"""What may be told of a column's statistics without a question: on a catalogue card, on a profile that is shown around.

- A count of rows is rounded; one under `min_cell` is `fewer than`.
- Levels are told of categorical and boolean columns with no more than `max_levels`, each with `min_cell` rows or more. How many
  others there are is not told. Identifiers and texts have no levels here.
- The least and the greatest value are single persons' values. Instead stand values near the 5th and the 95th percentile, rounded,
  with `min_cell` rows or more beyond each, where 100 rows or more have a value.
- Of fewer than `min_rows`, and of a schema that has seen the first rows only, nothing is told but a number of rows.
"""

from __future__ import annotations

import math
import time

from podium.contracts import Category, Column, Count, DatasourceSchema
from podium.privacy.disclosure import Rules, rounded

MIN_ROWS_RANGE = 100
FIGURES = 2


def counted(schema: DatasourceSchema, rules: Rules) -> bool:
    """Whether anything may be told of the columns' figures."""
    return schema.stage == "full" and (schema.rows or 0) >= rules.min_rows


def count(rows: int, rules: Rules) -> Count:
    """A number of rows."""
    return f"fewer than {rules.min_cell}" if 0 < rows < rules.min_cell else rounded(rows, rules.round_to)


def missing(nulls: Count | None, rows: Count, rules: Rules) -> str:
    """The share of rows without a value, from counts that may be told."""
    if nulls is None or isinstance(rows, str):
        return "-"
    if isinstance(nulls, str):
        return f"< {-(-100 * rules.min_cell // rows)} %" if rows else "-"
    share = round(100 * nulls / rows) if rows else 0
    if share >= 100 and nulls < rows:
        return "> 99 %"
    return f"{min(share, 100)} %" if share or not nulls else "< 1 %"


def distinct(column: Column, rules: Rules) -> Count | None:
    """How many levels may be told of; for other columns, and for very many levels, how many values there are, as a number of rows."""
    if 0 < len(column.categories) <= rules.max_levels:
        return len(levels(column, rules))
    return None if column.distinct is None else count(column.distinct, rules)


def levels(column: Column, rules: Rules) -> tuple[Category, ...]:
    """The levels that may be told, with their rounded numbers of rows."""
    if column.semantic not in ("categorical", "boolean") or len(column.categories) > rules.max_levels:
        return ()
    enough = [level for level in column.categories if level.rows >= rules.min_cell]
    return tuple(level.model_copy(update={"rows": rounded(level.rows, rules.round_to)}) for level in enough)


def span(column: Column, rows: int, rules: Rules) -> tuple[float, float] | None:
    """Two values between which most lie, as they are: to be rounded before anybody sees them."""
    valued, steps = rows - (column.nulls or 0), len(column.quantiles) - 1
    if column.semantic not in ("continuous", "date") or valued < MIN_ROWS_RANGE or steps < 2:
        return None
    beyond = max(0.05, rules.min_cell / valued)
    first = math.ceil(beyond * steps - 1e-9)
    return (column.quantiles[first], column.quantiles[steps - first]) if first <= steps / 4 else None


def shown_range(column: Column, rows: int, rules: Rules) -> tuple[float | str, float | str] | None:
    """The values between which most lie, of numbers to two figures, of dates the years."""
    found = span(column, rows, rules)
    if found is None:
        return None
    low, high = (_year(one) if column.semantic == "date" else rounded_figure(one) for one in found)
    return low, high


def rounded_figure(value: float) -> float:
    """To two significant figures."""
    return float(f"{value:.{FIGURES - 1}e}")


def _year(seconds: float) -> str:
    return str(time.gmtime(seconds).tm_year)
