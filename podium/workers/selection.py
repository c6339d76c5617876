"""Selecting datapoints: one pass over the source that gives every row its key and fingerprint and keeps the rows a run will read.

A row's key comes from the declared key columns, else from its whole content (all columns, so that a question about one column does not
make equal what differs elsewhere). Its fingerprint covers the columns that the task reads. Memory grows by 16 bytes a row, 32 a chosen one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from podium.contracts import SelectReport
from podium.datasources import ARROW, Datasource
from podium.errors import DataSourceError
from podium.history.fingerprints import SIZE, copy_key, digests
from podium.workers.known import Known, numbers
from podium.workers.snapshot import Snapshot

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa


def select(
    source: Datasource, *, columns: Sequence[str] | None, secret: bytes, known: bytes, progress: Callable[[int], None]
) -> tuple[SelectReport, Snapshot]:
    """The report, and the chosen rows with the task's and the key's columns. Raises DataSourceError."""
    import pyarrow as pa

    shape = dict(source.columns())
    task = list(shape) if columns is None else list(dict.fromkeys(columns))
    identity = list(source.key) or list(shape)
    kept = list(dict.fromkeys([*task, *source.key]))
    read = list(dict.fromkeys([*kept, *(identity if secret else [])]))
    for name in read:
        if name not in shape:
            raise DataSourceError(f"datasource {source.name!r} has no column {name!r}.", code="unknown_column")
    expected = pa.schema([(name, pa.type_for_alias(ARROW[shape[name]])) for name in read])
    snapshot = Snapshot(pa.schema([expected.field(name) for name in kept]))
    rows = _Rows(keyed=bool(source.key), secret=secret, known=Known(known))
    for batch in source.read(read):
        if not batch.schema.equals(expected):
            raise DataSourceError(f"datasource {source.name!r} returned other columns or types than it was asked for.", code="over_read")
        chosen = rows.take(batch, identity=identity, task=task)
        snapshot.add(batch.select(kept) if chosen is None else batch.filter(chosen).select(kept))
        progress(rows.total)
    snapshot.seal()
    return rows.report(source), snapshot


class _Rows:
    """What is known of the rows so far."""

    def __init__(self, *, keyed: bool, secret: bytes, known: Known) -> None:
        self.total = self.chosen = self.changed = 0
        self._keyed, self._secret, self._known = keyed, secret, known
        self._seen: list[bytes] = []  # the key of every row, to find a key that is there twice
        self._keys: list[bytes] = []
        self._prints: list[bytes] = []
        self._again: dict[int, bytes] = {}  # place among the chosen rows → key of a further copy of a known row

    def take(self, batch: pa.RecordBatch, *, identity: Sequence[str], task: Sequence[str]) -> pa.Array | None:
        """Which rows of the batch are chosen; None for all."""
        self.total += batch.num_rows
        if not self._secret:
            self.chosen += batch.num_rows
            return None
        keys = digests(batch, secret=self._secret, purpose="key", columns=identity)
        prints = digests(batch, secret=self._secret, purpose="row", columns=task) if self._keyed else keys
        if self._keyed:
            self._seen.append(keys)
        if not self._known.size:
            self._add(keys, prints, batch.num_rows)
            return None
        mask = self._unknown(keys, prints)
        self._add(_kept(keys, mask), _kept(prints, mask), int(mask.sum()))
        import pyarrow as pa

        return pa.array(mask)

    def report(self, source: Datasource) -> SelectReport:
        """Raises DataSourceError when a declared key is there twice."""
        keys, prints = b"".join(self._keys), b"".join(self._prints)
        if self._keyed and (twice := _repeated(b"".join(self._seen))):
            raise DataSourceError(
                f"the key {', '.join(source.key)} of datasource {source.name!r} does not tell rows apart: {twice} repeat another's.",
                field=f"datasources.{source.name}.key",
                remedy="Declare more key columns, or none: then a row's whole content is its key.",
                code="key_not_unique",
            )
        if not self._keyed and keys:
            keys = self._numbered(keys)
        new = self.chosen - self.changed
        return SelectReport(total=self.total, chosen=self.chosen, new=new, changed=self.changed, keys=keys, fingerprints=prints)

    def _add(self, keys: bytes, prints: bytes, rows: int) -> None:
        self.chosen += rows
        self._keys.append(keys)
        self._prints.append(prints)

    def _unknown(self, keys: bytes, prints: bytes) -> npt.NDArray[np.bool_]:
        same, key_known = self._known.look_up(keys, prints)
        mask = same < 0
        if self._keyed:
            self.changed += int((mask & key_known).sum())
            return mask
        for row, copy in self._known.repeats(same):
            content = keys[row * SIZE : (row + 1) * SIZE]
            key = copy_key(content, copy, secret=self._secret)
            if not self._known.holds(key, content):
                mask[row] = True
                self._again[self.chosen + int(mask[:row].sum())] = key
        return mask

    def _numbered(self, keys: bytes) -> bytes:
        """Rows with the same content get keys of their own, in their order."""
        import numpy as np

        values = numbers(keys)
        order = np.lexsort((np.arange(len(values)), values[:, 1], values[:, 0]))
        same = np.zeros(len(values), dtype=bool)
        same[1:] = (values[order][1:] == values[order][:-1]).all(axis=1)
        packed = bytearray(keys)
        copy = 0
        for place in np.flatnonzero(same).tolist():
            copy = copy + 1 if place and same[place - 1] else 1
            row = int(order[place])
            packed[row * SIZE : (row + 1) * SIZE] = copy_key(keys[row * SIZE : (row + 1) * SIZE], copy, secret=self._secret)
        for row, key in self._again.items():
            packed[row * SIZE : (row + 1) * SIZE] = key
        return bytes(packed)


def _kept(packed: bytes, mask: npt.NDArray[np.bool_]) -> bytes:
    import numpy as np

    return np.frombuffer(packed, dtype=np.uint8).reshape(-1, SIZE)[mask].tobytes()


def _repeated(packed: bytes) -> int:
    import numpy as np

    values = numbers(packed)
    order = np.lexsort((values[:, 1], values[:, 0]))
    return int((values[order][1:] == values[order][:-1]).all(axis=1).sum())
