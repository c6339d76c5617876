"""The chosen rows, kept for the length of a session: validate and compute must see the same ones."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

IN_MEMORY = 64 << 20


class Snapshot:
    """An Arrow stream in memory up to 64 MiB, then in a file that has no name and that nobody else can open."""

    def __init__(self, schema: pa.Schema, *, folder: str | None = None) -> None:
        import pyarrow as pa

        self.rows = 0
        self.names: tuple[str, ...] = tuple(schema.names)
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY, dir=folder)  # noqa: SIM115 it lives as long as the session
        self._writer = pa.ipc.new_stream(self._file, schema)

    def add(self, batch: pa.RecordBatch) -> None:
        """Keep these rows."""
        self.rows += batch.num_rows
        self._writer.write_batch(batch)

    def seal(self) -> None:
        """No more rows."""
        self._writer.close()

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows from the first, with these columns in this order (None: all)."""
        import pyarrow as pa

        self._file.seek(0)
        for batch in pa.ipc.open_stream(self._file):
            yield batch if columns is None else batch.select(list(columns))

    def close(self) -> None:
        """Forget the rows."""
        self._file.close()
