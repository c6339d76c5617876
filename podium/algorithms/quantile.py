"""Quantiles of a continuous column, told from counts between declared edges, with how far off they may be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Self

from pydantic import field_validator

from podium.algorithms._binned import BIN, Binned
from podium.algorithms._grouped import Key
from podium.contracts import Released

MAX_Q = 40
KEPT = "bins were kept back: ask with wider ones"
OPEN = "it may lie beyond the edges: declare wider ones"
NONE = "too few rows are known"


class Quantile(Binned):
    """The smallest value that at least the share q of the rows do not exceed, to within the bins that it can lie in.

    Nothing but rounded counts of bins leaves a pod (see `histogram`), so neither does a least or greatest value. The analyst's side
    follows each count's uncertainty: a pod's counts are all multiples of its rounding, so they are off by at most half of their greatest
    common divisor, and a bin kept back holds fewer rows than the smallest one released. `value` is interpolated; the true quantile lies
    from `lower` up to `upper`, so `error`, their distance, bounds what it is off: the width of the bin where it can be in one bin only.
    Where it may lie in an open bin, or too much was kept back to say, value and error are missing and `reason` says why.
    """

    kind: ClassVar[str] = "quantile"

    q: tuple[float, ...]

    @field_validator("q")
    @classmethod
    def _inside(cls, q: tuple[float, ...]) -> tuple[float, ...]:
        if not 1 <= len(q) <= MAX_Q:
            raise ValueError(f"takes 1 to {MAX_Q} shares")
        if not all(0 < share < 1 for share in q):
            raise ValueError("takes shares between 0 and 1; the least and the greatest value do not leave a pod")
        return q

    def reads(self) -> tuple[str, ...]:
        return (self.column,)

    def combine(self, tables: Sequence[Released], hidden: frozenset[Key] = frozenset()) -> Any:
        """A table with one row for each q: `value`, `error`, `lower`, `upper`, `bin` (that of the value) and `reason`."""
        import pandas as pd

        for table in tables:
            self.known(cell.key for cell in table.cells)
        tally = _tally(tables, self.bins)
        found = [_Found(reason=KEPT) if hidden else _found(self, Fraction(str(q)), tally) for q in self.q]
        data: dict[str, Any] = {"q": list(self.q)}
        for name in ("value", "error", "lower", "upper"):
            data[name] = pd.Series([getattr(one, name) for one in found], dtype="Float64")
        data[BIN] = pd.Series([one.bin for one in found], dtype="Int64")
        data["reason"] = [one.reason for one in found]
        data["suppressed"] = ["min_cell" if one.reason == KEPT else "" for one in found]
        return pd.DataFrame(data)

    @classmethod
    def sample(cls, *_: Any) -> Self:
        return cls(column="age", q=(0.4,), edges=(0, 20, 40, 60, 80, 100))


@dataclass(frozen=True)
class _Tally:
    """The rows of each bin over all pods: as told, and the least and most that there can be. `whole`: nothing was kept back."""

    told: list[int]
    least: list[Fraction]
    most: list[Fraction]
    whole: bool


@dataclass(frozen=True)
class _Found:
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    bin: int | None = None
    reason: str = ""

    @property
    def error(self) -> float | None:
        """How far the value may be off."""
        return None if self.lower is None or self.upper is None else self.upper - self.lower


def _tally(tables: Sequence[Released], bins: int) -> _Tally:
    told, least, most = [0] * bins, [Fraction()] * bins, [Fraction()] * bins
    for table in tables:
        counts = {int(str(cell.key[-1])): int(cell.values["count"]) for cell in table.cells}
        if table.cells and not any(counts.values()):
            return _Tally(told, [Fraction()] * bins, most, whole=False)  # all of them rounded to nothing: they may be anything
        off = Fraction(math.gcd(table.rows, *counts.values()), 2)  # every released count of a pod is a multiple of its rounding
        unseen = min(counts.values(), default=0) + off if table.suppressed else Fraction()
        for place in range(bins):
            told[place] += counts.get(place, 0)
            least[place] += max(counts[place] - off, Fraction()) if place in counts else 0
            most[place] += counts[place] + off if place in counts else unseen
    return _Tally(told, least, most, whole=not any(table.suppressed for table in tables))


def _found(asked: Quantile, q: Fraction, tally: _Tally) -> _Found:
    """The first bin at which the share of rows up to it reaches q: as told, and at the earliest and the latest."""
    if not sum(tally.least):
        return _Found(reason=NONE)
    first, last = _reaches(q, tally.most, tally.least), _reaches(q, tally.least, tally.most)
    place = _reaches(q, tally.told, tally.told)
    lower, upper = asked.bounds(first)[0], asked.bounds(last)[1]
    if lower is None or upper is None:
        return _Found(reason=OPEN if tally.whole or None in asked.bounds(place) else KEPT)
    left, right = asked.edges[place - 1], asked.edges[place]
    inside = (q * sum(tally.told) - sum(tally.told[:place])) / tally.told[place]
    return _Found(left + float(inside) * (right - left), lower, upper, place)


def _reaches(q: Fraction, below: Sequence[Fraction | int], above: Sequence[Fraction | int]) -> int:
    """The first bin up to which `below` has at least the share q of all rows, those after it being `above`."""
    return next(place for place in range(len(below)) if sum(below[: place + 1]) * (1 - q) >= q * sum(above[place + 1 :]))
