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
    """Takes packed records, oldest first, and makes of them what is known now."""

    def __init__(self) -> None:
        self._keys: list[Pairs] = []
        self._prints: list[Pairs] = []
        self._places: list[npt.NDArray[np.uint32]] = []
        self._lost: list[bytes] = []

    def add(self, chunk: bytes) -> None:
        """Some records of 36 bytes: key, fingerprint (zeros: gone), and the place, big-endian."""
        import numpy as np

        if len(chunk) % RECORD:
            raise WorkerError("the known datapoints are not whole records of 36 bytes.", code="worker_command")
        rows = np.frombuffer(chunk, dtype=[("key", ">u8", 2), ("print", ">u8", 2), ("place", ">u4")])
        self._keys.append(rows["key"].astype(np.uint64))
        self._prints.append(rows["print"].astype(np.uint64))
        self._places.append(rows["place"].astype(np.uint32))

    def lose(self, keys: bytes) -> None:
        """Some that stand as ELSEWHERE and are LOST."""
        self._lost.append(keys)

    def known(self) -> tuple[Pairs, Pairs, npt.NDArray[np.uint32]]:
        """Keys in their order, each once, with fingerprint and place. What was taken in is let go."""
        import numpy as np

        keys = np.concatenate(self._keys or [np.empty((0, 2), dtype=np.uint64)])
        self._keys.clear()
        by = order(keys)
        keys = keys[by]
        last = np.append(beginnings(keys)[1:], len(keys)) - 1 if len(keys) else by
        prints = np.concatenate(self._prints or [keys])[by[last]]
        self._prints.clear()
        there = prints.any(axis=1)
        keys, prints = keys[last[there]], prints[there]
        places = np.concatenate(self._places or [np.empty(0, dtype=np.uint32)])[by[last[there]]]
        self._places.clear()
        self._mark_lost(keys, places)
        return keys, prints, places

    def _mark_lost(self, keys: Pairs, places: npt.NDArray[np.uint32]) -> None:
        import numpy as np

        lost = unpacked(b"".join(self._lost))
        self._lost.clear()
        if len(lost):
            at = Index(keys).find(lost[order(lost)])
            at = at[at >= 0]
            at = at[places[at] & ~np.uint32(QUARANTINED) == ELSEWHERE]
            places[at] = (places[at] & np.uint32(QUARANTINED)) | np.uint32(LOST)
