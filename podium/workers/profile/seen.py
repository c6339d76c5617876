"""What is known of one column after some rows: counts, extremes, moments, levels while they are few, and sketches.

Two of them merge into what one scan over both would know; sums of floats to their last digits, quantiles within their sketch's error.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from podium.contracts import ColumnType, Value
from podium.workers.profile.hashes import hashed, numbers, texts
from podium.workers.profile.rows import TEXTS, Asked
from podium.workers.profile.sketch import Sketch, mixed, once, ordered
from podium.workers.profile.spread import Spread
from podium.workers.profile.unique import Run, all_different

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

MAX_LEVELS = 200
CLOSE = 1 << 14  # whole numbers that lie so close together are counted by their place
HUGE = 1e150  # beyond, a number is a value but would spoil sums and ranges: infinity
Write = Callable[["NDArray[np.uint64]"], Run]


class Seen:
    """One column. `room`: how many hashes it may still keep for the proof of uniqueness; None in `levels`: too many, or not asked."""

    def __init__(self, kind: ColumnType, *, size: int, levels: bool = True, room: int = 0, write: Write = Run.of) -> None:
        self.kind, self.room, self.write = kind, room, write
        self.values = self.finite = self.length = 0
        self.low: int | float | None = None
        self.high: int | float | None = None
        self.mean = self.square = 0.0
        self.whole, self.counted, self.repeated, self.keeps = True, levels, False, room > 0
        self.levels: dict[Value, int] | None = {} if levels else None
        self.sketch, self.spread = Sketch(size), Spread(max(128, size // 4))
        self.runs: list[Run] = []
        self.shape = ""
        self.proved: bool | None = None

    @property
    def distinct(self) -> int:
        """How many different values there are, about."""
        return self.sketch.count() if self.levels is None else len(self.levels)

    def answers(self, asked: Asked, *, room: int) -> bool:
        """Whether all that is asked is known, though another question was asked when these rows were read."""
        levels = not asked.levels or self.counted or self.sketch.count() > MAX_LEVELS
        proof = self.repeated or self.keeps or self.levels is not None
        return levels and (proof or not asked.unique or self.values > room)

    def unique(self) -> bool | None:
        """Whether each value is there once; None: that was not kept track of."""
        if self.levels is not None:
            return all(rows == 1 for rows in self.levels.values())
        if self.repeated or self.proved is not None:
            return not self.repeated
        return all_different(self.runs) if self.keeps else None

    def settle(self) -> None:
        """Find out whether it is unique, and let go of what that took."""
        self.proved = self.unique()
        self.repeated, self.keeps, self.runs = self.proved is False, False, []

    def add(self, rows: pa.RecordBatch, number: int, asked: Asked) -> None:
        """The rows of a block."""
        if asked.by_hash:
            self._add_hashes(*_hashes_and_lengths(rows, number))
            return
        column = rows.column(f"c{number}").drop_null()
        if self.kind in TEXTS or self.kind == "boolean":
            self.values += len(column)
            self._add_counted(*_counts(column), _hashes(rows, number))
        else:
            self._add_numbers(column)

    def _add_hashes(self, hashes: NDArray[np.uint64], lengths: pa.Array) -> None:
        import pyarrow.compute as pc

        found = hashes[~numbers(lengths.is_null().cast("uint8")).view(bool)] if lengths.null_count else hashes
        self.values += len(found)
        self.length += pc.sum(lengths).as_py() or 0
        self._add_each(found)

    def _add_numbers(self, column: pa.Array) -> None:
        import pyarrow.compute as pc

        if self.kind in ("date", "timestamp"):
            column = column.view("int32" if self.kind == "date" else "int64")
        values = numbers(column)
        low, high = _bounds(values)
        if self.kind == "number" and math.isnan(low):
            values = values[~np.isnan(values)]
            low, high = _bounds(values)
        self.values += len(values)
        finite = values
        if self.kind == "number" and max(-low, high) >= HUGE:
            finite = values[np.abs(values) < HUGE]
            low, high = _bounds(finite)
        if len(finite):
            self._add_finite(finite, low, high)
        if self.levels is None:
            self._add_each(mixed(values))
        elif self.kind == "integer" and high - low < CLOSE:
            counts = np.bincount(values - low)
            found = np.flatnonzero(counts)
            self._add_counted(found + low, counts[found])
        else:
            self._add_counted(*_counts(column if len(values) == len(column) else column.filter(pc.invert(pc.is_nan(column)))))

    def _add_finite(self, values: NDArray[Any], low: float, high: float) -> None:
        if self.kind in ("integer", "number"):
            mean = float(values.mean(dtype=np.float64))
            away = values - mean
            self.mean, self.square = self._moments(len(values), mean, float(np.square(away, out=away).sum()))
            self.whole = self.whole and (self.kind == "integer" or bool((values == np.trunc(values)).all()))
        self._add_extremes(low, high)
        self.finite += len(values)
        self.spread.add(values)

    def _add_extremes(self, low: float, high: float) -> None:
        self.low = low if self.low is None else min(self.low, low)
        self.high = high if self.high is None else max(self.high, high)

    def _moments(self, count: int, mean: float, square: float) -> tuple[float, float]:
        """Mean and sum of squared distances from it, of both together."""
        away, total = mean - self.mean, self.finite + count
        return self.mean + away * count / total, self.square + square + away * away * self.finite * count / total

    def _add_counted(self, different: pa.Array | NDArray[Any], counts: NDArray[np.int64], rows: pa.Array | None = None) -> None:
        """Each different value once: levels as long as they are few, then hashes. `rows`: the hash of each row, if known."""
        import pyarrow.compute as pc

        if self.kind in TEXTS:
            self.length += int((numbers(pc.binary_length(different)) * counts).sum())
        if self.levels is not None and len(different) <= MAX_LEVELS:
            self._count(dict(zip(different.tolist(), counts.tolist(), strict=True)))
            return
        if self.levels is not None:
            self._stop_counting()
        if rows is not None:
            hashes = numbers(rows)
        elif self.kind in TEXTS:
            hashes = hashed(different)
        else:
            hashes = mixed(numbers(different))
        self._add_distinct(once(ordered(hashes)), repeated=bool((counts > 1).any()))

    def _count(self, more: dict[Value, int]) -> None:
        assert self.levels is not None
        self.levels |= {value: self.levels.get(value, 0) + rows for value, rows in more.items()}
        if len(self.levels) > MAX_LEVELS:
            self._stop_counting()

    def _stop_counting(self) -> None:
        levels, self.levels = self.levels or {}, None
        if levels:
            self._add_distinct(self._sorted_hashes(levels), repeated=any(rows > 1 for rows in levels.values()))

    def _sorted_hashes(self, levels: dict[Value, int]) -> NDArray[np.uint64]:
        if self.kind in TEXTS:
            return np.sort(hashed(texts([str(level) for level in levels])))
        return np.sort(mixed(np.array(list(levels), np.float64 if self.kind == "number" else np.int64)))

    def _add_each(self, hashes: NDArray[np.uint64]) -> None:
        """One hash for each row."""
        if not self.keeps:
            self.sketch.add(hashes)
            return
        run = once(ordered(hashes))
        self._add_distinct(run, repeated=len(run) < len(hashes))

    def _add_distinct(self, run: NDArray[np.uint64], *, repeated: bool) -> None:
        again = self.sketch.merge(run)
        self.repeated = self.repeated or repeated or again
        if self.repeated or len(run) > self.room:
            self.keeps, self.runs = False, []
        elif self.keeps and len(run):
            self.room -= len(run)
            self.runs.append(self.write(run))

    def merge(self, other: Seen) -> None:
        """Take in what is known of other rows."""
        if other.finite:
            self.mean, self.square = self._moments(other.finite, other.mean, other.square)
            assert other.low is not None
            assert other.high is not None
            self._add_extremes(other.low, other.high)
            self.spread.merge(other.spread.points, other.spread.weights)
        self.values, self.finite, self.length = self.values + other.values, self.finite + other.finite, self.length + other.length
        self.whole = self.whole and other.whole
        if self.levels is not None and other.levels is not None:
            self._count(other.levels)
            return
        if self.levels is not None:
            self._stop_counting()
        if other.levels is not None:
            if other.levels:
                self._add_distinct(self._sorted_hashes(other.levels), repeated=any(rows > 1 for rows in other.levels.values()))
            return
        again = self.sketch.merge(other.sketch.kept)
        self.repeated = self.repeated or other.repeated or again
        self.room -= other.values
        self.keeps = self.keeps and other.keeps and not self.repeated and self.room >= 0
        self.runs = [*self.runs, *other.runs] if self.keeps else []


def _bounds(values: NDArray[Any]) -> tuple[float, float]:
    """The least and the greatest, not a number if one is; 0 where there is none."""
    return (values.min().item(), values.max().item()) if len(values) else (0, 0)


def _counts(values: pa.Array) -> tuple[pa.Array, NDArray[np.int64]]:
    """The different values, and how often each is there."""
    found = values.value_counts()
    return found.field("values"), numbers(found.field("counts"))


def _hashes_and_lengths(rows: pa.RecordBatch, number: int) -> tuple[NDArray[np.uint64], pa.Array]:
    """Of each row, by the engine that read it or made here; a text that is not there has no length."""
    import pyarrow.compute as pc

    if rows.schema.get_field_index(f"h{number}") >= 0:
        return numbers(rows.column(f"h{number}")), rows.column(f"l{number}")
    texts = rows.column(f"c{number}")
    return hashed(texts), pc.binary_length(texts)


def _hashes(rows: pa.RecordBatch, number: int) -> pa.Array | None:
    """Those of the texts that are there, where the engine made them."""
    if rows.schema.get_field_index(f"h{number}") < 0:
        return None
    texts, found = rows.column(f"c{number}"), rows.column(f"h{number}")
    return found.filter(texts.is_valid()) if texts.null_count else found
