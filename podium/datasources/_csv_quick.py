"""A slice of a CSV by Arrow's reader: the rows that DuckDB's has, in half the time, or an error.

Arrow is asked to be strict. What it takes, DuckDB takes too, and as the same value; where it refuses, or a byte is there that the two
might take differently, DuckDB reads in its place, and says what is wrong if something is.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from podium.datasources._ahead import ahead
from podium.datasources._csv_times import told
from podium.datasources._even import even
from podium.datasources._slices import BLOCK, BOM, Slice

if TYPE_CHECKING:
    import pyarrow as pa

# What Arrow reads each of DuckDB's types as.
_ARROW = {"BIGINT": "int64", "DOUBLE": "double", "BOOLEAN": "bool", "DATE": "date32", "VARCHAR": "string", "TIMESTAMP": "timestamp[us]"}
_ISO = ("", "%Y-%m-%d")
AHEAD, PATIENCE = 4, 0.1  # blocks read and not parsed yet; seconds to wait for the parser: a long line takes several blocks
WIDE, ROOM = 1000, 2 << 10  # columns, and bytes of a block for each of more: a handful of rows is no block


class Doubtful(ValueError):
    """The two readers might take these bytes differently."""


@dataclass(frozen=True)
class Form:
    """How a file is written, as far as both readers must be told."""

    delimiter: str
    quote: str
    nulls: tuple[str, ...]
    date: str
    timestamp: str
    header: bool

    def takes(self, types: Mapping[str, str], columns: Sequence[str]) -> bool:
        """Whether such a file can be read the quick way. Of a single column an empty line is a value."""
        return len(types) > 1 and len(columns) > 0 and all(types[name] in _ARROW for name in columns)


@contextmanager
def quickly(
    path: Path, piece: Slice, *, form: Form, types: Mapping[str, str], columns: Sequence[str], rows: int
) -> Iterator[Iterator[pa.RecordBatch]]:
    """These columns of the slice, `rows` rows at a time. Raises Doubtful and the errors of Arrow and DuckDB, also midway."""
    import pyarrow as pa

    with path.open("rb", buffering=0) as file:
        checked = _Checked(file, piece, hexadecimal="BIGINT" in {types[name] for name in columns})
        batches = _batches(pa.PythonFile(checked, mode="r"), piece, form=form, types=types, columns=columns)
        with closing(ahead(even(checked.followed(batches), rows), most=1)) as parsed:
            yield (_timed(batch, types, form) for batch in parsed)


def _batches(file: pa.PythonFile, piece: Slice, *, form: Form, types: Mapping[str, str], columns: Sequence[str]) -> pa.RecordBatchReader:
    import pyarrow as pa
    from pyarrow import csv

    size = BLOCK if len(types) <= WIDE else max(BLOCK, ROOM * len(types))
    read = csv.ReadOptions(
        use_threads=False, block_size=size, column_names=list(types), skip_rows_after_names=int(form.header and not piece.start)
    )
    parse = csv.ParseOptions(delimiter=form.delimiter, quote_char=form.quote, double_quote=True, newlines_in_values=True)
    convert = csv.ConvertOptions(
        column_types={name: pa.type_for_alias("string" if _as_text(types[name], form) else _ARROW[types[name]]) for name in columns},
        include_columns=list(columns),
        null_values=list(form.nulls or ("",)),
        strings_can_be_null=True,
        true_values=["true", "True", "TRUE"],
        false_values=["false", "False", "FALSE"],
    )
    return csv.open_csv(file, read, parse, convert)


def _timed(batch: pa.RecordBatch, types: Mapping[str, str], form: Form) -> pa.RecordBatch:
    """The batch with its times as times. Arrow's reader is not asked for them: it takes an hour without minutes."""
    for number, name in enumerate(batch.schema.names):
        if _as_text(types[name], form):
            written = form.timestamp if types[name] == "TIMESTAMP" else form.date
            batch = batch.set_column(number, name, told(batch.column(number), types[name], written))
    return batch


def _as_text(native: str, form: Form) -> bool:
    return native == "TIMESTAMP" or (native == "DATE" and form.date not in _ISO)


class _Checked:
    """A slice as a file for Arrow. Raises Doubtful at a byte that the readers might take differently, and at the end of another slice."""

    def __init__(self, file: BinaryIO, piece: Slice, *, hexadecimal: bool) -> None:
        import numpy as np
        import xxhash

        self._file, self._piece, self._left, self._hexadecimal = file, piece, piece.end - piece.start, hexadecimal
        self._digest = xxhash.xxh3_128()
        file.seek(max(0, piece.start - 2))
        before = file.read(min(2, piece.start))
        self._returns = before == b"\r\n" if before else None  # whether lines end in a carriage return too; None: not known yet
        self._last = before[-1:] or b"\n"
        self._most, self._waiting, self._lag = AHEAD, 0, threading.Condition()
        self._room = np.empty((2, 0), np.uint8)  # for signs of a block, so that no memory is asked for at each
        self.closed = False

    def followed(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches, one of each block. Arrow would read 32 blocks ahead."""
        for batch in batches:
            with self._lag:
                self._waiting -= 1
                self._lag.notify()
            yield batch

    def read(self, size: int) -> bytes:
        """At most so many bytes."""
        with self._lag:
            if not self._lag.wait_for(lambda: self._waiting < self._most, PATIENCE):
                self._most *= 2
            self._waiting += 1
        data = self._file.read(min(size, self._left)) if self._left else b""
        if not data:
            if self._left or self._digest.hexdigest() != self._piece.digest:
                raise Doubtful("another file")
            return b""
        if data[-1:] == b"\r" and 1 < len(data) < self._left:
            data = data[:-1]  # Arrow would lose a newline that begins the next block, also inside quotes
            self._file.seek(-1, os.SEEK_CUR)
        first = self._left == self._piece.end - self._piece.start
        self._digest.update(data)
        self._left -= len(data)
        if b"\0" in data or (first and self._piece.start and data.startswith(BOM)):
            raise Doubtful("a mark")
        self._check_line_ends(data)
        if self._hexadecimal and (b"x" in data or b"X" in data):
            self._check_numbers(data)
        self._last = data[-1:]
        return data

    def close(self) -> None:
        """The file is closed by who opened it."""
        self.closed = True

    def _check_line_ends(self, data: bytes) -> None:
        """All alike, also inside quotes."""
        import numpy as np

        if b"\r" not in data and self._last != b"\r":
            if b"\n" in data:
                if self._returns:
                    raise Doubtful("line ends")
                self._returns = False
            return
        text = np.frombuffer(self._last + data, np.uint8)
        returns, ends = np.flatnonzero(text == ord("\r")), np.flatnonzero(text[1:] == ord("\n"))
        followed = returns[:-1] if len(returns) and returns[-1] == len(text) - 1 else returns
        if self._returns is False or not (text[followed + 1] == ord("\n")).all() or not (text[ends] == ord("\r")).all():
            raise Doubtful("line ends")
        self._returns = True

    def _check_numbers(self, data: bytes) -> None:
        """Nothing like 0x1: of those with a space behind, Arrow makes numbers."""
        import numpy as np

        text = np.frombuffer(data, np.uint8)
        if len(text) > self._room.shape[1]:
            self._room = np.empty((2, len(text)), np.uint8)
        letters, zeros = self._room[:, : len(text)]
        np.bitwise_or(text, 32, out=letters)
        np.equal(letters, ord("x"), out=letters)
        zeros[0] = self._last == b"0"
        np.equal(text[:-1], ord("0"), out=zeros[1:])
        letters &= zeros
        if letters.any():
            raise Doubtful("a number to the base of 16")
