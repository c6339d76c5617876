"""A 64-bit hash of each text: the one that DuckDB's `hash()` gives in its SQL, whoever has read the text.

Of short texts numpy makes it, eight bytes of each at a time, as the engine's `HashBytes` does. Where an engine of another version hashes
otherwise, all goes to the engine.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    from numpy.typing import NDArray

LONG = 256  # bytes: one long text takes as many steps as a block of short ones
WORD = 8  # bytes
_SEED, _LENGTH, _STEP = (np.uint64(n) for n in (0xE17A1465, 0xC6A4A7935BD1E995, 0xD6E8FEB86659FD93))
_ONE, _HALF, _HIGHEST = np.uint64(1), np.uint64(32), np.uint64(63)
_FIRST_BYTES = np.array([2 ** (8 * length) - 1 for length in range(WORD + 1)], np.uint64)


def hashed(values: pa.Array) -> NDArray[np.uint64]:
    """The hash of each text; of one that is not there, any number."""
    if str(values.type) == "string" and len(values) and _agree():
        ends = np.frombuffer(values.buffers()[1], np.int32)[values.offset : values.offset + len(values) + 1].astype(np.int64)
        if int(np.diff(ends).max()) <= LONG:
            return _by_words(values, ends)
    return _by_engine(values)


def texts(values: Sequence[str]) -> pa.Array:
    """Texts as Arrow has them."""
    import pyarrow as pa

    encoded = [value.encode() for value in values]
    ends = np.cumsum([0, *map(len, encoded)]).astype(np.int32)
    return pa.StringArray.from_buffers(len(encoded), pa.py_buffer(ends), pa.py_buffer(b"".join(encoded)))


def numbers(column: pa.Array) -> NDArray[Any]:
    """A column without nulls as numpy has it, not copied. Arrow's own `to_numpy` and `pa.array` load pandas: half a second."""
    return np.from_dlpack(column) if len(column) else np.empty(0, np.dtype(str(column.type).replace("double", "float64")))


def _by_words(values: pa.Array, ends: NDArray[np.int64]) -> NDArray[np.uint64]:
    first, last = int(ends[0]), int(ends[-1])
    data = np.zeros((last - first) // WORD + 2, np.uint64)
    if last > first:
        data.view(np.uint8)[: last - first] = np.frombuffer(values.buffers()[2], np.uint8, count=last - first, offset=first)
    begin, length = ends[:-1] - first, np.diff(ends)
    # a word of a text lies in two words of the data, and the second of them is the first one of its next word
    place, skipped = begin >> 3, ((begin & 7) << 3).astype(np.uint64)
    left = _HIGHEST - skipped
    here = data[place]
    found = length.astype(np.uint64) * _LENGTH
    found ^= _SEED
    for read in range(0, int(length.max()), WORD):
        place += 1
        there = data.take(place, mode="clip")
        word = here >> skipped
        word |= (there << left) << _ONE
        here = there
        rest = length - read
        if int(rest.min()) < WORD:
            word &= _FIRST_BYTES[np.clip(rest, 0, WORD)]
            np.copyto(found, (found ^ word) * _STEP, where=rest > 0)
        else:
            found ^= word
            found *= _STEP
    for _ in range(2):
        found ^= found >> _HALF
        found *= _STEP
    found ^= found >> _HALF
    return found


def _by_engine(values: pa.Array) -> NDArray[np.uint64]:
    import pyarrow as pa

    engine = _engine()
    engine.register("texts", pa.Table.from_arrays([values], ["value"]))
    found = numbers(engine.sql("SELECT hash(value) AS h FROM texts").to_arrow_table()["h"].combine_chunks())
    engine.unregister("texts")
    return found


@functools.cache
def _agree() -> bool:
    """Whether the engine of this version hashes as numpy does here."""
    some = texts(["", "é", "of 8 and", "more than twelve bytes, which the engine keeps elsewhere"])
    ends = np.frombuffer(some.buffers()[1], np.int32).astype(np.int64)
    return bool((_by_words(some, ends) == _by_engine(some)).all())


@functools.cache
def _engine() -> duckdb.DuckDBPyConnection:
    import duckdb

    return duckdb.connect(":memory:", config={"threads": 1, "autoinstall_known_extensions": False, "autoload_known_extensions": False})
