"""Key and fingerprint of a row, version 2: 128 bits, keyed, the same on every platform and under every library version.

Engines' own hashes change between versions, and an unkeyed hash of a short row can be guessed; so the bytes are ours. AES does the work,
over whole columns at once, in the manner of PMAC (Black and Rogaway 2002, "A block-cipher mode of operation for parallelizable message
authentication") with the masks of XE (Rogaway 2004):

- A value is a head of 16 bytes, and a text further blocks of 16: `_blocks.py` says which. A null has a head as well. Where a column
  stands does not matter; its name does, in normal form C.
- digest = E3(the exclusive or, over all columns and blocks, of E2(block xor E1(column xor number))), each E an AES-256 under a key of its
  own. `number` counts a column's blocks from 0, in the last 8 bytes of the 16, little-endian. No two blocks of a row share column and
  number, so rows that differ in anything differ in what is summed.
- The keys and `column` are BLAKE2b(version byte, purpose, zero byte, what it is for: `1`, `2`, `3`, or `c` and the name; key = secret), of
  32 bytes, and of 16 for `column`. The purpose keeps keys and fingerprints apart.

Memory beside the batch: 48 bytes a row, some 4 MiB, and one copy of a column that is converted. A text beyond ASCII is decoded besides, for
16,384 rows at a time and up to five times its size. How long a single text is costs nothing more.

A change of any rule needs a new version: the goldens in `tests/unit/data/test_fingerprints.py` hold these bytes. What a character is in
normal form is Python's to say; it never changes for one that Unicode 14 knew.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from podium.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = 2
SIZE = 16
Purpose = Literal["key", "row", "copy"]


def digests(batch: pa.RecordBatch, *, secret: bytes, purpose: Purpose, columns: Sequence[str] | None = None) -> bytes:
    """One digest of 16 bytes for each row of the batch, packed, over `columns` (None: all). Raises ConfigError that names the column."""
    import numpy as np

    from podium.history._keyed import Cipher, Column

    names = batch.schema.names if columns is None else list(columns)
    masks, blocks, last = (Cipher(_derived(secret, purpose, label)) for label in (b"1", b"2", b"3"))
    sums = np.zeros((batch.num_rows, 2), dtype="<u8")
    for name, said in _said(batch, names).items():
        place = _derived(secret, purpose, b"c" + said.encode(), size=16)
        Column(name, place, masks=masks, blocks=blocks).add(batch.column(name), sums)
    return last(sums).tobytes()  # type: ignore[no-any-return]


def copy_key(content: bytes, copy: int, *, secret: bytes) -> bytes:
    """The key of the second (copy 1), third … row with the same content, so that each is a datapoint of its own."""
    return hashlib.blake2b(content + copy.to_bytes(8, "big"), digest_size=SIZE, key=_derived(secret, "copy", b"")).digest()


def copy_keys(contents: bytes, copies: Sequence[int], *, secret: bytes) -> bytes:
    """`copy_key` of many, packed as their contents are; copy 0 is the first row, whose key is its content."""
    keyed = hashlib.blake2b(digest_size=SIZE, key=_derived(secret, "copy", b""))
    made = []
    for at, copy in enumerate(copies):
        content = contents[at * SIZE : (at + 1) * SIZE]
        if copy:
            one = keyed.copy()
            one.update(content + copy.to_bytes(8, "big"))
            content = one.digest()
        made.append(content)
    return b"".join(made)


def _derived(secret: bytes, purpose: Purpose, label: bytes, *, size: int = 32) -> bytes:
    if not 16 <= len(secret) <= 64:
        raise ConfigError("a fingerprint secret has 16 to 64 bytes.", field="secret")
    return hashlib.blake2b(bytes([VERSION]) + purpose.encode() + b"\0" + label, digest_size=size, key=secret).digest()


def _said(batch: pa.RecordBatch, names: Sequence[str]) -> dict[str, str]:
    """The columns and their names in normal form, in which no two may be the same: their blocks would cancel each other."""
    there, said = Counter(batch.schema.names), {name: unicodedata.normalize("NFC", name) for name in names}
    wanted = Counter(unicodedata.normalize("NFC", name) for name in names)
    for name, form in said.items():
        if not there[name]:
            raise ConfigError(f"there is no column {name!r}.", field="columns")
        if there[name] > 1 or wanted[form] > 1:
            raise ConfigError(f"there are two columns {form!r}.", field="columns")
    return said
