"""How numbers are spread: points at evenly spaced ranks, each standing for as many values as lie around it.

Of a large block some rows are looked at, at places that depend on its length alone, so equal rows give equal points. All values of
a small table are points; beyond that a quantile's rank is off by less than about one in a hundred.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLOSELY = 8192
WELL_KNOWN = 100_000  # values after which fewer of each block are looked at
SHARES = np.arange(33) / 32


class Spread:
    """Points in no order with their weights; at most `size` are left whenever they are too many."""

    def __init__(self, size: int, points: NDArray[np.float64] | None = None, weights: NDArray[np.float64] | None = None) -> None:
        self.size, self.values = size, 0
        self.points = np.empty(0) if points is None else points
        self.weights = np.empty(0) if weights is None else weights

    def add(self, values: NDArray[Any]) -> None:
        """The values of a block."""
        most = CLOSELY if self.values < WELL_KNOWN else self.size
        looked = (values[_places(len(values), most)] if len(values) > most else values).astype(np.float64)
        self.values += len(values)
        looked.sort()  # runs in order are soon merged
        if len(looked) > self.size:
            looked = looked[((np.arange(self.size) + 0.5) * len(looked) / self.size).astype(np.int64)]
        self.merge(looked, np.full(len(looked), len(values) / max(1, len(looked))))

    def merge(self, points: NDArray[np.float64], weights: NDArray[np.float64]) -> None:
        """The points of another part."""
        self.points, self.weights = np.concatenate([self.points, points]), np.concatenate([self.weights, weights])
        if len(self.points) > 8 * self.size:
            self.shrink()

    def shrink(self) -> None:
        """Leave `size` points of equal weight, where there are more."""
        if len(self.points) > self.size:
            total = float(self.weights.sum())
            self.points = self._at((np.arange(self.size) + 0.5) / self.size)
            self.weights = np.full(self.size, total / self.size)

    def quantiles(self, low: float, high: float) -> tuple[float, ...]:
        """33 values at evenly spaced shares of the rows; the least and the greatest are known exactly."""
        if not len(self.points):
            return ()
        inner = np.clip(self._at(SHARES[1:-1]), low, high)
        return (float(low), *map(float, inner), float(high))

    def _at(self, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        order = np.argsort(self.points, kind="stable")
        reached = np.cumsum(self.weights[order])
        places = np.searchsorted(reached, shares * reached[-1] * (1 - 1e-12), "left")
        found: NDArray[np.float64] = self.points[order][np.minimum(places, len(order) - 1)]
        return found


@functools.lru_cache(maxsize=64)
def _places(length: int, most: int) -> NDArray[np.int64]:
    """Rows to look at: one at random in each of `most` even stretches, the same for each block of that length."""
    found = ((np.arange(most) + np.random.default_rng(length).random(most)) * (length / most)).astype(np.int64)
    return np.minimum(found, length - 1)
