"""How many different values there are, from the least of their 64-bit hashes: exact while there are few, about 2 % off beyond.

Merging the sketches of parts gives the sketch of the whole, bit for bit, however the rows were cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEW = 512  # hashes that are sorted sooner as they are
_STEP, _FIRST, _SECOND = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


class Sketch:
    """The `size` least hashes seen, sorted, each once."""

    def __init__(self, size: int, kept: NDArray[np.uint64] | None = None) -> None:
        self.size = size
        self.kept = np.empty(0, np.uint64) if kept is None else kept
        self._lately: NDArray[np.uint64] | None = None
        self._slot = np.uint64((1 << (2 * size - 1).bit_length()) - 1)

    @property
    def exact(self) -> bool:
        """Whether every hash seen is kept."""
        return len(self.kept) < self.size

    def count(self) -> int:
        """How many different hashes were seen."""
        return len(self.kept) if self.exact else round((self.size - 1) / (int(self.kept[-1]) / 2**64))

    def add(self, hashes: NDArray[np.uint64]) -> None:
        """In any order, any of them several times. What is known already is passed over before it is sorted."""
        if not self.exact:
            hashes = hashes[hashes <= self.kept[-1]]
        if self._lately is not None:
            hashes = hashes[self._lately[hashes & self._slot] != hashes]
        if len(hashes):
            self.merge(self._least(hashes))
            self._remember()

    def merge(self, distinct: NDArray[np.uint64]) -> bool:
        """Sorted hashes, each once. Whether one of them was there before, as far as can be told."""
        if not self.exact:
            distinct = distinct[: np.searchsorted(distinct, self.kept[-1], "right")]
        if not len(distinct):
            return False
        both = once(np.sort(np.concatenate([self.kept, distinct]), kind="stable"))  # two sorted runs: they are merged
        repeated = len(both) < len(self.kept) + len(distinct)
        self.kept = both[: self.size].copy()
        return repeated

    def _least(self, hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Those that may have to be kept, sorted, each once. Of very many, most need not be sorted to know that others are less."""
        if len(hashes) > 4 * self.size:
            few = once(ordered(hashes[hashes <= np.uint64(2 * self.size * (2**64 // len(hashes)))]))
            if len(few) >= self.size:
                return few
        return once(ordered(hashes))

    def _remember(self) -> None:
        if self._lately is None:
            self._lately = np.zeros(int(self._slot) + 1, np.uint64)  # about two for each hash: a wide table has many sketches
            self._lately[0] = 1  # a hash that has no business in the first slot
        self._lately[self.kept & self._slot] = self.kept


def ordered(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Sorted. Hashes are spread evenly, so by their first 16 bits they nearly are: less than half of what it takes without knowing that."""
    if len(hashes) < FEW:
        return np.sort(hashes)
    above = hashes - hashes.min()
    first = above >> np.uint64(max(0, int(above.max()).bit_length() - 16))
    found = hashes[np.argsort(first.astype(np.uint16), kind="stable")]
    found.sort(kind="stable")
    return found


def once(run: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Sorted hashes, each once; numpy's own `unique` takes several times as long on integers."""
    new = np.ones(len(run), bool)
    np.not_equal(run[1:], run[:-1], out=new[1:])
    return run if new.all() else run[new]


def mixed(values: NDArray[Any]) -> NDArray[np.uint64]:
    """A hash of each number (splitmix64 of its bits): different numbers, different hashes."""
    if values.dtype == np.float64:
        values = values + 0.0  # -0.0 is 0.0
    mix = values.astype(np.int64, copy=False) if values.dtype != np.float64 else values
    found = mix.view(np.uint64) + _STEP
    found ^= found >> np.uint64(30)
    found *= _FIRST
    found ^= found >> np.uint64(27)
    found *= _SECOND
    found ^= found >> np.uint64(31)
    return found
