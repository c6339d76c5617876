"""JSON lines: one object a line. What is nested is kept as text."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field

from podium.contracts import ColumnType, Part
from podium.datasources._csv_types import long_codes
from podium.datasources._engine import BEYOND, SQL, column_type, connect, listed, literal, quoted
from podium.datasources._faults import check_names, exhausted, explained, fault, from_engine
from podium.datasources._files import Found
from podium.datasources._json_faults import Reads, bad_line
from podium.datasources._packed import check_packed, is_packed
from podium.datasources._sample import as_file, beginning, records, share
from podium.datasources._slices import Slice, check_last_line, copied, slices
from podium.datasources._tables import Layout, Piece, Table
from podium.errors import DataSourceError

if TYPE_CHECKING:
    import duckdb

EVERY = "sample_size = -1, maximum_depth = 2, map_inference_threshold = -1, field_appearance_threshold = 0"
# `records`: without it the engine takes a file of one key, and one line that is no object, for whole objects as values of that key.
LINES = f"format = 'newline_delimited', maximum_object_size = {16 << 20}, records = true"
OBJECTS = f"format = 'newline_delimited', maximum_object_size = {16 << 20}"
MOST_KEYS = 20_000
_NO_VALUES = ('"NULL"', "NULL")
_NESTED = ("OBJECT", "ARRAY")


class Json(Table):
    """`kind: json`. A column is a key that an object of the first 100,000 rows has; where an object lacks it, there is no value.

    `types` overrule what those rows suggest, and name keys that come later. A compressed file that unpacks to more than 1 GiB and
    `max_ratio` times its size is refused.
    """

    kind: ClassVar[str] = "json"
    suffixes: ClassVar[tuple[str, ...]] = tuple(f"{end}{packed}" for end in (".jsonl", ".ndjson") for packed in ("", ".gz", ".zst"))

    _retold: ClassVar[bool] = True

    types: dict[str, ColumnType] = {}
    max_ratio: int = Field(default=200, ge=1)

    def _layout(self, files: Sequence[Found]) -> Layout:
        size, rows = share(len(files))
        with as_file((self._start(found, size, rows) for found in files), suffix=".jsonl") as sample:
            try:
                types = _types(connect(sample), sample, self.path)
            except Exception as error:
                if not (from_engine(error) or exhausted(error)):  # of a line that is nested without end
                    raise
                for found in files:
                    self._blame_lines(self._path(found), {})
                with explained(self.path):
                    raise
        types |= {name: SQL[wanted] for name, wanted in self._told(self.types).items()}
        check_names(self.path, list(types))
        shape = {name: self.types.get(name, _kind(native)) for name, native in types.items()}
        natives = {name: native if _kind(native) != "other" else "VARCHAR" for name, native in types.items()}
        return Layout(shape, (Piece(tuple(files), natives),), form=repr(natives))

    def _sql(self, piece: Piece, paths: Sequence[Path]) -> str:
        columns = ", ".join(f"{literal(name)}: VARCHAR" for name in piece.types)
        values = ", ".join(f"{_value(name, native)} AS {quoted(name)}" for name, native in piece.types.items())
        return f"(SELECT {values} FROM read_json({listed(paths)}, {LINES}, columns = {{{columns}}}))"  # noqa: S608 names and paths are quoted

    def _parts(self, found: Found, piece: Piece) -> list[Part]:
        path = self._path(found)
        if is_packed(path):
            return super()._parts(found, piece)
        with explained(path):
            return [one.part(found.name, number) for number, one in enumerate(slices(path, quotes=None))]

    @contextmanager
    def _opened(self, part: Part, piece: Piece, path: Path) -> Iterator[str]:
        if "start" not in part.where:
            yield self._sql(piece, [path])
            return
        with copied(path, Slice.of(part)) as copy:
            yield self._sql(piece, [copy])

    def _blame(self, found: Found, piece: Piece, layout: Layout) -> None:
        self._blame_lines(self._path(found), piece.types)

    def _blame_lines(self, path: Path, natives: dict[str, str]) -> None:
        def reads(place: Path) -> Reads:
            engine = connect(place, columns=len(natives))

            def read(lines: Path, column: str | None) -> None:
                asked = (natives or {"any": "VARCHAR"}) if column is None else {column: natives[column]}
                relation = self._sql(Piece((), asked), [lines])
                engine.execute(f"SELECT count(COLUMNS(*)) FROM {relation}").fetchall()  # noqa: S608 names and paths are quoted
                if not natives:
                    with suppress(DataSourceError):  # of the keys, which is told for all files together
                        _types(engine, lines, lines)

            return read

        with explained(path):
            if error := bad_line(path, natives, reads):
                raise error from None  # the log has our words, and not the engine's, which quote the line

    def _start(self, found: Found, size: int, rows: int) -> bytes:
        path = self._path(found)
        with explained(path):
            if is_packed(path):
                check_packed(path, found, max_ratio=self.max_ratio)
            else:
                check_last_line(path, found.size)
            data, whole = beginning(path, size, encoding="utf-8", mark=False)
        if data.lstrip()[:1] == b"[":
            remedy = "Write one object on each line: jq -c '.[]' FILE."
            raise fault(path, "this is one JSON array, and no lines of objects.", line=1, remedy=remedy, code="json_line")
        return records(data, rows=rows, whole=whole)

    @classmethod
    def sample(cls, *args: Path) -> Self:
        (folder,) = args
        path = folder / "sample.jsonl"
        path.write_text(
            '{"id": 1, "age": 34.5, "sex": "f", "more": {"seen": 2}}\n{"id": 2, "sex": "m"}\n{"id": 3, "age": 51, "sex": null}\n'
        )
        os.utime(path, (1_700_000_000, 1_700_000_000))
        return cls(name="sample", path=path, key=("id",))


def _types(engine: duckdb.DuckDBPyConnection, sample: Path, path: Path) -> dict[str, str]:
    """The keys in the order in which they come, with DuckDB's types; JSON for what is nested or mixed with what is."""
    where, objects = f"({listed([sample])}, {LINES}", f"({listed([sample])}, {OBJECTS})"
    keys = [str(key) for (key,) in engine.execute(f"SELECT DISTINCT unnest(json_keys(json)) FROM read_json_objects{objects}").fetchall()]  # noqa: S608
    if len(keys) > MOST_KEYS:
        remedy = f"A key is a column, and at most {MOST_KEYS:,} are read: write what differs from object to object as a value."
        raise fault(path, f"its objects have {len(keys):,} keys.", remedy=remedy, code="too_many_keys")
    check_names(path, sorted(keys))
    if not keys:
        raise fault(path, "no object has a key.", remedy="Write one object on each line.", code="no_columns")
    found = engine.execute(f"DESCRIBE FROM read_json{where}, {EVERY})").fetchall()
    types = {str(name): "VARCHAR" if native in _NO_VALUES else str(native) for name, native, *_ in found}
    mixed = [name for name, native in types.items() if native == "JSON"]
    if mixed:
        columns = ", ".join(f"{literal(name)}: JSON" for name in mixed)
        looks = ", ".join(f"list(DISTINCT json_type({quoted(name)}))" for name in mixed)
        (row,) = engine.execute(f"SELECT {looks} FROM read_json{where}, columns = {{{columns}}})").fetchall()  # noqa: S608 names are quoted
        types |= {name: "VARCHAR" for name, kinds in zip(mixed, row, strict=True) if not set(_NESTED) & set(kinds or ())}
    return types | _whole(engine, where, [(name, native) for name, native in types.items() if native in ("DOUBLE", *BEYOND)])


def _whole(engine: duckdb.DuckDBPyConnection, where: str, numbers: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The types of whole numbers that the engine's own would not keep, or that are smaller than it takes them for."""
    if not numbers:
        return {}
    columns = ", ".join(f"{literal(name)}: VARCHAR" for name, _ in numbers)
    looks = ", ".join(long_codes(quoted(name)) if native == "DOUBLE" else _is_small(quoted(name)) for name, native in numbers)
    (row,) = engine.execute(f"SELECT {looks} FROM read_json{where}, columns = {{{columns}}})").fetchall()  # noqa: S608 names are quoted
    return {name: "VARCHAR" if native == "DOUBLE" else "BIGINT" for (name, native), said in zip(numbers, row, strict=True) if said}


def _is_small(c: str) -> str:
    """Whether all are integers of ours. The engine takes whole numbers of both signs for larger ones."""
    return f"bool_and(TRY_CAST({c} AS BIGINT) IS NOT NULL OR {c} IS NULL)"


def _kind(native: str) -> ColumnType:
    return "other" if native == "JSON" else column_type(native)


def _value(name: str, native: str) -> str:
    """The value as its type. The engine itself would take 1.7 for 2, and 5 for true."""
    c = quoted(name)
    kind = _kind(native)
    if kind in ("text", "other", "binary"):
        return c
    if kind == "boolean":
        return f"CASE WHEN {c} IS NULL OR {c} IN ('true', 'false') THEN CAST({c} AS BOOLEAN) ELSE error('no boolean') END"
    if kind == "integer":
        return f"CASE WHEN contains({c}, '.') OR contains(lower({c}), 'e') THEN error('no integer') ELSE CAST({c} AS BIGINT) END"
    return f"CAST({c} AS {native if kind == 'timestamp' else SQL[kind]})"
