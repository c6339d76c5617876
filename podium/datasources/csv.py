"""A CSV file: read as it stands, types found in its first rows, and every doubt refused with the line it stands on."""

from __future__ import annotations

import csv
import gzip
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, field_validator
from pydantic.config import JsonDict

from podium.contracts import ColumnType
from podium.datasources._faults import check_names, fault, unknown_column
from podium.datasources._tables import SQL, Layout, Table, literal, quoted

if TYPE_CHECKING:
    import duckdb

SAMPLE_ROWS = 100_000
HEADER_BYTES = 1 << 20
NULLS = ("", "NA", "N/A", "n/a", "NULL", "null", "None", "NaN", "nan", "#N/A")
IN_A_LINE: JsonDict = {"pattern": "^[^\\r\\n\\u0000]*$"}
_CODECS = {"utf-8": "utf-8-sig", "latin-1": "latin-1", "utf-16": "utf-16"}
# No TIME: times of day stay text. BOOLEAN is confirmed below, for the engine takes F, T, y and n for booleans as well.
_CANDIDATES = ["BOOLEAN", "BIGINT", "DOUBLE", "DATE", "TIMESTAMP", "TIMESTAMPTZ", "VARCHAR"]


class Csv(Table):
    """`kind: csv`. Empty `delimiter`: found in the header line. `types` overrule what the first 100,000 rows suggest.

    `nulls` are the texts that mean "no value". `header: true` takes the first line as names even if it looks like data; `false`
    takes `names` instead.
    """

    kind: ClassVar[str] = "csv"
    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".csv.gz", ".tsv", ".tsv.gz")

    delimiter: str = Field(default="", max_length=1, json_schema_extra=IN_A_LINE)
    quote: str = Field(default='"', min_length=1, max_length=1, json_schema_extra=IN_A_LINE)
    encoding: Literal["utf-8", "latin-1", "utf-16"] = "utf-8"
    nulls: tuple[str, ...] = NULLS
    header: bool | None = None
    names: tuple[str, ...] = ()
    types: dict[str, ColumnType] = {}

    @field_validator("delimiter", "quote")
    @classmethod
    def _plain(cls, sign: str) -> str:
        if sign in ("\r", "\n", "\0"):
            raise ValueError("must not end a line")
        return sign

    def _layout(self, engine: duckdb.DuckDBPyConnection) -> Layout:
        first = self._first_line()
        delimiter = self.delimiter or _delimiter_of(first)
        cells = next(csv.reader(io.StringIO(first), delimiter=delimiter, quotechar=self.quote), [])
        names = cells if self.header is not False else list(self.names)
        if self.header is not False:
            self._check_header(cells)
        elif len(names) != len(cells):
            raise fault(self.path, f"`names` has {len(names)} names, and the file {len(cells)} columns.", line=1, code="column_names")
        check_names(self.path, names)
        for name in self.types:
            if name not in names:
                raise unknown_column(self.name, name, names)
        form = self._form(delimiter)
        types, formats = self._sniffed(engine, form, names)
        return Layout(relation=_reader(self.path, f"{form}{formats}", types), types=types)

    def _first_line(self) -> str:
        with self.path.open("rb") as file:
            start = gzip.GzipFile(fileobj=file).read(HEADER_BYTES) if self.path.suffix == ".gz" else file.read(HEADER_BYTES)
        if not start.strip():
            raise fault(self.path, "the file is empty.", remedy="A table needs at least a line of column names.", code="empty_file")
        try:
            text = start.decode(_CODECS[self.encoding], "strict" if len(start) < HEADER_BYTES else "ignore")
        except UnicodeDecodeError as error:
            raise fault(
                self.path,
                f"the text is not {self.encoding.upper()}.",
                line=start[: error.start].count(b"\n") + 1,
                remedy="Save it as UTF-8, or set `encoding: latin-1` for this datasource.",
                code="encoding",
            ) from None
        return text if text.count(self.quote) else text.splitlines()[0] + "\n"

    def _check_header(self, cells: list[str]) -> None:
        """A first line with a number for a name is taken for data: silently losing a row would be worse than asking."""
        if self.header is None and any(_is_number(cell) for cell in cells):
            remedy = "Add a line of column names, or set `header: false` and `names`; `header: true` where these are the names."
            raise fault(self.path, "the first line looks like data, not like column names.", line=1, remedy=remedy, code="no_header")

    def _form(self, delimiter: str) -> str:
        options = {
            "delim": literal(delimiter),
            "quote": literal(self.quote),
            "escape": literal(self.quote),
            "comment": "''",
            "skip": "0",
            "header": str(self.header is not False).lower(),
            "encoding": literal(self.encoding),
            "nullstr": f"[{', '.join(map(literal, self.nulls))}]" if self.nulls else "['']",
            "strict_mode": "true",
            "null_padding": "false",
        }
        return ", ".join(f"{name} = {value}" for name, value in options.items())

    def _sniffed(self, engine: duckdb.DuckDBPyConnection, form: str, names: list[str]) -> tuple[dict[str, str], str]:
        import duckdb

        as_text = _reader(self.path, form, dict.fromkeys(names, "VARCHAR"))
        try:
            found = engine.execute(
                f"SELECT Columns, DateFormat, TimestampFormat FROM sniff_csv({literal(str(self.path))}, {form}, "  # noqa: S608 quoted
                f"sample_size = {SAMPLE_ROWS}, auto_type_candidates = {_CANDIDATES})"
            ).fetchall()
        except duckdb.Error:
            _walk(engine, as_text)  # its error knows the line
            raise
        columns, date_format, timestamp_format = found[0]
        if len(columns) != len(names):
            _walk(engine, as_text)
        types = {name: str(column["type"]) for name, column in zip(names, columns, strict=True)}
        for name in [name for name, native in types.items() if native == "BOOLEAN"]:
            if not _says_true_or_false(engine, as_text, name):
                types[name] = "VARCHAR"
        types |= {name: SQL[wanted] for name, wanted in self._forced().items() if name in types}
        formats = f", dateformat = {literal(date_format)}" if date_format else ""
        formats += f", timestampformat = {literal(timestamp_format)}" if timestamp_format else ""
        return types, formats

    def _forced(self) -> dict[str, ColumnType]:
        """Text and identifiers are kept as written, so that a code never loses a leading zero."""
        as_text: dict[str, ColumnType] = {name: "text" for name, semantic in self.force_types.items() if semantic in ("text", "identifier")}
        return as_text | self.types

    @classmethod
    def sample(cls, *args: Path) -> Self:
        (folder,) = args
        path = folder / "sample.csv"
        path.write_text("id,age,sex,seen\n1,34,f,2024-01-05\n2,,m,2024-02-06\n3,51,f,\n4,34,,2024-02-06\n")
        os.utime(path, (1_700_000_000, 1_700_000_000))
        return cls(name="sample", path=path, key=("id",))


def _reader(path: Path, form: str, types: dict[str, str]) -> str:
    columns = ", ".join(f"{literal(name)}: {literal(native)}" for name, native in types.items())
    return f"read_csv({literal(str(path))}, auto_detect = false, {form}, columns = {{{columns}}})"


def _walk(engine: duckdb.DuckDBPyConnection, relation: str) -> None:
    """Read every row as text, for the error that names a line."""
    engine.execute(f"SELECT count(COLUMNS(*)) FROM {relation}").fetchall()  # noqa: S608 names and paths are quoted


def _says_true_or_false(engine: duckdb.DuckDBPyConnection, as_text: str, name: str) -> bool:
    query = f"SELECT bool_and(lower(c) IN ('true', 'false')) FROM (SELECT {quoted(name)} AS c FROM {as_text} LIMIT {SAMPLE_ROWS})"  # noqa: S608
    return bool(engine.execute(query).fetchall()[0][0])


def _delimiter_of(first: str) -> str:
    line = first.splitlines()[0]
    best = max(",;\t|", key=line.count)
    return best if line.count(best) else ","


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return cell.strip().lower() not in ("nan", "inf", "infinity")
