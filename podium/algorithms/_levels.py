"""Splitting a batch into its levels. Only a worker calls this: it needs Arrow and numpy."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from podium.contracts import Value

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa


def groups(batch: pa.RecordBatch, by: Sequence[str]) -> Iterator[tuple[tuple[Value, ...], npt.NDArray[np.int64]]]:
    """Each level of the batch with the positions of its rows; without `by`, one level `()` with all of them.

    Null and NaN are the level None, -0.0 is 0.0, dates and times are ISO text, booleans stay booleans. Two spellings of one level
    may come as two groups with the same key.
    """
    import numpy as np

    if not by:
        yield (), np.arange(batch.num_rows, dtype=np.int64)
    if not by or not batch.num_rows:
        return
    codes = np.zeros(batch.num_rows, dtype=np.int64)
    levels: list[list[Value]] = []
    for name in by:
        encoded = batch.column(batch.schema.get_field_index(name)).dictionary_encode(null_encoding="encode")
        found = [level(value.as_py()) for value in encoded.dictionary]
        codes = codes * max(len(found), 1) + encoded.indices.to_numpy(zero_copy_only=False)
        levels.append(found)
    order = np.argsort(codes, kind="stable")
    present, starts = np.unique(codes[order], return_index=True)
    for code, rows in zip(present.tolist(), np.split(order, starts[1:]), strict=True):
        key: list[Value] = []
        rest = code
        for found in reversed(levels):
            rest, position = divmod(rest, len(found))
            key.insert(0, found[position])
        yield tuple(key), rows


def level(value: Any) -> Value:
    """A cell's value as a level's name."""
    if isinstance(value, dt.date):  # a datetime is one too
        return value.isoformat()
    if isinstance(value, float):
        return None if math.isnan(value) else value + 0.0
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return str(value)
