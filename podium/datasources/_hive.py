"""Folders called `NAME=VALUE`: columns that a partitioned table keeps in its paths and not in its files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from urllib.parse import unquote

from podium.contracts import ColumnType
from podium.datasources._engine import SQL, literal
from podium.datasources._faults import fault
from podium.datasources._files import Found

_WHOLE = re.compile(r"-?(0|[1-9]\d{0,17})")
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
MISSING = "__HIVE_DEFAULT_PARTITION__"


def columns(root: Path, files: Sequence[Found]) -> dict[str, ColumnType]:
    """The columns that all paths have, with the narrowest type that fits every value. Raises DataSourceError for a path without one."""
    values: dict[str, set[str]] = {}
    first: tuple[str, ...] | None = None
    for found in files:
        pairs = [folder.partition("=") for folder in found.name.split("/")[:-1] if "=" in folder]
        names = tuple(unquote(name) for name, _, _ in pairs)
        first = names if first is None else first
        if names != first:
            message = f"its folders name the columns {list(names)}, and those of {files[0].name} name {list(first)}."
            raise fault(root / found.name, message, remedy="Put all files into folders of the same names.", code="other_columns")
        for name, _, value in pairs:
            values.setdefault(unquote(name), set()).add(unquote(value))
    return {name: _type({value for value in found if value != MISSING}) for name, found in values.items()}


def natives(partitions: Mapping[str, ColumnType]) -> dict[str, str]:
    """The types that DuckDB is told to read them in."""
    return {name: SQL[kind] for name, kind in partitions.items()}


def options(partitions: Mapping[str, ColumnType]) -> str:
    """What to tell `read_parquet`."""
    if not partitions:
        return "hive_partitioning = false"
    types = ", ".join(f"{literal(name)}: {SQL[kind]}" for name, kind in partitions.items())
    return f"hive_partitioning = true, hive_types_autocast = false, hive_types = {{{types}}}"


def _type(values: set[str]) -> ColumnType:
    """A code with a leading zero stays as it is written."""
    if values and all(_WHOLE.fullmatch(value) for value in values):
        return "integer"
    if values and all(_NUMBER.fullmatch(value) for value in values):
        return "number"
    return "date" if values and all(_is_date(value) for value in values) else "text"


def _is_date(value: str) -> bool:
    try:
        return len(value) == 10 and bool(date.fromisoformat(value))
    except ValueError:
        return False
