"""Digests of 16 bytes as numpy has them: two numbers a row, in the order of their bytes; sorted, and looked up a batch at a time.

Look-ups compare all 128 bits; the first 64 only say where to begin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pairs = npt.NDArray[np.uint64]
    Half = npt.NDArray[np.uint64]
    Places = npt.NDArray[np.int64]

WIDTH = 16


def unpacked(packed: bytes) -> Pairs:
    """The digests as numbers that sort as they do."""
    import numpy as np

    return np.frombuffer(packed, dtype=">u8").astype(np.uint64).reshape(-1, 2)


def packed(pairs: Pairs) -> bytes:
    """The digests as bytes, one after the other."""
    return pairs.astype(">u8").tobytes()


def order(pairs: Pairs) -> Places:
    """Where the sorted rows stand; equal ones stay in their order.

    Digests differ in their first 32 bits, but for a few. numpy sorts 16 bits by counting: two such passes cost less than half of one by 64.
    """
    import numpy as np

    heads = np.ascontiguousarray(pairs[:, 0])
    by = np.argsort((heads >> np.uint64(32)).astype(np.uint16), kind="stable")
    by = by.take(np.argsort((heads >> np.uint64(48)).astype(np.uint16).take(by), kind="stable"))
    ordered = heads.take(by)
    if (ordered[1:] <= ordered[:-1]).any():
        tops = ordered >> np.uint64(32)
        same = np.concatenate(([False], tops[1:] == tops[:-1], [False]))
        tied = np.flatnonzero(same[1:] | same[:-1])
        rows = by[tied]
        by[tied] = rows[np.lexsort((pairs[rows, 1], heads[rows]))]
    return by


def beginnings(pairs: Pairs) -> Places:
    """Of sorted rows, where a digest stands for the first time."""
    import numpy as np

    fresh = np.ones(len(pairs), dtype=bool)
    fresh[1:] = ~equal(pairs[1:], pairs[:-1])
    return np.flatnonzero(fresh)


def equal(pairs: Pairs, others: Pairs) -> npt.NDArray[np.bool_]:
    """Which rows hold the same digest in both."""
    same: npt.NDArray[np.bool_] = (pairs[:, 0] == others[:, 0]) & (pairs[:, 1] == others[:, 1])
    return same


class Index:
    """Sorted digests, each once, given as their halves."""

    def __init__(self, heads: Half, tails: Half) -> None:
        self.size = len(heads)
        self._heads, self._tails = heads, tails

    @classmethod
    def of(cls, pairs: Pairs) -> Self:
        """Of sorted rows."""
        return cls(pairs[:, 0].copy(), pairs[:, 1].copy())

    def at(self, places: Places) -> Pairs:
        """The digests there."""
        import numpy as np

        return np.column_stack((self._heads.take(places), self._tails.take(places)))

    def every(self) -> Pairs:
        """All of them."""
        import numpy as np

        return np.column_stack((self._heads, self._tails))

    def find(self, pairs: Pairs) -> Places:
        """For each its place; -1: it is not there. Asked in order the answer comes faster."""
        import numpy as np

        if not self.size:
            return np.full(len(pairs), -1, dtype=np.int64)
        heads, tails = np.ascontiguousarray(pairs[:, 0]), pairs[:, 1]
        place = np.searchsorted(self._heads, heads)
        near = self._heads.take(place, mode="clip") == heads
        found = np.where(near & (self._tails.take(place, mode="clip") == tails), place, -1)
        rows = np.flatnonzero(near & (found < 0))  # some digest shares their first 64 bits
        while len(rows):
            place[rows] += 1
            rows = rows[place[rows] < self.size]
            rows = rows[self._heads[place[rows]] == heads[rows]]
            same = self._tails[place[rows]] == tails[rows]
            found[rows[same]] = place[rows[same]]
            rows = rows[~same]
        return found


class Notes:
    """A number above 0 beside each digest that was noted; what is noted later counts. Grows by 24 bytes a digest."""

    def __init__(self) -> None:
        self._runs: list[tuple[Index, npt.NDArray[np.uint64]]] = []

    def find(self, pairs: Pairs) -> npt.NDArray[np.uint64]:
        """The numbers; 0: not noted. The digests are sorted."""
        import numpy as np

        numbers = np.zeros(len(pairs), dtype=np.uint64)
        for index, noted in self._runs:
            place = index.find(pairs)
            there = place >= 0
            numbers[there] = noted[place[there]]
        return numbers

    def note(self, pairs: Pairs, numbers: npt.NDArray[np.uint64]) -> None:
        """Note these, sorted and each once. Runs of like size become one, so there are never many."""
        import numpy as np

        if not len(pairs):
            return
        self._runs.append((Index.of(pairs), numbers))
        while len(self._runs) > 1 and self._runs[-2][0].size < 2 * self._runs[-1][0].size:
            (index, noted), (other, later) = self._runs[-2:]
            both = np.concatenate((index.every(), other.every()))
            by = order(both)
            last = np.append(beginnings(both[by])[1:], len(by)) - 1
            self._runs[-2:] = [(Index.of(both[by[last]]), np.concatenate((noted, later))[by[last]])]
