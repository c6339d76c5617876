"""A report for the custodian: of each row of the source what it was given by a question, beside the columns that say which row it is.

Rows are streamed; what grows is 25 bytes for each result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from podium.contracts import Reported
from podium.datasources import Datasource
from podium.history.fingerprints import copy_keys, digests
from podium.workers.pairs import Index, beginnings, order, packed, unpacked

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from podium.workers.pairs import Pairs, Places

RECORD = 24  # bytes: a key, and a number (float64, little-endian); infinity: nothing stands any more
GIVEN = "score"


class Results:
    """Keys and numbers, as the history tells them: the last one of a key counts."""

    def __init__(self, chunks: Sequence[bytes]) -> None:
        import numpy as np

        records = np.frombuffer(b"".join(chunks), dtype=[("key", "V16"), ("number", "<f8")])
        keys = unpacked(records["key"].tobytes())
        by = order(keys)
        last = by[np.append(beginnings(keys[by])[1:], len(by)) - 1] if len(by) else by
        self._index = Index.of(keys[last])
        self._numbers = records["number"][last].astype(np.float64)
        self._met = np.zeros(len(last), dtype=bool)

    def of(self, keys: Pairs) -> npt.NDArray[np.float64]:
        """Their numbers; infinity where none stands or the key is not known."""
        import numpy as np

        at = self._index.find(keys)
        self._met[at[at >= 0]] = True
        return np.where(at >= 0, self._numbers[at], np.inf) if len(self._numbers) else np.full(len(keys), np.inf)

    def knows(self, keys: Pairs) -> npt.NDArray[np.bool_]:
        """Which keys anything was said of."""
        found: npt.NDArray[np.bool_] = self._index.find(keys) >= 0
        return found

    @property
    def unmet(self) -> int:
        """How many numbers stand that nobody has asked for."""
        import numpy as np

        return int(np.count_nonzero(~self._met & (self._numbers < np.inf)) + np.count_nonzero(~self._met & np.isnan(self._numbers)))


def write_report(source: Datasource, results: Results, path: Path, *, secret: bytes, progress: Callable[[int], None]) -> Reported:
    """Write the rows that have a result to `path`, as CSV. A row without a key is named by all that it holds."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv

    shown = list(source.key) or [name for name, _ in source.columns()]
    hidden = [] if source.key else [name for name in source.fingerprinted() if name not in shown]
    title = GIVEN
    while title in shown:
        title += "_given"
    rows = written = without = 0
    with path.open("wb") as out:
        writer = None
        for batch in source.read([*shown, *hidden]):
            numbers = _numbers(batch, source, results, secret)
            has = ~np.isinf(numbers)
            told = _plain(batch.select(shown)).filter(pa.array(has))
            given = pa.array(numbers[has], from_pandas=True)  # NaN: an empty cell
            table = told.append_column(title, given)
            writer = writer or csv.CSVWriter(out, table.schema)
            writer.write_batch(table)
            rows, written, without = rows + batch.num_rows, written + told.num_rows, without + given.null_count
            progress(rows)
        if writer is not None:
            writer.close()
    return Reported(rows=rows, written=written, without=without, elsewhere=results.unmet)


def _numbers(batch: pa.RecordBatch, source: Datasource, results: Results, secret: bytes) -> npt.NDArray[np.float64]:
    """Rows of the same content have the same number, whichever copy of it a datapoint was: the first that stands is taken."""
    import numpy as np

    columns = source.key or source.fingerprinted()
    keys = unpacked(digests(batch, secret=secret, purpose="key", columns=columns))
    numbers = results.of(keys)
    if source.key:
        return numbers
    left: Places = np.flatnonzero(np.isinf(numbers) & results.knows(keys))
    copy = 0
    while len(left):
        copy += 1
        copies = unpacked(copy_keys(packed(keys[left]), [copy] * len(left), secret=secret))
        numbers[left] = results.of(copies)
        left = left[np.isinf(numbers[left]) & results.knows(copies)]
    return numbers


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Columns that a CSV can hold: binary ones as hexadecimal."""
    import pyarrow as pa

    columns = [
        pa.array([None if value is None else value.hex() for value in column.to_pylist()]) if pa.types.is_binary(column.type) else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, batch.schema.names)
