"""Some rows of a source, by their numbers from its first row on."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def picked(batch: pa.RecordBatch, wanted: Sequence[int], start: int) -> pa.RecordBatch:
    """The rows of the batch, which begins at row `start`, that are `wanted`: sorted, each once."""
    return batch.take(places(wanted, start, batch.num_rows))


def places(wanted: Sequence[int], start: int, rows: int) -> pa.Array:
    """Which of the wanted rows are among these, as places among them."""
    import pyarrow as pa

    found = wanted[bisect_left(wanted, start) : bisect_left(wanted, start + rows)]
    return pa.array([row - start for row in found], pa.int64())
