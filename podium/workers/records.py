"""What the history knows of a question's datapoints when a run begins: of each its newest record, and where it was met."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podium.errors import WorkerError
from podium.workers.pairs import Index, beginnings, order, unpacked

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from podium.workers.pairs import Pairs

RECORD = 36
# As the history packs them: met in a part that is not about to be read, or in none that is left; and a flag beside the place.
ELSEWHERE, LOST = 0x7FFF_FFFF, 0x7FFF_FFFE
QUARANTINED = 0x8000_0000
MET = 0x7FFF_FFFD  # ours: this run has met it


class Records:
    """Takes packed records, a stretch of keys at a time, and makes of them what is known now. Never holds them all twice."""

    def __init__(self) -> None:
        import numpy as np

        self._heads, self._tails = np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.uint64)
        self._prints = np.empty((0, 2), dtype=np.uint64)
        self._places = np.empty(0, dtype=np.uint32)
        self._lost: list[bytes] = []

    def add(self, chunk: bytes) -> None:
        """All records of one stretch of keys, oldest first; the stretch lies behind those before it.

        A record is 36 bytes: key, fingerprint (zeros: gone), and the place, big-endian.
        """
        import numpy as np

        if len(chunk) % RECORD:
            raise WorkerError("the known datapoints are not whole records of 36 bytes.", code="worker_command")
        rows = np.frombuffer(chunk, dtype=[("key", ">u8", 2), ("print", ">u8", 2), ("place", ">u4")])
        keys, prints, places = rows["key"].astype(np.uint64), rows["print"].astype(np.uint64), rows["place"].astype(np.uint32)
        newest = order(keys)
        begin = beginnings(keys.take(newest, axis=0))
        if len(begin) < len(newest):
            newest = newest[np.append(begin[1:], len(newest)) - 1]
        there = ((prints[:, 0] | prints[:, 1]) != 0).take(newest)
        if not there.all():
            newest = newest[there]
        self._append(keys.take(newest, axis=0), prints.take(newest, axis=0), places.take(newest))

    def _append(self, keys: Pairs, prints: Pairs, places: npt.NDArray[np.uint32]) -> None:
        """Each column grows in place, without a second copy of itself."""
        size, more = len(self._heads), len(keys)
        if size and more and (int(keys[0, 0]), int(keys[0, 1])) <= (int(self._heads[-1]), int(self._tails[-1])):
            raise WorkerError("the known datapoints are not in stretches of keys that ascend.", code="worker_command")
        for column in (self._heads, self._tails, self._places):
            column.resize(size + more, refcheck=False)
        self._prints.resize((size + more, 2), refcheck=False)
        self._heads[size:], self._tails[size:] = keys[:, 0], keys[:, 1]
        self._prints[size:], self._places[size:] = prints, places

    def lose(self, keys: bytes) -> None:
        """Some that stand as ELSEWHERE and are LOST."""
        self._lost.append(keys)

    def known(self) -> tuple[Index, Pairs, npt.NDArray[np.uint32]]:
        """The keys in their order, and beside them fingerprint and place of each."""
        import numpy as np

        index, lost = Index(self._heads, self._tails), unpacked(b"".join(self._lost))
        if len(lost):
            at = index.find(lost[order(lost)])
            at = at[at >= 0]
            at = at[self._places[at] & ~np.uint32(QUARANTINED) == ELSEWHERE]
            self._places[at] = (self._places[at] & np.uint32(QUARANTINED)) | np.uint32(LOST)
        return index, self._prints, self._places
