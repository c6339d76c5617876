"""A sample of text files: the beginnings of all of them, cut where a record ends, in one private file.

What the engine finds in it holds for all files at once, so a column's type does not hang on which file comes first.
"""

from __future__ import annotations

import codecs
import csv
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from podium.datasources._faults import fault, long_line
from podium.datasources._packed import head
from podium.datasources._slices import Quotes
from podium.errors import DataSourceError

SAMPLE_ROWS = 100_000
SAMPLE_BYTES = 16 << 20
LEAST_BYTES = 4 << 10  # of each of very many files
LEAST_ROWS = 20
HEADER_BYTES = 1 << 20
LINE_BYTES = 4 << 20  # more than the longest line that is read


def share(files: int) -> tuple[int, int]:
    """Bytes and rows of each of so many files."""
    return max(LEAST_BYTES, SAMPLE_BYTES // files), max(LEAST_ROWS, SAMPLE_ROWS // files)


def beginning(path: Path, size: int, *, encoding: str, mark: bool = True) -> tuple[bytes, bool]:
    """At least one line and about `size` bytes, UTF-16 as UTF-8 and every line end a newline; and whether that is all there is.

    `mark`: whether it may begin with a byte order mark.
    """
    while True:
        data = head(path, size)
        whole = len(data) < size
        if whole or b"\n" in data or b"\r" in data:
            break
        if size >= LINE_BYTES:
            raise long_line(path, 1)
        size = LINE_BYTES
    if encoding == "utf-16":
        if data.startswith(codecs.BOM_UTF16_BE) or (data[:1] == b"\0" and data[1:2] != b"\0"):
            raise _not_in(path, encoding, 1, remedy="Save it as UTF-8: the order of its bytes is one that is not read.")
        even = data if whole else data[: len(data) // 2 * 2]
        data = even.decode("utf-16-le", "replace").removeprefix("\ufeff").encode("utf-8", "replace")
    if not data.strip():
        raise fault(path, "the file is empty.", remedy="A table needs at least a line of column names.", code="empty_file")
    if not mark and data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise fault(path, "it begins with a byte order mark.", line=1, remedy="Save it as UTF-8 without one.", code="encoding")
    data = data.removeprefix(codecs.BOM_UTF8)
    return (data.replace(b"\r\n", b"\n") if b"\n" in data else data.replace(b"\r", b"\n")), whole


def first_lines(path: Path, data: bytes, *, encoding: str) -> str:
    """The first line as text, and more where a quote may carry it on. Raises DataSourceError where the text is not in this encoding."""
    start = data[:HEADER_BYTES]
    line = start[: start.find(b"\n") + 1] or start
    if b"\0" in line or data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _not_in(path, encoding, 1, remedy="Set `encoding: utf-16` for this datasource, or save it as UTF-8.")
    if not line.strip():
        raise fault(path, "the first line is empty.", line=1, remedy="Begin the file with the line of column names.", code="no_header")
    try:
        text = start[: start.rfind(b"\n") + 1 or None].decode("latin-1" if encoding == "latin-1" else "utf-8")
    except UnicodeDecodeError as error:
        remedy = "Save it as UTF-8, or set `encoding: latin-1` for this datasource."
        raise _not_in(path, encoding, start[: error.start].count(b"\n") + 1, remedy=remedy) from None
    return text


def _not_in(path: Path, encoding: str, line: int, *, remedy: str) -> DataSourceError:
    return fault(path, f"the text is not {encoding.upper()}.", line=line, remedy=remedy, code="encoding")


def records(data: bytes, *, rows: int, whole: bool, quote: str = "", delimiter: str = "") -> bytes:
    """At most so many first records of `data`; the last one only where `whole` says that nothing follows it. Empty: not one is complete."""
    import numpy as np

    block = np.frombuffer(b"\n" + data, dtype=np.uint8)
    if quote and (quote.encode() in data):
        quotes = Quotes(quote, delimiter)
        ends = quotes.ends(block, start=0)
        if not quotes.sound:
            return _records_one_by_one(data, rows=rows, whole=whole, quote=quote, delimiter=delimiter)
    else:
        ends = np.flatnonzero(block[1:] == 10) + 1
    if len(ends) >= rows:
        return data[: int(ends[rows - 1])]
    if whole:
        return data
    return data[: int(ends[-1])] if len(ends) else b""


@contextmanager
def as_file(pieces: Iterable[bytes], *, suffix: str) -> Iterator[Path]:
    """The pieces one after the other in a private file."""
    with tempfile.NamedTemporaryFile(prefix="sample-", suffix=suffix) as out:
        for piece in pieces:
            out.write(piece if not piece or piece.endswith(b"\n") else piece + b"\n")
        out.flush()
        yield Path(out.name)


def _records_one_by_one(data: bytes, *, rows: int, whole: bool, quote: str, delimiter: str) -> bytes:
    """The same for text with quotes inside its values, which counting them cannot tell from those around values."""
    lines = data.splitlines(keepends=True)
    reader = csv.reader((line.decode("latin-1") for line in lines), delimiter=delimiter, quotechar=quote)
    complete = before = taken = 0
    try:
        for taken, _ in enumerate(reader, start=1):
            before, complete = complete, reader.line_num
            if taken == rows:
                break
    except csv.Error:  # a value longer than the module takes: what came before it will do
        return b"".join(lines[:complete])
    end = complete if taken == rows or whole else before
    return b"".join(lines[:end])
