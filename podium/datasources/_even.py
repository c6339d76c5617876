"""Batches of even length, however their reader cut them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


BYTES = 16 << 20


def even(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of `rows` rows; in shorter ones where rows are very long, and at the end of what has one schema."""
    held: list[pa.RecordBatch] = []
    count = size = 0
    for batch in batches:
        if held and (size + batch.nbytes > BYTES or batch.schema != held[0].schema):
            yield from _joined(held)
            held, count, size = [], 0, 0
        rest = batch
        while count + rest.num_rows >= rows:
            yield from _joined([*held, rest.slice(0, rows - count)])
            rest, held, count, size = rest.slice(rows - count), [], 0, 0
        if rest.num_rows:
            held.append(rest)
            count, size = count + rest.num_rows, size + rest.nbytes
    if count:
        yield from _joined(held)


def _joined(held: Sequence[pa.RecordBatch]) -> Sequence[pa.RecordBatch]:
    import pyarrow as pa

    return held if len(held) == 1 else pa.Table.from_batches(held).combine_chunks().to_batches()
