"""What a value is, in blocks of 16 bytes.

The first byte of a head is a tag, the last eight are a value; what is between is zeros unless said otherwise. All little-endian.

- Null: `n`. Boolean: `b`, 0 or 1. Date: `d`, days since 1970.
- Number: `i`, two's complement, if it is whole and a 64-bit integer, or a float below 2**53 in size: 1 and 1.0 agree, and -0.0 is 0.
  Unsigned from 2**63 on: `u`. Every other float, of whatever width: `f`, IEEE 754 of 64 bits, and one NaN, 7ff8000000000000.
- Time: `t`, microseconds since 1970 in UTC, rounded down; the nanoseconds that are left stand in bytes 1 and 2. A time without a zone
  counts as UTC.
- Text, in normal form C and UTF-8: 16 + its length modulo 16, then its first 15 bytes; whatever follows fills blocks 1, 2, … of 16.
  Binary: the same with 32. What a text does not fill is zeros. The number of blocks and the tag tell the length.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from podium.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 16_384  # of a column at a time: what is worked on stays in the processor's cache
BLOCKS = 16_384  # of texts at a time, so that a very long one takes no more memory than many short ones
IN_HEAD = 15
ASCII = 127
WHOLE = {"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}
TEXTS = {"string": 16, "large_string": 16, "binary": 32, "large_binary": 32}  # and their tags
_EXACT = 2.0**53  # below it, every whole float stands for itself alone


class Text(NamedTuple):
    """Some rows of a text column: the bytes, where each value's begin, how many it has (a null: none), and the tag."""

    data: Any
    starts: Any
    sizes: Any
    tag: int


class Tail(NamedTuple):
    """Blocks behind heads: to which rows they belong, where each row's begin, their numbers, and themselves."""

    rows: Any
    begins: Any
    numbers: Any
    blocks: Any


def plain(column: pa.Array, name: str) -> pa.Array:
    """The column as one of the few types that `heads` knows, unchanged in what it says. Raises ConfigError for any other."""
    import pyarrow as pa

    kind = str(column.type)
    if kind in WHOLE or kind in TEXTS or kind in ("bool", "double", "date32[day]", "null"):
        return column
    if kind in ("halffloat", "float"):
        return column.cast(pa.float64())
    if kind == "date64[ms]":
        return column.cast(pa.date32())
    if kind == "string_view":
        return column.cast(pa.large_string())
    if kind.startswith(("binary_view", "fixed_size_binary")):
        return column.cast(pa.large_binary())
    if kind.startswith("timestamp"):
        try:
            return column if column.type.unit in ("us", "ns") else column.cast(pa.timestamp("us", column.type.tz))
        except pa.ArrowInvalid:
            raise ConfigError(f"column {name!r} has a time that is too far away to have a fingerprint.", field="columns") from None
    raise ConfigError(f"column {name!r} has a type that has no fingerprint: {kind}.", field="columns")


def textual(column: pa.Array) -> bool:
    """Whether values of this plain column have a tail."""
    return str(column.type) in TEXTS


def heads(column: pa.Array) -> tuple[Any, Text | None]:
    """The heads of some rows of a plain column; of texts also what `tails` needs."""
    import numpy as np

    blocks, text, null = np.empty((len(column), 2), dtype="<u8"), None, missing(column)
    if textual(column):
        text = _text(column, null)
        _text_heads(text, blocks)
    else:
        _fill(column, blocks)
    if null is not None:
        np.copyto(blocks[:, 0], ord("n"), where=null)
        np.copyto(blocks[:, 1], 0, where=null)
    return blocks, text


def missing(column: pa.Array) -> Any:
    """Which rows are null; None: none is. From Arrow's own memory, for its ways from and to other values load pandas."""
    import pyarrow as pa

    return buffer(column.is_null().cast(pa.int8()), "i1").view(bool) if column.null_count else None


def buffer(column: pa.Array, form: str) -> Any:
    """The column's values as they lie in memory."""
    import numpy as np

    return np.frombuffer(column.buffers()[1], form, len(column), column.offset * int(form[-1]))


def tails(text: Text) -> Iterator[Tail]:
    """What does not fit into the heads."""
    import numpy as np

    rows = np.flatnonzero(text.sizes > IN_HEAD)
    if not len(rows):
        return
    left, starts = text.sizes[rows] - IN_HEAD, text.starts[rows] + IN_HEAD
    counts = (left + 15) >> 4
    ends = np.cumsum(counts)
    begins = ends - counts
    for low in range(0, int(ends[-1]), BLOCKS):
        high = min(low + BLOCKS, int(ends[-1]))
        part = slice(int(np.searchsorted(ends, low, "right")), int(np.searchsorted(ends, high - 1, "right")) + 1)
        first = np.maximum(begins[part], low)
        times = np.minimum(ends[part], high) - first
        numbers = np.arange(low, high)
        numbers -= np.repeat(begins[part], times)
        before = numbers << 4
        blocks = _sixteen(text.data, np.repeat(starts[part], times) + before)
        blocks &= _keep().take(np.minimum(np.repeat(left[part], times) - before, 16), axis=0)
        numbers += 1
        yield Tail(rows[part], first - low, numbers, blocks)


def normal(column: pa.Array, name: str) -> pa.Array:
    """Some rows of a plain column, its texts in normal form C. Arrow's `utf8_normalize` decomposes instead, up to version 22."""
    import pyarrow as pa

    if TEXTS.get(str(column.type)) != TEXTS["string"] or not len(column):
        return column
    text = _text(column, None)
    used = text.data[int(text.starts[0]) : int(text.starts[-1] + text.sizes[-1])]
    if not len(used) or int(used.max()) <= ASCII or _is_normal(used.tobytes()):
        return column
    try:
        return pa.array([value and unicodedata.normalize("NFC", value) for value in column.to_pylist()], pa.large_string())
    except UnicodeDecodeError:
        raise ConfigError(f"column {name!r} has a text that is no UTF-8.", field="columns") from None


def _is_normal(texts: bytes) -> bool:
    """Whether texts are, told from all of them together: every part of what is normal is normal. False may be wrong."""
    try:
        return unicodedata.is_normalized("NFC", texts.decode())
    except UnicodeDecodeError:  # below a null may lie anything
        return False


def _fill(column: pa.Array, blocks: Any) -> None:
    """Tags and values; rows that are null get anything."""
    import numpy as np
    import pyarrow as pa

    kind, tags, values = str(column.type), blocks[:, 0], blocks[:, 1]
    if kind == "uint64":
        values[:] = buffer(column, "<u8")
        tags[:] = np.where(values >> np.uint64(63), np.uint64(ord("u")), np.uint64(ord("i")))
    elif kind in WHOLE:
        tags[:], values[:] = ord("i"), _signed(buffer(column, f"<{kind[0]}{column.type.byte_width}"))
    elif kind == "double":
        _numbers(buffer(column, "<f8"), tags, values)
    elif kind == "bool":
        tags[:], values[:] = ord("b"), buffer(column.cast(pa.int8()), "i1")
    elif kind == "date32[day]":
        tags[:], values[:] = ord("d"), _signed(buffer(column, "<i4"))
    elif kind.startswith("timestamp[ns"):
        micro, nano = np.divmod(buffer(column, "<i8"), 1000)
        tags[:], values[:] = nano.view("<u8") << np.uint64(8) | np.uint64(ord("t")), micro.view("<u8")
    elif kind.startswith("timestamp"):
        tags[:], values[:] = ord("t"), buffer(column, "<u8")


def _numbers(numbers: Any, tags: Any, values: Any) -> None:
    import numpy as np

    with np.errstate(invalid="ignore"):
        whole = (np.trunc(numbers) == numbers) & (np.abs(numbers) < _EXACT)
        tags[:], values[:] = ord("f"), numbers.view("<u8")
        nan = np.isnan(numbers)
    if nan.any():
        values[nan] = 0x7FF8 << 48
    if whole.any():
        np.copyto(tags, ord("i"), where=whole)
        np.copyto(values, np.where(whole, numbers, 0).astype("<i8").view("<u8"), where=whole)


def _text_heads(text: Text, blocks: Any) -> None:
    import numpy as np

    found = _sixteen(text.data, text.starts)
    found &= _keep().take(np.minimum(text.sizes, IN_HEAD), axis=0)
    blocks[:, 0] = found[:, 0] << np.uint64(8) | (text.sizes & 15 | text.tag).view("<u8")
    blocks[:, 1] = found[:, 1] << np.uint64(8) | found[:, 0] >> np.uint64(56)


def _text(column: pa.Array, null: Any) -> Text:
    import numpy as np

    kind = str(column.type)
    _, offsets, content = column.buffers()
    width = 8 if kind.startswith("large") else 4
    there = np.frombuffer(offsets, f"<i{width}", len(column) + 1, column.offset * width).astype("<i8")
    data = np.frombuffer(content, np.uint8) if content is not None and content.size else np.zeros(0, np.uint8)
    sizes = there[1:] - there[:-1]
    if null is not None:
        sizes[null] = 0
    return Text(data, there[:-1], sizes, TEXTS[kind])


def _sixteen(data: Any, at: Any) -> Any:
    """The 16 bytes from each of these places on, which never go back; behind the end of the data are zeros."""
    import numpy as np

    safe = max(len(data) - 15, 0)  # places from which 16 bytes are there
    cut = int(np.searchsorted(at, safe))
    found = np.empty(len(at), dtype="V16")
    if cut:
        found[:cut] = np.ndarray((safe,), "V16", data, strides=(1,))[at[:cut]]
    if cut < len(at):
        end = np.concatenate([data[safe:], np.zeros(16, np.uint8)])
        found[cut:] = np.ndarray((len(end) - 15,), "V16", end, strides=(1,))[at[cut:] - safe]
    return found.view("<u8").reshape(-1, 2)


def _signed(values: Any) -> Any:
    return values.astype("<i8").view("<u8")


@cache
def _keep() -> Any:
    """What of a block is left when its first n bytes are kept, by n."""
    import numpy as np

    return np.array([[255] * kept + [0] * (16 - kept) for kept in range(17)], dtype=np.uint8).view("<u8")
