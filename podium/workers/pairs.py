"""Digests of 16 bytes as numpy has them: two numbers a row, in the order of their bytes; sorted, and looked up a batch at a time.

Look-ups compare all 128 bits; the first 64 only say where to begin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pairs = npt.NDArray[np.uint64]
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
    """Where the sorted rows stand; equal ones stay in their order."""
    import numpy as np

    by = np.argsort(pairs[:, 0], kind="stable")
    heads, tails = pairs[by, 0], pairs[by, 1]
    tied = heads[1:] == heads[:-1]
    if bool((tied & (tails[1:] < tails[:-1])).any()):
        by = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return by


def beginnings(pairs: Pairs) -> Places:
    """Of sorted rows, where a digest stands for the first time."""
    import numpy as np

    fresh = np.ones(len(pairs), dtype=bool)
    fresh[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    return np.flatnonzero(fresh)


class Index:
    """Sorted digests, each once."""

    def __init__(self, pairs: Pairs) -> None:
        import numpy as np

        self.size = len(pairs)
        self._heads, self._tails = np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])

    def at(self, places: Places) -> Pairs:
        """The digests there."""
        import numpy as np

        return np.column_stack((self._heads[places], self._tails[places]))

    def find(self, pairs: Pairs) -> Places:
        """For each its place; -1: it is not there. Asked in order the answer comes faster."""
        import numpy as np

        found = np.full(len(pairs), -1, dtype=np.int64)
        place = np.searchsorted(self._heads, pairs[:, 0])
        rows = np.arange(len(pairs))
        while len(rows := rows[place[rows] < self.size]):  # once, but for digests that share their first 64 bits
            rows = rows[self._heads[place[rows]] == pairs[rows, 0]]
            same = self._tails[place[rows]] == pairs[rows, 1]
            found[rows[same]] = place[rows[same]]
            rows = rows[~same]
            place[rows] += 1
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
        self._runs.append((Index(pairs), numbers))
        while len(self._runs) > 1 and self._runs[-2][0].size < 2 * self._runs[-1][0].size:
            (index, noted), (other, later) = self._runs[-2:]
            both = np.concatenate((index.at(np.arange(index.size)), other.at(np.arange(other.size))))
            by = order(both)
            last = np.append(beginnings(both[by])[1:], len(by)) - 1
            self._runs[-2:] = [(Index(both[by[last]]), np.concatenate((noted, later))[by[last]])]
