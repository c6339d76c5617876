"""A column in a few bars, as it may be shown around: by the rules of `podium.privacy.told`, and never with a value of a few rows.

- Categories: the levels that may be told, codes in their order, words by their rows. All others are one bar, where together they have
  `min_cell` rows or more.
- Numbers and dates: bins between round edges, their rows estimated from the quantiles. The edges lie between the values that a range may
  tell, so that the outermost bins are open and no extreme shows. A bin with fewer than `min_cell` rows is not drawn.
"""

from __future__ import annotations

import datetime as dt
import math
from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise

from podium.contracts import Column
from podium.privacy import told
from podium.privacy.disclosure import Rules, rounded

MOST_BINS, MOST_LEVELS = 12, 12
_HEIGHTS = " ▁▂▃▄▅▆▇█"
_DAY = 86_400
_YEAR = 366 * _DAY


@dataclass(frozen=True)
class Bar:
    """A bar with its rounded number of rows; 0 is too few to be drawn, or none. `others`: it stands for all levels that are not listed."""

    label: str
    rows: int
    others: bool = False


def outline(column: Column, rows: int, rules: Rules) -> tuple[Bar, ...]:
    """The bars; none where there is nothing to be drawn."""
    if column.categories:
        return _levels(column, rules)
    found = told.span(column, rows, rules)
    edges = _edges(column, *found) if found else []
    if not edges:
        return ()
    valued = rows - (column.nulls or 0)
    below = [0.0, *(_share(column.quantiles, edge) for edge, _ in edges), 1.0]
    names = [label for _, label in edges]
    labels = [f"below {names[0]}", *(f"{low} to {high}" for low, high in pairwise(names)), f"{names[-1]} or more"]
    counts = [round(valued * (high - low)) for low, high in pairwise(below)]
    return tuple(Bar(label, _drawn(count, rules)) for label, count in zip(labels, counts, strict=True))


def drawn(bars: tuple[Bar, ...]) -> str:
    """The bars' heights in a word. That of all other levels together would make the others look small."""
    bars = tuple(bar for bar in bars if not bar.others)
    most = max((bar.rows for bar in bars), default=0)
    return "".join(_HEIGHTS[-(-bar.rows * (len(_HEIGHTS) - 1) // most)] for bar in bars) if most else ""


def _levels(column: Column, rules: Rules) -> tuple[Bar, ...]:
    shown = told.levels(column, rules)[:MOST_LEVELS]
    values = {level.text for level in shown}
    if column.type in ("integer", "number", "boolean"):
        shown = tuple(sorted(shown, key=lambda level: float(level.value or 0)))
    bars = [Bar(column.labels.get(level.text, level.text), level.rows) for level in shown]
    others = _drawn(sum(level.rows for level in column.categories if level.text not in values), rules) if shown else 0
    return (*bars, Bar("all others", others, others=True)) if others else tuple(bars)


def _drawn(count: int, rules: Rules) -> int:
    return rounded(count, rules.round_to) if count >= rules.min_cell else 0


def _share(quantiles: tuple[float, ...], edge: float) -> float:
    """Which share of the values is below the edge, which is above the least and below the greatest of them."""
    at = bisect_left(quantiles, edge)
    low, high = quantiles[at - 1], quantiles[at]
    return (at - 1 + (edge - low) / (high - low)) / (len(quantiles) - 1)


def _edges(column: Column, low: float, high: float) -> list[tuple[float, str]]:
    """Round values above `low` and below `high`, with their names."""
    if not low < high:
        return []
    if column.semantic == "date":
        return _dates(low, high)
    step = _nice((high - low) / (MOST_BINS - 2))
    step = max(step, 1.0) if column.type == "integer" else step
    digits = max(0, -math.floor(math.log10(step)))
    marks = range(math.floor(low / step) + 1, math.ceil(high / step))
    return [(mark * step, f"{mark * step:,.{digits}f}" if abs(mark * step) < 1e9 else f"{mark * step:.3g}") for mark in marks]


def _dates(low: float, high: float) -> list[tuple[float, str]]:
    """First days of years, or of months where there are few years."""
    try:
        first, last = (dt.datetime.fromtimestamp(at, dt.UTC) for at in (low, high))
    except (OverflowError, OSError, ValueError):  # beyond the years that a calendar has
        return []
    months = [(year, month) for year in range(first.year, last.year + 1) for month in range(1, 13)]
    if high - low > 4 * _YEAR:
        step = max(1, int(_nice((last.year - first.year) / (MOST_BINS - 2))))
        marks = [(dt.datetime(year, 1, 1, tzinfo=dt.UTC), str(year)) for year, month in months if month == 1 and year % step == 0]
    else:
        step = next(step for step in (1, 2, 3, 6) if step * (MOST_BINS - 2) * 31 * _DAY >= high - low or step == 6)
        marks = [(dt.datetime(year, month, 1, tzinfo=dt.UTC), f"{year}-{month:02}") for year, month in months if (month - 1) % step == 0]
    return [(mark.timestamp(), label) for mark, label in marks if low < mark.timestamp() < high]


def _nice(step: float) -> float:
    """1, 2 or 5 times a power of ten, no less than `step`."""
    power = 10.0 ** math.floor(math.log10(step)) if step > 0 else 1.0
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))
