"""What the table kinds share: one locked-down DuckDB reads every file, and each column type has one Arrow type.

The engine may open this one file and nothing else: no network, no other path, no extension, and its settings are locked.
"""

from __future__ import annotations

import os
import tempfile
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, field_validator
from pydantic.config import JsonDict

from podium.contracts import ColumnType, Part
from podium.datasources import BATCH_ROWS, Datasource
from podium.datasources._faults import check_names, explained, unknown_column

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

MEMORY = "256MB"
ONE_FILE: JsonDict = {"pattern": r"^[^*?\[\]]*$"}

# The SQL each type is read as. One type, one form: a fingerprint or a contract must not care which file format held the value.
# UBIGINT and HUGEINT do not fit an integer of 64 bits and are read as numbers.
SQL = {
    "integer": "BIGINT",
    "number": "DOUBLE",
    "text": "VARCHAR",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "binary": "BLOB",
    "other": "VARCHAR",
}
_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
_NUMBERS = {"FLOAT", "DOUBLE", "UBIGINT", "HUGEINT", "UHUGEINT"}


@dataclass(frozen=True)
class Layout:
    """How a file reads: the SQL of its table, and the columns with their types (DuckDB's own names included)."""

    relation: str
    types: dict[str, str]


@dataclass(frozen=True)
class Reading:
    """Rows that an engine can be asked about: `select(columns)` is SQL that reads them, None for every column that is not ignored."""

    engine: duckdb.DuckDBPyConnection
    select: Callable[[Sequence[str] | None], str]


class Table(Datasource):
    """One local file of rows. A kind says how DuckDB reads it (`_layout`)."""

    path: Path = Field(json_schema_extra=ONE_FILE)

    @field_validator("path")
    @classmethod
    def _one_file(cls, path: Path) -> Path:
        if any(sign in str(path) for sign in "*?[]"):
            raise ValueError("must name one file: the characters * ? [ ] are not allowed in it")
        return path.expanduser().absolute()

    @abstractmethod
    def _layout(self, engine: duckdb.DuckDBPyConnection) -> Layout:
        """Look at the file's head or footer. Raises DataSourceError for all that is wrong with its form."""

    def columns(self) -> list[tuple[str, ColumnType]]:
        return list(self._shape(self.layout(connect(self.path))).items())

    def layout(self, engine: duckdb.DuckDBPyConnection) -> Layout:
        """The layout, found once per process and file version."""
        key = (str(self.dump()), self.token())
        if key not in _LAYOUTS:
            with explained(self.path):
                layout = self._layout(engine)
            _LAYOUTS.clear()
            _LAYOUTS[key] = layout
        return _LAYOUTS[key]

    def select(self, engine: duckdb.DuckDBPyConnection, columns: Sequence[str] | None = None) -> str:
        """SQL that reads `columns` (None: all but the ignored ones), each in the form of its type."""
        layout = self.layout(engine)
        shape = self._shape(layout)
        names = list(shape) if columns is None else list(columns)
        for name in names:
            if name not in shape:
                raise unknown_column(self.name, name, list(shape))
        wanted = ", ".join(f"{cast(name, layout.types[name])} AS {quoted(name)}" for name in names)
        return f"SELECT {wanted or 'true AS nothing'} FROM {layout.relation}"  # noqa: S608 names and paths are quoted

    @contextmanager
    def reading(self, part: Part | None = None) -> Iterator[Reading]:
        """One part of the table (None: all of it) open in an engine that can read nothing else."""
        engine = connect(self.path)
        yield Reading(engine, lambda columns: self.select(engine, columns))

    def read(self, columns: Sequence[str], datapoints: Collection[int] | None = None) -> Iterator[pa.RecordBatch]:
        engine = connect(self.path)
        query = self.select(engine, columns)
        wanted = None if datapoints is None else sorted(set(datapoints))
        start = 0
        with explained(self.path):
            for batch in engine.sql(query).to_arrow_reader(BATCH_ROWS):
                exact = batch if columns else batch.select([])
                yield exact if wanted is None else _taken(exact, wanted, start)
                start += batch.num_rows

    def token(self) -> str:
        with explained(self.path):
            found = self.path.stat()
        return f"{found.st_size}:{found.st_mtime_ns}:{found.st_ino}"

    def _shape(self, layout: Layout) -> dict[str, ColumnType]:
        check_names(self.path, list(layout.types))
        for name in (*self.key, *self.ignore_columns, *self.force_types):
            if name not in layout.types:
                raise unknown_column(self.name, name, [n for n in layout.types if n not in self.ignore_columns])
        return {name: column_type(native) for name, native in layout.types.items() if name not in self.ignore_columns}


_LAYOUTS: dict[tuple[str, str], Layout] = {}


def connect(path: Path) -> duckdb.DuckDBPyConnection:
    """An engine that can read this file and nothing else; what does not fit its memory spills into this process's temporary folder."""
    import duckdb

    spill = Path(tempfile.gettempdir()) / f"podium-duckdb-{os.getpid()}"
    engine = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": MEMORY,
            "threads": 2,
            "temp_directory": str(spill),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "python_enable_replacements": False,
        },
    )
    engine.execute("SET TimeZone = 'UTC'")
    engine.execute(f"SET allowed_paths = [{literal(str(path))}]")
    engine.execute("SET enable_external_access = false")
    engine.execute("SET lock_configuration = true")
    return engine


def column_type(native: str) -> ColumnType:
    """Podium's name for a DuckDB type."""
    base = native.partition("(")[0]
    if native.endswith("]"):
        return "other"
    if base in _INTEGERS:
        return "integer"
    if base in _NUMBERS or base == "DECIMAL":
        return "number"
    if base in ("VARCHAR", "ENUM", "UUID", "TIME"):
        return "text"
    if base.startswith("TIMESTAMP"):
        return "timestamp"
    return {"BOOLEAN": "boolean", "DATE": "date", "BLOB": "binary"}.get(base, "other")  # type: ignore[return-value]


def cast(name: str, native: str) -> str:
    """The column as SQL in the one form of its type."""
    form = SQL[column_type(native)]
    return quoted(name) if native == form else f"CAST({quoted(name)} AS {form})"


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL string."""
    return "'" + text.replace("'", "''") + "'"


def _taken(batch: pa.RecordBatch, wanted: Sequence[int], start: int) -> pa.RecordBatch:
    import bisect

    import numpy as np

    rows = wanted[bisect.bisect_left(wanted, start) : bisect.bisect_left(wanted, start + batch.num_rows)]
    return batch.take(np.asarray(rows, dtype=np.int64) - start)
