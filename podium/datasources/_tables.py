"""What the table kinds share: files of one shape are one table, read by a locked-down engine, as a whole or part by part.

A kind says how DuckDB reads its files (`_layout`, `_sql`) and, where it can read less than one, what its parts are (`_parts`, `_opened`).
"""

from __future__ import annotations

import hashlib
import stat
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

from podium.contracts import ColumnType, Part
from podium.datasources import BATCH_ROWS
from podium.datasources._engine import cast, column_type, connect, literal, quoted
from podium.datasources._faults import changed, check_names, explained, fault, from_engine, unknown_column
from podium.datasources._files import Files, Found, token_of
from podium.datasources._picked import picked

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["Layout", "Piece", "Reading", "Table", "cast", "column_type", "connect", "literal", "quoted"]


BATCH_CELLS, LEAST_ROWS = 8_000_000, 1_000  # the batches of a wide table have fewer rows


@dataclass(frozen=True)
class Piece:
    """Files that are read alike, one after the other: DuckDB's types of their columns, and what else the kind must know to read them.

    `times`: how dates and how times are written, where that had to be found out.
    """

    files: tuple[Found, ...]
    types: dict[str, str]
    note: str = ""
    times: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Layout:
    """How the files read: every column with its type, the ignored ones included, and the pieces in order. `form`: what else decides."""

    shape: dict[str, ColumnType]
    pieces: tuple[Piece, ...]
    form: str = ""

    @property
    def sign(self) -> str:
        """Two layouts with the same sign read the same bytes as the same rows."""
        return hashlib.sha256(repr((self.form, self.shape)).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Reading:
    """Rows that an engine can be asked about: `select(columns)` is SQL that reads them, None for every column that is not ignored."""

    engine: duckdb.DuckDBPyConnection
    select: Callable[[Sequence[str] | None], str]


class Wanted(Protocol):
    """What is made of columns while they are read."""

    @property
    def sql(self) -> str:
        """What to select."""

    def of(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """What stands for that, of rows that no engine has read."""


class Table(Files):
    """Rows in local files. All files have the same columns, told apart by their names."""

    _retold: ClassVar[bool] = False  # whether the engine's own word on where an error is cannot be relied on

    @abstractmethod
    def _layout(self, files: Sequence[Found]) -> Layout:
        """Look at heads or footers. Raises DataSourceError for all that is wrong with the form of the files."""

    @abstractmethod
    def _sql(self, piece: Piece, paths: Sequence[Path]) -> str:
        """SQL of the table in these files of a piece."""

    def _parts(self, found: Found, piece: Piece) -> list[Part]:
        """The parts of one file; `reading` wants `where` to have its name as `file`."""
        return [Part(id=found.name, token=found.token, where={"file": found.name})]

    @contextmanager
    def _opened(self, part: Part, piece: Piece, path: Path) -> Iterator[str]:
        """SQL of the part's table, for as long as the part is read."""
        yield self._sql(piece, [path])

    @contextmanager
    def _quickly(
        self, part: Part, piece: Piece, path: Path, *, columns: Sequence[str], rows: int
    ) -> Iterator[Iterator[pa.RecordBatch] | None]:
        """These columns of the part, `rows` rows at a time, where there is a way that costs less; any error means: not this time.

        The rows are those of `_opened`, in that order, as far as they come.
        """
        yield None

    def _place(self, found: Found) -> Path:
        """The file that the engine opens for this one."""
        return self._path(found)

    def _blame(self, found: Found, piece: Piece, layout: Layout) -> None:
        """Read one file to its end, for the error that knows the line."""
        path = self._place(found)
        with explained(self._path(found)):
            relation = self._query(layout, piece, self._sql(piece, [path]), None)
            connect(path, columns=len(piece.types)).execute(f"SELECT count(COLUMNS(*)) FROM ({relation})").fetchall()  # noqa: S608 names and paths are quoted

    def columns(self) -> list[tuple[str, ColumnType]]:
        return list(self._shape(self.layout()).items())

    def files(self) -> list[Found]:
        """As for every kind of files; but what is no file with a beginning and an end is refused, before anything waits for it."""
        with explained(self.path):
            mode = self.path.stat().st_mode if self.path.exists() else stat.S_IFREG
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise fault(self.path, "this is a pipe, a socket or a device, and no file.", remedy="Name a file.", code="no_file")
        if self.path.is_symlink() and not self.path.exists():
            raise fault(self.path, "this is a link to a file that is not there.", remedy="Mend the link.", code="missing_file")
        return super().files()

    def layout(self) -> Layout:
        """The layout, found once per process and version of the files."""
        return self._known(self.files()).layout

    def select(self, engine: duckdb.DuckDBPyConnection, columns: Sequence[str] | None = None) -> str:
        """SQL that reads `columns` (None: all but the ignored ones) of every file, each in the form of its type."""
        return " UNION ALL ".join(self._queries(self.layout(), columns))

    @contextmanager
    def reading(self, part: Part | None = None) -> Iterator[Reading]:
        """One part of the table (None: all of it) open in an engine that can read nothing else.

        Raises DataSourceError `changed_while_read` at the end where a file has become another meanwhile.
        """
        with self._reading(part) as (engine, queries):
            yield Reading(engine, lambda columns: " UNION ALL ".join(queries(columns)))

    def stream(
        self, part: Part, columns: Sequence[str], *, wanted: Wanted | None = None, rows: int = BATCH_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """These columns of a part, or what is `wanted` of them, row after row. Raises DataSourceError, also midway."""
        given = 0
        _, found, piece = self._find(part)
        try:
            with self._quickly(part, piece, self._place(found), columns=columns, rows=rows) as quick:
                if quick is not None:
                    for batch in quick:
                        yield wanted.of(batch) if wanted else batch
                        given += batch.num_rows
                    return
        except Exception as error:
            if not (from_engine(error) or isinstance(error, (OSError, ValueError))):
                raise
        with self._reading_part(part) as (engine, queries):
            for batch in engine.sql(f"SELECT {wanted.sql if wanted else '*'} FROM ({queries(columns)[0]})").to_arrow_reader(rows):  # noqa: S608 names are quoted
                known = min(given, batch.num_rows)
                given -= known
                if known < batch.num_rows:
                    yield batch.slice(known)

    def read(self, columns: Sequence[str], datapoints: Collection[int] | None = None) -> Iterator[pa.RecordBatch]:
        yield from self._batches(None, columns, datapoints)

    def read_part(self, part: Part, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        yield from self._batches(part, columns, None)

    @contextmanager
    def surveying(self) -> Iterator[None]:
        """Meanwhile, a kind that reads its files for their parts may begin to as soon as it knows how they are written."""
        yield

    def partitions(self) -> list[Part]:
        files = self.files()
        known = self._known(files)
        if known.parts is None:
            sign = known.layout.sign
            found = [part for piece in known.layout.pieces for file in piece.files for part in self._parts(file, piece)]
            known = known._replace(parts=[part.model_copy(update={"token": f"{part.token}:{sign}"}) for part in found])
            _KNOWN[str(self.dump())] = known
        return list(known.parts or [])

    def _told(self, types: Mapping[str, ColumnType]) -> dict[str, ColumnType]:
        """The types that the custodian set. Text and identifiers are kept as written, so that a code never loses a leading zero."""
        as_text: dict[str, ColumnType] = {name: "text" for name, semantic in self.force_types.items() if semantic in ("text", "identifier")}
        return as_text | dict(types)

    def _path(self, found: Found) -> Path:
        return self.root / found.name

    def _known(self, files: Sequence[Found]) -> Known:
        key, version = str(self.dump()), token_of(files)
        known = _KNOWN.get(key)
        if known is None or known.version != version:
            with explained(self.path):
                layout = self._layout(files)
            known = Known(version, layout, {found.name: (found, piece) for piece in layout.pieces for found in piece.files})
            _KNOWN.clear()
            _KNOWN[key] = known
        return known

    def _shape(self, layout: Layout) -> dict[str, ColumnType]:
        check_names(self.path, list(layout.shape))
        for key, names in (("key", self.key), ("ignore_columns", self.ignore_columns), ("force_types", self.force_types)):
            for name in names:
                if name not in layout.shape:
                    raise unknown_column(self.name, name, [n for n in layout.shape if n not in self.ignore_columns], key=key)
        return {name: kind for name, kind in layout.shape.items() if name not in self.ignore_columns}

    def _queries(self, layout: Layout, columns: Sequence[str] | None) -> list[str]:
        paths = ([self._place(found) for found in piece.files] for piece in layout.pieces)
        return [self._query(layout, piece, self._sql(piece, some), columns) for piece, some in zip(layout.pieces, paths, strict=True)]

    def _query(self, layout: Layout, piece: Piece, relation: str, columns: Sequence[str] | None) -> str:
        shape = self._shape(layout)
        names = list(shape) if columns is None else list(columns)
        for name in names:
            if name not in shape:
                raise unknown_column(self.name, name, list(shape))
        wanted = ", ".join(f"{cast(name, piece.types[name], shape[name])} AS {quoted(name)}" for name in names)
        return f"SELECT {wanted or 'true AS nothing'} FROM {relation}"  # noqa: S608 names and paths are quoted

    @contextmanager
    def _reading(self, part: Part | None) -> Iterator[tuple[duckdb.DuckDBPyConnection, Callable[[Sequence[str] | None], list[str]]]]:
        """An engine, and for each piece its query."""
        if part is not None:
            with self._reading_part(part) as one:
                yield one
            return
        layout = self._known(self.files()).layout
        files = [(found, piece) for piece in layout.pieces for found in piece.files]
        engine = connect(*(self._place(found) for found, _ in files), columns=len(layout.shape))
        with self._held(files, layout):
            yield engine, lambda columns: self._queries(layout, columns)

    @contextmanager
    def _reading_part(self, part: Part) -> Iterator[tuple[duckdb.DuckDBPyConnection, Callable[[Sequence[str] | None], list[str]]]]:
        layout, found, piece = self._find(part)
        held, opened = self._held([(found, piece)], layout, part), self._opened(part, piece, self._place(found))
        with held, opened as relation, self._engine(layout).cursor() as engine:
            yield engine, lambda columns: [self._query(layout, piece, relation, columns)]

    def _engine(self, layout: Layout) -> duckdb.DuckDBPyConnection:
        """One engine for all parts: to start one takes longer than to read a small file."""
        if layout.sign not in _ENGINES or _ENGINES[layout.sign][0] is not layout:
            _ENGINES.clear()
            places = [self._place(found) for piece in layout.pieces for found in piece.files]
            _ENGINES[layout.sign] = (layout, connect(*places, columns=len(layout.shape)))
        return _ENGINES[layout.sign][1]

    def _find(self, part: Part) -> tuple[Layout, Found, Piece]:
        """The part's file, as it is now. The files are listed again only where it has changed since."""
        name = str(part.where.get("file", ""))
        known = _KNOWN.get(str(self.dump()))
        if known is None or name not in known.files or _now(self._path(known.files[name][0])) != known.files[name][0].token:
            known = self._known(self.files())
        if name not in known.files or not part.token.endswith(f":{known.layout.sign}"):
            raise changed(self.root / name)
        return known.layout, *known.files[name]

    @contextmanager
    def _held(self, files: Sequence[tuple[Found, Piece]], layout: Layout, part: Part | None = None) -> Iterator[None]:
        """See to it that the files stay what they are, and that an error names the file and line that it comes from."""
        whole = part is None or part.token.startswith(f"{files[0][0].token}:")
        try:
            yield
        except Exception as error:
            self._unchanged(files)
            if not from_engine(error):
                raise
            if len(files) > 1 or not whole or self._retold:
                for found, piece in files:
                    self._blame(found, piece, layout)
                self._unchanged(files)
            if not whole:
                raise fault(
                    self._path(files[0][0]),
                    "a part of it cannot be read by itself.",
                    remedy="Write it again, with quotes around values only.",
                    code="unreadable_part",
                ) from None
            with explained(self._path(files[0][0]) if len(files) == 1 else self.path):
                raise
        if whole:
            self._unchanged(files)

    def _unchanged(self, files: Sequence[tuple[Found, Piece]]) -> None:
        for found, _ in files:
            if _now(path := self._path(found)) != found.token:
                raise changed(path)

    def _batches(self, part: Part | None, columns: Sequence[str], datapoints: Collection[int] | None) -> Iterator[pa.RecordBatch]:
        wanted = None if datapoints is None else sorted(set(datapoints))
        start, rows = 0, min(BATCH_ROWS, max(LEAST_ROWS, BATCH_CELLS // max(1, len(columns))))
        if part is not None:
            yield from (batch if columns else batch.select([]) for batch in self.stream(part, columns, rows=rows))
            return
        with self._reading(None) as (engine, queries):
            for query in queries(columns):
                for batch in engine.sql(query).to_arrow_reader(rows):
                    exact = batch if columns else batch.select([])
                    yield exact if wanted is None else picked(exact, wanted, start)
                    start += batch.num_rows


class Known(NamedTuple):
    """What this process has found out about one version of the files."""

    version: str
    layout: Layout
    files: dict[str, tuple[Found, Piece]]
    parts: list[Part] | None = None


_KNOWN: dict[str, Known] = {}
_ENGINES: dict[str, tuple[Layout, duckdb.DuckDBPyConnection]] = {}


def _now(path: Path) -> str:
    """The file's token at this moment; empty where it is gone."""
    try:
        about = path.stat()
    except OSError:
        return ""
    return Found.of(path.name, about).token
