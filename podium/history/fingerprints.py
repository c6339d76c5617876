"""Key and fingerprint of a row, version 1: 128 bits, keyed, the same on every platform and under every library version.

Engines' own hashes change between versions, and an unkeyed hash of a short row can be guessed; so the bytes are ours:

- A row is its columns in the order of their names; where they stand in the source does not matter.
- Every value takes nine bytes: a tag, then eight. Null: `n`, zeros. Boolean: `b`. Whole number: `i`, two's complement. Other number: `f`,
  IEEE 754. Date: `d`, days since 1970. Time: `t`, microseconds UTC. Text: `s`, and binary: `x`, with the length in bytes; the bytes
  themselves follow after all columns, in the same order. Everything big-endian.
- A number that is whole and below 2**53 in size is a whole number however it is stored: 1 and 1.0 agree, and -0.0 is 0. One NaN.
- Text is in normal form C.
- digest = BLAKE2b(row, digest size 16, key k), where k = BLAKE2b(version byte, purpose, number of columns, each name with its length,
  digest size 32, key = secret). The purpose keeps keys and fingerprints apart.

A change of any rule needs a new version: the goldens in `tests/unit/data/test_fingerprints.py` hold these bytes.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from podium.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

VERSION = 1
SIZE = 16
Purpose = Literal["key", "row", "copy"]
_WHOLE = 2.0**53


def digests(batch: pa.RecordBatch, *, secret: bytes, purpose: Purpose, columns: Sequence[str] | None = None) -> bytes:
    """One digest of 16 bytes for each row of the batch, packed, over `columns` (None: all)."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    names = sorted(batch.schema.names if columns is None else columns)
    fixed, texts = _encoded(batch, names)
    rows = batch.num_rows
    width = fixed.shape[1]
    key = _key(secret, purpose, names)
    blake2b = hashlib.blake2b
    if not texts:
        block = fixed.tobytes()
        return b"".join([blake2b(block[at * width : (at + 1) * width], digest_size=SIZE, key=key).digest() for at in range(rows)])
    head = pa.Array.from_buffers(pa.binary(width), rows, [None, pa.py_buffer(fixed)]).cast(pa.large_binary())
    joined = pc.binary_join_element_wise(head, *texts, pa.scalar(b"", pa.large_binary()))
    _, offsets, data = joined.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64)[joined.offset : joined.offset + rows + 1].tolist()
    view = memoryview(data)
    return b"".join([blake2b(view[start:end], digest_size=SIZE, key=key).digest() for start, end in pairwise(ends)])


def copy_key(content: bytes, copy: int, *, secret: bytes) -> bytes:
    """The key of the second (copy 1), third … row with the same content, so that each is a datapoint of its own."""
    return hashlib.blake2b(content + copy.to_bytes(8, "big"), digest_size=SIZE, key=_key(secret, "copy", ())).digest()


def copy_keys(contents: bytes, copies: Sequence[int], *, secret: bytes) -> bytes:
    """`copy_key` of many, packed as their contents are; copy 0 is the first row, whose key is its content."""
    keyed = hashlib.blake2b(digest_size=SIZE, key=_key(secret, "copy", ()))
    made = []
    for at, copy in enumerate(copies):
        content = contents[at * SIZE : (at + 1) * SIZE]
        if copy:
            one = keyed.copy()
            one.update(content + copy.to_bytes(8, "big"))
            content = one.digest()
        made.append(content)
    return b"".join(made)


def _key(secret: bytes, purpose: Purpose, names: Sequence[str]) -> bytes:
    if not 16 <= len(secret) <= 64:
        raise ConfigError("a fingerprint secret has 16 to 64 bytes.", field="secret")
    parts = [bytes([VERSION]), purpose.encode(), b"\0", len(names).to_bytes(4, "big")]
    for name in names:
        text = unicodedata.normalize("NFC", name).encode()
        parts += [len(text).to_bytes(4, "big"), text]
    return hashlib.blake2b(b"".join(parts), digest_size=32, key=secret).digest()


def _encoded(batch: pa.RecordBatch, names: Sequence[str]) -> tuple[npt.NDArray[np.uint8], list[Any]]:
    """Nine bytes a value, and for each text or binary column its bytes."""
    import numpy as np

    fixed = np.zeros((batch.num_rows, 9 * len(names)), dtype=np.uint8)
    texts: list[Any] = []
    for position, name in enumerate(names):
        column = batch.column(batch.schema.get_field_index(name))
        tags, values, text = _column(column, name)
        if column.null_count:
            null = column.is_null().to_numpy(zero_copy_only=False)
            tags, values = np.where(null, np.uint8(ord("n")), tags), np.where(null, np.int64(0), values)
        fixed[:, 9 * position] = tags
        fixed[:, 9 * position + 1 : 9 * position + 9] = values.astype(">i8").view(np.uint8).reshape(-1, 8)
        if text is not None:
            texts.append(text)
    return fixed, texts


def _column(column: pa.Array, name: str) -> tuple[Any, Any, Any]:
    """(tags, values as int64, bytes or None) of one column; nulls hold anything."""
    import numpy as np
    import pyarrow as pa

    kind = column.type
    if pa.types.is_null(kind):
        return _tag("n", column), np.zeros(len(column), dtype=np.int64), None
    if pa.types.is_floating(kind):
        return (*_numbers(column.fill_null(0.0).to_numpy(zero_copy_only=False).astype(np.float64)), None)
    if pa.types.is_integer(kind):
        return _tag("i", column), _whole(column), None
    if pa.types.is_boolean(kind):
        return _tag("b", column), _whole(column.cast(pa.int8())), None
    if pa.types.is_date(kind):
        return _tag("d", column), _whole(column.cast(pa.date32()).cast(pa.int32())), None
    if pa.types.is_timestamp(kind):
        return _tag("t", column), _whole(column.cast(pa.timestamp("us", kind.tz)).cast(pa.int64())), None
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return _texts(column)
    raise ConfigError(f"column {name!r} has a type that has no fingerprint.", field="columns")


def _tag(tag: str, column: pa.Array) -> Any:
    import numpy as np

    return np.full(len(column), ord(tag), dtype=np.uint8)


def _whole(column: pa.Array) -> Any:
    import numpy as np

    return column.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)


def _numbers(values: npt.NDArray[np.float64]) -> tuple[Any, Any]:
    import numpy as np

    with np.errstate(invalid="ignore"):
        whole = (np.abs(values) < _WHOLE) & (np.trunc(values) == values)
    bits = np.where(np.isnan(values), np.nan, values).view(np.int64)
    return np.where(whole, np.uint8(ord("i")), np.uint8(ord("f"))), np.where(whole, np.where(whole, values, 0).astype(np.int64), bits)


def _texts(column: pa.Array) -> tuple[Any, Any, Any]:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    textual = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    filled = column.fill_null("" if textual else b"")
    if textual and not (pc.all(pc.string_is_ascii(filled)).as_py() or len(filled) == 0):
        filled = pc.utf8_normalize(filled, "NFC")
    text = filled.cast(pa.large_binary())
    return _tag("s" if textual else "x", column), pc.binary_length(text).to_numpy(zero_copy_only=False).astype(np.int64), text
