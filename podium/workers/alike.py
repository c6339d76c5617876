"""Choosing among rows without a key, which their content alone tells apart. Equal rows are copies, each a datapoint of its own.

A row takes a known datapoint with its content that no other row has taken: one of this part, else one that is in no part any more, else
one of a part to come. Where none is left it is new, under the first copy number that is free: copy 0 has the content's digest as its key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podium.history.fingerprints import copy_keys
from podium.workers.choosing import NEW, Chooser, standing, waiting
from podium.workers.pairs import Index, beginnings, order, packed, unpacked
from podium.workers.records import LOST, MET, QUARANTINED, Records

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from podium.workers.choosing import Flags
    from podium.workers.pairs import Pairs, Places

HALF = 32  # what is noted of a content: the next copy number, and in the lower half how many known numbers may lie from there on


class ByContent(Chooser):
    """Known datapoints lie in groups of one content, in each by their keys."""

    keyed = False

    def __init__(self, records: Records, *, secret: bytes) -> None:
        import numpy as np

        self._secret = secret
        keys, prints, places = records.known()
        by = order(prints)  # stable: keys stay in their order
        self._keys, prints = keys.at(by), prints.take(by, axis=0)
        first = beginnings(prints)
        self._index = Index.of(prints[first])
        self._starts = np.append(first, len(by))
        super().__init__(places[by])
        pool = waiting(self._where()).astype(np.int64)
        self._left = np.add.reduceat(pool, first) if len(first) else pool  # of each content, what may still be met

    def begin(self, part: int) -> None:
        import numpy as np

        super().begin(part)
        self._own = np.flatnonzero(self._where() == part)
        groups = np.searchsorted(self._starts, self._own, side="right") - 1
        self._own_groups, self._own_next, sizes = np.unique(groups, return_index=True, return_counts=True)
        self._own_end = self._own_next + sizes

    def take(self, keys: Pairs, prints: Pairs) -> tuple[Flags, Pairs]:
        """`keys`: the rows' contents, which are their fingerprints too."""
        import numpy as np

        by = order(keys)
        ordered = keys[by]
        first = beginnings(ordered)
        once, counts = ordered[first], np.diff(np.append(first, len(by)))
        group = self._index.find(once)
        own, here = self._from_here(group, counts)
        rest, there = self._from_elsewhere(group, counts - here)
        took = here + there
        np.subtract.at(self._left, group[took > 0], took[took > 0])

        content = np.repeat(np.arange(len(once)), counts)
        rank = np.arange(len(by)) - first[content]
        known = rank < took[content]
        record = np.empty(len(by), dtype=np.int64)
        record[rank < here[content]] = own
        record[known & (rank >= here[content])] = rest
        flags, named = np.full(len(by), NEW, dtype=np.uint8), np.empty_like(keys)
        flags[by[known]] = standing(self._places[record[known]], self._part)
        named[by[known]] = self._keys[record[known]]
        self._places[record[known]] = MET
        more = counts > took
        named[by[~known]] = self._new_keys(once[more], group[more], (counts - took)[more])
        return flags, named

    def _from_here(self, group: Places, counts: Places) -> tuple[Places, Places]:
        """Known datapoints of this very part for so many rows of each content, in the order of contents; and how many of each."""
        import numpy as np

        slot = np.searchsorted(self._own_groups, group)
        has = np.flatnonzero(slot < len(self._own_groups))
        has = has[self._own_groups[slot[has]] == group[has]]
        begin = self._own_next[slot[has]]
        number = np.minimum(counts[has], self._own_end[slot[has]] - begin)
        self._own_next[slot[has]] += number
        every = np.zeros_like(counts)
        every[has] = number
        return self._own[runs(begin, number)], every

    def _from_elsewhere(self, group: Places, counts: Places) -> tuple[Places, Places]:
        """As `_from_here`, of other parts and of none: those first that no part to come can have."""
        import numpy as np

        every = np.zeros_like(counts)
        asked = np.flatnonzero((group >= 0) & (counts > 0))
        asked = asked[self._left[group[asked]] > 0]
        if not len(asked):
            return asked, every
        begin = self._starts[group[asked]]
        sizes = self._starts[group[asked] + 1] - begin
        record, of = runs(begin, sizes), np.repeat(np.arange(len(asked)), sizes)
        where = self._places[record] & ~np.uint32(QUARANTINED)
        free = waiting(where) & (where != self._part)  # those of this part are all taken
        record, of, where = record[free], of[free], where[free]
        by = np.lexsort(((where > self._part) & (where != LOST), of))
        record, ends = record[by], np.searchsorted(of[by], np.arange(len(asked) + 1))
        every[asked] = np.minimum(counts[asked], np.diff(ends))
        return record[runs(ends[:-1], every[asked])], every

    def _new_keys(self, contents: Pairs, group: Places, counts: Places) -> Pairs:
        """Keys for so many new rows of each content, in their order."""
        import numpy as np

        noted = self._fresh.find(contents)
        known = np.where(group >= 0, self._starts[group + 1] - self._starts[group], 0)
        number = (noted >> np.uint64(HALF)).astype(np.int64)
        beyond = np.where(noted == 0, known, (noted & np.uint64((1 << HALF) - 1)).astype(np.int64))
        keys = np.repeat(contents, counts, axis=0)  # right for what is there once, and was not before
        several = (counts + number + beyond) > 1
        made, after, passed = self._copies(contents[several], number[several], counts[several], beyond[several], group[several])
        keys[np.repeat(several, counts)] = made
        number[~several] = 1
        number[several] = after
        beyond[several] -= passed
        self._fresh.note(contents, (number.astype(np.uint64) << np.uint64(HALF)) | beyond.astype(np.uint64))
        return keys

    def _copies(self, contents: Pairs, number: Places, counts: Places, beyond: Places, group: Places) -> tuple[Pairs, Places, Places]:
        """The keys of the first free copies from `number` on; for each content the number after, and how many in use were passed.

        Among `counts + beyond` numbers at most `beyond` are in use, so enough are free.
        """
        import numpy as np

        tried = counts + beyond
        of = np.repeat(np.arange(len(contents)), tried)
        numbers = runs(number, tried)
        keys = unpacked(copy_keys(packed(contents[of]), numbers.tolist(), secret=self._secret))
        free = ~self._in_use(keys, group[of])
        begin = np.cumsum(tried) - tried
        so_far = np.append(0, np.cumsum(free))
        nth = so_far[1:] - so_far[begin][of]
        chosen = free & (nth <= counts[of])
        last = numbers[chosen][np.cumsum(counts) - 1]
        return keys[chosen], last + 1, last + 1 - number - counts

    def _in_use(self, keys: Pairs, group: Places) -> npt.NDArray[np.bool_]:
        """Which keys a known datapoint of that group has."""
        import numpy as np

        low = np.where(group >= 0, self._starts[group], 0)
        end = np.where(group >= 0, self._starts[group + 1], 0)
        high = end.copy()
        while len(rows := np.flatnonzero(low < high)):
            middle = (low[rows] + high[rows]) // 2
            at, key = self._keys[middle], keys[rows]
            less = (at[:, 0] < key[:, 0]) | ((at[:, 0] == key[:, 0]) & (at[:, 1] < key[:, 1]))
            low[rows[less]] = middle[less] + 1
            high[rows[~less]] = middle[~less]
        used = np.zeros(len(keys), dtype=bool)
        inside = np.flatnonzero(low < end)
        used[inside] = (self._keys[low[inside]] == keys[inside]).all(axis=1)
        return used

    def _keys_of(self, records: Places) -> Pairs:
        return self._keys[records]


def runs(begin: Places, sizes: Places) -> Places:
    """Whole numbers from each beginning on, so many of each."""
    import numpy as np

    ends = np.cumsum(sizes)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - sizes - begin, sizes)
