"""The datapoints a task has used before: packed records of 32 bytes (key, fingerprint), sorted, looked up a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from podium.errors import WorkerError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

RECORD = 32


class Known:
    """Look-ups compare all 256 bits; the first 64 only say where to begin."""

    def __init__(self, packed: bytes) -> None:
        import numpy as np

        if len(packed) % RECORD:
            raise WorkerError("the known datapoints are not whole records of 32 bytes.", code="worker_command")
        self.size = len(packed) // RECORD
        self._records = np.frombuffer(packed, dtype=">u8").astype(np.uint64).reshape(-1, 4)
        self._heads = np.ascontiguousarray(self._records[:, 0])
        if self.size > 1 and bool((self._heads[1:] < self._heads[:-1]).any()):
            raise WorkerError("the known datapoints are not sorted.", code="worker_command")
        self._times = np.zeros(self.size, dtype=np.int64)

    def look_up(self, keys: bytes, fingerprints: bytes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """For each row the record with its key and fingerprint (-1: none), and whether its key is known at all."""
        import numpy as np

        key, fingerprint = numbers(keys), numbers(fingerprints)
        same = np.full(len(key), -1, dtype=np.int64)
        key_known = np.zeros(len(key), dtype=bool)
        place = np.searchsorted(self._heads, key[:, 0])
        open_rows = np.arange(len(key))
        while len(open_rows):  # once, but for records that share their first 64 bits
            open_rows = open_rows[place[open_rows] < self.size]
            found = self._records[place[open_rows]]
            open_rows, found = open_rows[heads := found[:, 0] == key[open_rows, 0]], found[heads]
            with_key = found[:, 1] == key[open_rows, 1]
            key_known[open_rows[with_key]] = True
            whole = with_key & (found[:, 2:] == fingerprint[open_rows]).all(axis=1)
            same[open_rows[whole]] = place[open_rows[whole]]
            open_rows = open_rows[~whole]
            place[open_rows] += 1
        return same, key_known

    def holds(self, key: bytes, fingerprint: bytes) -> bool:
        """Whether that very record is known."""
        return bool(self.look_up(key, fingerprint)[0][0] >= 0)

    def repeats(self, same: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
        """(row, copy) of the rows that meet a record which an earlier row has met: copy 1 is the second row with that content."""
        import numpy as np

        rows = np.flatnonzero(same >= 0)
        records, counts = np.unique(same[rows], return_counts=True)
        again = records[(counts > 1) | (self._times[records] > 0)]
        for row in rows[np.isin(same[rows], again)].tolist():
            record = int(same[row])
            if copy := int(self._times[record]):
                yield row, copy
            self._times[record] += 1
        once = records[~np.isin(records, again)]
        self._times[once] += 1


def numbers(packed: bytes) -> npt.NDArray[np.uint64]:
    """Digests of 16 bytes as two numbers a row, in the order of their bytes."""
    import numpy as np

    return np.frombuffer(packed, dtype=">u8").astype(np.uint64).reshape(-1, 2)
