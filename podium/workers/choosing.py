"""What each row of a part is to the history: new, changed, or the one that it knows. Rows of a source with a key; the others: `alike.py`.

Whatever is known in a part that is being read, or in one that is gone, is waited for; what nobody has met at the end is gone. Memory grows
by 36 bytes a known datapoint (by up to 48 where there is no key) and 24 a new one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from podium.workers.pairs import Notes, beginnings, equal, order, packed
from podium.workers.records import ELSEWHERE, MET, QUARANTINED, Records

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from podium.workers.pairs import Pairs, Places

    Flags = npt.NDArray[np.uint8]

# What a row is; neither NEW nor CHANGED: it is known as it is. MOVED, BAD: that one was met in another part, or is in quarantine.
NEW, CHANGED, MOVED, BAD = 1, 2, 4, 8


class Chooser(ABC):
    """Takes the rows of one part after the other."""

    keyed: ClassVar[bool]
    twice = 0  # rows whose key another row has

    def __init__(self, places: npt.NDArray[np.uint32]) -> None:
        self._places = places
        self._fresh = Notes()
        self._part = 0

    def begin(self, part: int) -> None:
        """The rows to come are those of this part."""
        self._part = part

    @abstractmethod
    def take(self, keys: Pairs, prints: Pairs) -> tuple[Flags, Pairs]:
        """Flags and key of each row."""

    @abstractmethod
    def _keys_of(self, records: Places) -> Pairs:
        """The keys of known datapoints."""

    def unseen_here(self) -> bytes:
        """Keys that are known in this part and were not met up to now, in their order."""
        import numpy as np

        return self._packed(np.flatnonzero(self._where() == self._part))

    def unseen(self) -> bytes:
        """Keys that are in no part that was read, nor in any other that is left, in their order."""
        import numpy as np

        return self._packed(np.flatnonzero(waiting(self._where())))

    def _where(self) -> npt.NDArray[np.uint32]:
        import numpy as np

        return self._places & ~np.uint32(QUARANTINED)

    def _packed(self, records: Places) -> bytes:
        keys = self._keys_of(records)
        return packed(keys[order(keys)])


class ByKey(Chooser):
    """Rows that have a key: what is the same under it, is the same datapoint."""

    keyed = True

    def __init__(self, records: Records) -> None:
        self._index, self._prints, places = records.known()
        super().__init__(places)

    def take(self, keys: Pairs, prints: Pairs) -> tuple[Flags, Pairs]:
        import numpy as np

        rows = order(keys)
        once = keys.take(rows, axis=0)
        first = beginnings(once)
        if len(first) < len(rows):
            self.twice += len(rows) - len(first)
            rows, once = rows[first], once[first]
        at = self._index.find(once)
        flags = np.zeros(len(keys), dtype=np.uint8)
        if (fresh := at < 0).any():
            flags[rows[fresh]] = NEW
            self.twice += self._again(once[fresh])
            rows, at = rows[~fresh], at[~fresh]
        same = equal(self._prints.take(at, axis=0), prints.take(rows, axis=0))
        places = self._places.take(at)
        flags[rows] = np.where(same, standing(places, self._part), CHANGED)
        self.twice += int(np.count_nonzero(~waiting(places & ~np.uint32(QUARANTINED))))
        self._places[at] = MET
        return flags, keys

    def _again(self, keys: Pairs) -> int:
        """How many of the keys that nobody knew were there in this run before."""
        import numpy as np

        again = int(np.count_nonzero(self._fresh.find(keys)))
        self._fresh.note(keys, np.ones(len(keys), dtype=np.uint64))
        return again

    def _keys_of(self, records: Places) -> Pairs:
        return self._index.at(records)


def waiting(where: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    """Which known datapoints may still be met; `where` without the flag."""
    waits: npt.NDArray[np.bool_] = (where != ELSEWHERE) & (where != MET)
    return waits


def standing(places: npt.NDArray[np.uint32], part: int) -> Flags:
    """The flags of rows that are known as they are, by the places of what is known of them."""
    import numpy as np

    flags = np.zeros(len(places), dtype=np.uint8)
    flags[places & ~np.uint32(QUARANTINED) != part] |= MOVED
    flags[places >= QUARANTINED] |= BAD
    return flags
