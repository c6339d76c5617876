"""The rows of one part, divided: those that the run judges and uses, those that are known and only moved, and the number of the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from podium.workers.choosing import BAD, CHANGED, MOVED, NEW, Chooser
from podium.workers.pairs import unpacked

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from podium.workers.choosing import Flags
    from podium.workers.pairs import Pairs
    from podium.workers.snapshot import Snapshot


@dataclass
class Rows:
    """Rows in their order, as a chooser knows them. Where none chooses they have no keys, and every row is new."""

    flags: list[Flags] = field(default_factory=list)
    keys: list[Pairs] = field(default_factory=list)
    prints: list[Pairs] = field(default_factory=list)

    def add(self, flags: Flags, keys: Pairs, prints: Pairs) -> None:
        """Some more."""
        self.flags.append(flags)
        self.keys.append(keys)
        self.prints.append(prints)

    def joined(self) -> tuple[Flags, Pairs, Pairs]:
        """All of them."""
        import numpy as np

        none = np.empty((0, 2), dtype=np.uint64)
        flags = np.concatenate([np.empty(0, dtype=np.uint8), *self.flags])
        return flags, np.concatenate([none, *self.keys]), np.concatenate([none, *self.prints])


class Picked:
    """Takes a part's rows. A full run judges all; else what is new or changed, and what moved out of quarantine's sight."""

    def __init__(self, chooser: Chooser | None, *, new_only: bool) -> None:
        self._chooser, self._new_only = chooser, new_only
        self.judged, self.moved = Rows(), Rows()
        self.passed = 0  # rows that are not judged, those that moved among them

    def take(self, rows: int, keys: bytes, prints: bytes) -> npt.NDArray[np.bool_]:
        """Which of the rows are judged."""
        import numpy as np

        every = np.ones(rows, dtype=bool)
        if self._chooser is None:
            self.judged.flags.append(np.full(rows, NEW, dtype=np.uint8))
            return every
        marks = unpacked(prints)
        flags, names = self._chooser.take(unpacked(keys), marks)
        if not self._new_only:
            self.judged.add(flags, names, marks)
            return every
        judged: npt.NDArray[np.bool_] = (flags & (NEW | CHANGED) > 0) | (flags == MOVED | BAD)
        moved = flags == MOVED
        self.judged.add(flags[judged], names[judged], marks[judged])
        self.moved.add(flags[moved], names[moved], marks[moved])
        self.passed += rows - int(judged.sum())
        return judged


class Good:
    """The judged rows that broke no rule."""

    def __init__(self, snapshot: Snapshot, codes: npt.NDArray[np.uint16]) -> None:
        self._snapshot, self._codes = snapshot, codes
        self.names = snapshot.names

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows from the first, with these columns in this order (None: all)."""
        import pyarrow as pa

        start = 0
        for batch in self._snapshot.batches(columns):
            good = self._codes[start : start + batch.num_rows] == 0
            start += batch.num_rows
            yield batch if good.all() else batch.filter(pa.array(good))

    def close(self) -> None:
        """Forget the rows."""
        self._snapshot.close()
