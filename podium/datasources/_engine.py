"""The one engine that reads rows: DuckDB, locked down. It may open the files it was made for and nothing else.

No network, no other path, no extension, and its settings are locked. Each column type has one SQL form.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from podium.contracts import ColumnType

if TYPE_CHECKING:
    import duckdb

MEMORY_MB = 256
COLUMN_KB = 350  # what a column of a wide table takes at most, however many rows there are: some ten blocks of 2,048 values

# The SQL each type is read as. One type, one form: a fingerprint or a contract must not care which file format held the value.
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
_NUMBERS = {"FLOAT", "DOUBLE"}
_TEXTS = {"VARCHAR", "ENUM", "UUID", "TIME"}
BEYOND = {"UBIGINT", "HUGEINT", "UHUGEINT"}  # whole numbers beyond an integer of ours: as floats, two that differ would be one


_ROOMS: dict[int, tempfile.TemporaryDirectory[str]] = {}


def room() -> Path:
    """This process's private folder for parts of files. Every engine may read in it."""
    if os.getpid() not in _ROOMS:
        _ROOMS[os.getpid()] = tempfile.TemporaryDirectory(prefix="parts-")
    return Path(_ROOMS[os.getpid()].name)


def connect(*paths: Path, columns: int = 0, threads: int = 2) -> duckdb.DuckDBPyConnection:
    """An engine that can read these files and nothing else; what does not fit its memory spills into this process's temporary folder.

    `columns`: how many a row has; very many need more memory.
    """
    import duckdb

    spill = Path(tempfile.gettempdir()) / f"podium-duckdb-{os.getpid()}"
    engine = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": f"{max(MEMORY_MB, columns * COLUMN_KB // 1000)}MB",
            "threads": threads,
            "temp_directory": str(spill),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "python_enable_replacements": False,
        },
    )
    engine.execute("SET GLOBAL TimeZone = 'UTC'")
    engine.execute(f"SET allowed_paths = {listed(paths)}")
    engine.execute(f"SET allowed_directories = {listed([room()])}")
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
    beyond = base in BEYOND or (base == "DECIMAL" and native.endswith(",0)"))
    if base in _NUMBERS or (base == "DECIMAL" and not beyond):
        return "number"
    if base in _TEXTS or beyond:
        return "text"
    if base.startswith("TIMESTAMP"):
        return "timestamp"
    return {"BOOLEAN": "boolean", "DATE": "date", "BLOB": "binary"}.get(base, "other")  # type: ignore[return-value]


def cast(name: str, native: str, kind: ColumnType) -> str:
    """The column as SQL in the one form of its type."""
    if native == "TIMESTAMP WITH TIME ZONE" and kind == "timestamp":
        return f"timezone('UTC', {quoted(name)})"  # a CAST would be done by the CSV reader, which then leaves the zone out
    form = SQL[kind]
    return quoted(name) if native == form else f"CAST({quoted(name)} AS {form})"


def listed(paths: Sequence[Path]) -> str:
    """Paths as an SQL list."""
    return f"[{', '.join(literal(str(path)) for path in paths)}]"


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL string."""
    return "'" + text.replace("'", "''") + "'"
