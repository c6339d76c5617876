"""The blocks of one column, enciphered and summed: the part of a fingerprint that has the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podium.history._blocks import ROWS, buffer, heads, missing, normal, plain, tails, textual

if TYPE_CHECKING:
    import pyarrow as pa

LONG = 64  # bytes of a text, on average, from which it is worth to look for texts that come again
SAMPLE = 1_024


class Cipher:
    """AES-256 on each of many blocks."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        self._encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 a permutation is what is wanted here

    def __call__(self, blocks: Any) -> Any:
        import numpy as np

        out = np.empty(blocks.size + 2, dtype="<u8")  # `cryptography` wants a block of room at the end
        self._encryptor.update_into(blocks.reshape(-1).view(np.uint8), out.view(np.uint8).data)
        return out[:-2].reshape(-1, 2)


class Column:
    """What one column adds to the sums of rows."""

    def __init__(self, name: str, place: bytes, *, masks: Cipher, blocks: Cipher) -> None:
        import numpy as np

        self._name, self._masks, self._blocks = name, masks, blocks
        self._place = np.frombuffer(place, dtype="<u8")
        self._mask = masks(self._place)[0]

    def add(self, column: pa.Array, sums: Any) -> None:
        """Add each row's blocks. Raises ConfigError for a type that has no fingerprint."""
        import pyarrow as pa

        if pa.types.is_dictionary(column.type):
            if len(column.dictionary) <= len(column):
                self._add_each_once(column, sums)
                return
            column = column.dictionary_decode()
        column = plain(column, self._name)
        if textual(column) and column.nbytes > LONG * len(column) and _repeating(column):
            self._add_each_once(column.dictionary_encode(), sums)
            return
        for start in range(0, len(column), ROWS):
            self._add_rows(normal(column.slice(start, ROWS), self._name), sums[start : start + ROWS])

    def _add_rows(self, column: pa.Array, sums: Any) -> None:
        import numpy as np

        blocks, text = heads(column)
        blocks[:, 0] ^= self._mask[0]
        blocks[:, 1] ^= self._mask[1]
        sums ^= self._blocks(blocks)
        for tail in tails(text) if text else ():
            masks = np.empty_like(tail.blocks)
            masks[:, 0], masks[:, 1] = self._place[0], self._place[1] ^ tail.numbers.view("<u8")
            tail.blocks[:] ^= self._masks(masks)
            share = sums.take(tail.rows, axis=0)
            share ^= _summed(self._blocks(tail.blocks), tail.begins)
            sums.view("V16").reshape(-1)[tail.rows] = share.view("V16").reshape(-1)

    def _add_each_once(self, column: pa.DictionaryArray, sums: Any) -> None:
        """The same, each distinct value enciphered once."""
        import numpy as np
        import pyarrow as pa

        values = column.dictionary
        each = np.zeros((len(values) + 1, 2), dtype="<u8")
        for value, share in ((values, each[:-1]), (pa.nulls(1), each[-1:])):
            self.add(value, share)
        indices = column.indices.cast(pa.int64())
        places, null = buffer(indices, "<i8"), missing(indices)
        sums ^= each.take(places if null is None else np.where(null, len(values), places), axis=0)


def _summed(blocks: Any, begins: Any) -> Any:
    """The exclusive or of the blocks from each of these places to the next."""
    import numpy as np

    if len(begins) == len(blocks):
        return blocks
    sums = np.bitwise_xor.accumulate(blocks, axis=0).take(np.append(begins[1:], len(blocks)) - 1, axis=0)
    sums[1:] = sums[1:] ^ sums[:-1]
    return sums


def _repeating(column: pa.Array) -> bool:
    return len(column) > SAMPLE and len(column.slice(0, SAMPLE).unique()) < SAMPLE // 2
