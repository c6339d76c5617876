"""CSV files: read as they stand, types found in their first rows, and every doubt refused with the line it stands on."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain, groupby
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Self

from pydantic import Field, PrivateAttr, field_validator
from pydantic.config import JsonDict

from podium.contracts import ColumnType, Part
from podium.datasources._csv_quick import Form, quickly
from podium.datasources._csv_types import Sniffed, joined, reader, sniffed, walk
from podium.datasources._engine import SQL, column_type, connect, literal
from podium.datasources._faults import check_names, explained, fault, from_engine, long_line, same_columns, unknown_column, with_row_names
from podium.datasources._files import Found
from podium.datasources._packed import check_packed, is_packed
from podium.datasources._sample import as_file, beginning, first_lines, records, share
from podium.datasources._slices import Early, Quotes, Slice, check_last_line, copied, slices
from podium.datasources._tables import Known, Layout, Piece, Table

if TYPE_CHECKING:
    import pyarrow as pa

NULLS = ("", "NA", "N/A", "n/a", "NULL", "null", "None", "NaN", "nan", "#N/A")
IN_A_LINE: JsonDict = {"pattern": "^[^\\r\\n\\u0000]*$"}
DELIMITER = "delim = "  # what a piece's note begins with
COMMA = ", decimal_separator = ','"


class Start(NamedTuple):
    """A file's beginning: how its columns are divided and called, and its first records, the line of names among them."""

    found: Found
    delimiter: str
    names: tuple[str, ...]
    data: bytes


class Csv(Table):
    """`kind: csv`. Empty `delimiter`: found in the header line. `types` overrule what the first 100,000 rows suggest.

    `nulls` are the texts that mean "no value". `header: true` takes the first line as names even if it looks like data; `false`
    takes `names` instead. A compressed file that unpacks to more than 1 GiB and `max_ratio` times its size is refused.
    """

    kind: ClassVar[str] = "csv"
    suffixes: ClassVar[tuple[str, ...]] = tuple(f"{end}{packed}" for end in (".csv", ".tsv") for packed in ("", ".gz", ".zst"))

    delimiter: str = Field(default="", max_length=1, json_schema_extra=IN_A_LINE)
    quote: str = Field(default='"', min_length=1, max_length=1, json_schema_extra=IN_A_LINE)
    encoding: Literal["utf-8", "latin-1", "utf-16"] = "utf-8"
    nulls: tuple[str, ...] = NULLS
    header: bool | None = None
    names: tuple[str, ...] = ()
    types: dict[str, ColumnType] = {}
    max_ratio: int = Field(default=200, ge=1)
    _early: Early | None = PrivateAttr(default=None)

    @field_validator("delimiter", "quote")
    @classmethod
    def _plain(cls, sign: str) -> str:
        if sign in ("\r", "\n", "\0"):
            raise ValueError("must not end a line")
        if sign > "\xff":
            raise ValueError("must be a sign of Latin-1, as a comma, a tab or a straight quote is")
        return sign

    @contextmanager
    def surveying(self) -> Iterator[None]:
        if self._early:
            yield
            return
        with Early() as self._early:
            try:
                yield
            finally:
                self._early = None

    def partitions(self) -> list[Part]:
        with self.surveying():
            return super().partitions()

    def _known(self, files: Sequence[Found]) -> Known:
        known = super()._known(files)
        if self._early and known.parts is None:
            for piece in known.layout.pieces:
                self._survey(piece.files, piece.note[len(DELIMITER) + 1])
        return known

    def _survey(self, files: Iterable[Found], delimiter: str) -> None:
        """Begin to find the slices of these files, if that is wanted."""
        for path in map(self._path, files):
            if self._early and self._sliced(path, delimiter):
                self._early.begin(path, partial(self._slices, path, delimiter))

    def _layout(self, files: Sequence[Found]) -> Layout:
        size, rows = share(len(files))
        starts = [self._start(found, size, rows) for found in files]
        names = starts[0].names
        for one in starts[1:]:
            same_columns(self._path(one.found), one.names, names, like=starts[0].found.name)
        for name in self.types:
            if name not in names:
                raise unknown_column(self.name, name, names, key="types")
        types, found = self._types(starts)
        times = (found.date, found.timestamp)
        formats = "".join(f", {word}format = {literal(form)}" for word, form in zip(("date", "timestamp"), times, strict=True) if form)
        formats += COMMA if found.commas else ""
        pieces = []
        for (delimiter, order), alike in groupby(starts, key=lambda one: (one.delimiter, one.names)):
            note = self._form(delimiter) + formats
            pieces.append(Piece(tuple(one.found for one in alike), {name: types[name] for name in order}, note, times))
        shape = {name: column_type(types[name]) for name in names}
        return Layout(shape, tuple(pieces), form=repr((types, formats, self.quote, self.encoding, self.nulls)))

    def _sql(self, piece: Piece, paths: Sequence[Path]) -> str:
        return reader(paths, piece.note, piece.types, header=self.header is not False)

    def _parts(self, found: Found, piece: Piece) -> list[Part]:
        path, delimiter = self._path(found), piece.note[len(DELIMITER) + 1]
        if not self._sliced(path, delimiter):
            return super()._parts(found, piece)
        with explained(path):
            found_early = self._early.slices(path) if self._early else None
            every = self._slices(path, delimiter) if found_early is None else found_early
            return [one.part(found.name, number) for number, one in enumerate(every)]

    def _slices(self, path: Path, delimiter: str, unwanted: Event | None = None) -> list[Slice]:
        return slices(path, quotes=Quotes(self.quote, delimiter), unwanted=unwanted)

    def _sliced(self, path: Path, delimiter: str) -> bool:
        """Whether bytes of the file as they stand can be told apart into records."""
        return not is_packed(path) and self.encoding != "utf-16" and (self.quote + delimiter).isascii()

    @contextmanager
    def _opened(self, part: Part, piece: Piece, path: Path) -> Iterator[str]:
        if "start" not in part.where:
            yield self._sql(piece, [path])
            return
        cut, heading = Slice.of(part), b""
        if cut.start:  # the engine tells the file's line ends by the first one it sees, which might be one inside quotes
            heading = piece.note[len(DELIMITER) + 1].join(2 * self.quote for _ in piece.types).encode()
        with copied(path, cut, heading=heading) as copy:
            yield reader([copy], piece.note, piece.types, header=bool(heading) or self.header is not False)

    @contextmanager
    def _quickly(
        self, part: Part, piece: Piece, path: Path, *, columns: Sequence[str], rows: int
    ) -> Iterator[Iterator[pa.RecordBatch] | None]:
        date, timestamp = piece.times
        delimiter, header = piece.note[len(DELIMITER) + 1], self.header is not False
        form = Form(delimiter, self.quote, self.nulls, date=date, timestamp=timestamp, header=header)
        if self.encoding == "utf-8" and not piece.note.endswith(COMMA) and part.where.get("sound") and form.takes(piece.types, columns):
            with quickly(path, Slice.of(part), form=form, types=piece.types, columns=columns, rows=rows) as found:
                yield found
        else:
            yield None

    def _start(self, found: Found, size: int, rows: int) -> Start:
        """Names and first rows of a file. Raises DataSourceError for all that its beginning can have wrong."""
        path = self._path(found)
        with explained(path):
            if is_packed(path):
                check_packed(path, found, max_ratio=self.max_ratio)
            else:
                check_last_line(path, found.size)
            data, whole = beginning(path, size, encoding=self.encoding)
            first = first_lines(path, data, encoding=self.encoding)
        delimiter = self.delimiter or _delimiter_of(first)
        try:
            cells = next(csv.reader(io.StringIO(first), delimiter=delimiter, quotechar=self.quote), [])
        except csv.Error:  # a name longer than the module takes
            raise long_line(path, 1) from None
        names = self._names(path, cells)
        check_names(path, names, line=1)
        self._survey([found], delimiter)
        return Start(found, delimiter, names, records(data, rows=rows + 1, whole=whole, quote=self.quote, delimiter=delimiter))

    def _names(self, path: Path, cells: list[str]) -> tuple[str, ...]:
        """A first line with a number for a name is taken for data: silently losing a row would be worse than asking."""
        if self.header is False:
            if len(self.names) != len(cells):
                message = f"`names` has {len(self.names)} names, and the file {len(cells)} columns."
                raise fault(path, message, line=1, remedy="Name every column, and correct `delimiter`.", code="column_names")
            return self.names
        if self.header is None and any(_is_number(cell) for cell in cells):
            remedy = "Add a line of column names, or set `header: false` and `names`; `header: true` where these are the names."
            raise fault(path, "the first line looks like data, not like column names.", line=1, remedy=remedy, code="no_header")
        return tuple(with_row_names(cells))

    def _form(self, delimiter: str, *, encoding: str = "") -> str:
        options = {
            "quote": literal(self.quote),
            "escape": literal(self.quote),
            "comment": "''",
            "skip": "0",
            "encoding": literal(encoding or self.encoding),
            "nullstr": f"[{', '.join(map(literal, self.nulls))}]" if self.nulls else "['']",
            "strict_mode": "true",
            "null_padding": "false",
        }
        return f"{DELIMITER}{literal(delimiter)}, " + ", ".join(f"{name} = {value}" for name, value in options.items())

    def _types(self, starts: Sequence[Start]) -> tuple[dict[str, str], Sniffed]:
        """DuckDB's type of each column, and what else was found."""
        alike: dict[tuple[str, tuple[str, ...]], list[Start]] = {}
        for one in starts:
            alike.setdefault((one.delimiter, one.names), []).append(one)
        found = joined([self._sniffed(group, alone=len(alike) == 1) for group in alike.values()])
        types = {name: native or "VARCHAR" for name, native in found.types.items()}
        types |= {name: SQL[wanted] for name, wanted in self._told(self.types).items() if name in types}
        return types, found

    def _sniffed(self, starts: Sequence[Start], *, alone: bool) -> Sniffed:
        """The types of files with the same columns in the same order."""
        names, delimiter, named = starts[0].names, starts[0].delimiter, self.header is not False
        rest = (one.data[len(records(one.data, rows=1, whole=True, quote=self.quote, delimiter=delimiter)) :] for one in starts[1:])
        with as_file(chain([starts[0].data], rest if named else (one.data for one in starts[1:])), suffix=".csv") as sample:
            form = self._form(delimiter, encoding="utf-8" if self.encoding == "utf-16" else "")
            try:
                engine = connect(sample, columns=len(names))
                if found := sniffed(engine, sample, form, names, delimiter=delimiter, header=named, alone=alone):
                    return found
                error: Exception | None = None
            except Exception as raised:
                if not from_engine(raised):
                    raise
                error = raised
        as_text = Piece((), dict.fromkeys(names, "VARCHAR"), self._form(delimiter))
        for one in starts:
            path = self._path(one.found)
            with explained(path):
                walk(connect(path, columns=len(names)), self._sql(as_text, [path]))
        with explained(self._path(starts[0].found)):
            raise error or fault(self._path(starts[0].found), "its rows have another number of values than its header.", code="ragged_row")

    @classmethod
    def sample(cls, *args: Path) -> Self:
        (folder,) = args
        path = folder / "sample.csv"
        path.write_text("id,age,sex,seen\n1,34,f,2024-01-05\n2,,m,2024-02-06\n3,51,f,\n4,34,,2024-02-06\n")
        os.utime(path, (1_700_000_000, 1_700_000_000))
        return cls(name="sample", path=path, key=("id",))


def _delimiter_of(first: str) -> str:
    line = re.split(r"[\r\n]", first, maxsplit=1)[0]
    best = max(",;\t|", key=line.count)
    return best if line.count(best) else ","


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return cell.strip().lower() not in ("nan", "inf", "infinity")
