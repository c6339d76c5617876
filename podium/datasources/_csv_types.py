"""The types of CSV columns, found in a sample: one look by DuckDB's sniffer, one at what it takes for text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podium.datasources._engine import listed, literal, quoted

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

AT_ONCE = 2_000  # columns of one look: more in one query take longer than two queries
# No TIME: times of day stay text. No BOOLEAN: the engine takes F, T, y and n for booleans as well; see `_texts`.
_CANDIDATES = ["BIGINT", "DOUBLE", "DATE", "TIMESTAMP", "TIMESTAMPTZ", "VARCHAR"]


@dataclass(frozen=True)
class Sniffed:
    """A type for each column, None for one without a value; and how dates and times are written."""

    types: dict[str, str | None]
    date: str = ""
    timestamp: str = ""


def sniffed(engine: duckdb.DuckDBPyConnection, path: Path, form: str, names: Sequence[str], *, header: bool) -> Sniffed | None:
    """What the sample in `path` holds; None where it does not have these columns. Raises DuckDB's errors."""
    columns, date, timestamp = engine.execute(
        f"SELECT Columns, DateFormat, TimestampFormat FROM sniff_csv({literal(str(path))}, {form}, "  # noqa: S608 quoted
        f"header = {str(header).lower()}, sample_size = -1, auto_type_candidates = {_CANDIDATES})"
    ).fetchall()[0]
    if len(columns) != len(names):
        return None
    types: dict[str, str | None] = {name: str(column["type"]) for name, column in zip(names, columns, strict=True)}
    types |= _texts(
        engine, reader([path], form, dict.fromkeys(names, "VARCHAR"), header=header), [name for name in names if types[name] == "VARCHAR"]
    )
    return Sniffed(types, date or "", timestamp or "")


def reader(paths: Sequence[Path], form: str, types: dict[str, str], *, header: bool) -> str:
    """SQL of the table in these files."""
    columns = ", ".join(f"{literal(name)}: {literal(native)}" for name, native in types.items())
    return f"read_csv({listed(paths)}, auto_detect = false, {form}, header = {str(header).lower()}, columns = {{{columns}}})"


def walk(engine: duckdb.DuckDBPyConnection, relation: str) -> None:
    """Read every row, for the error that names a line."""
    engine.execute(f"SELECT count(COLUMNS(*)) FROM {relation}").fetchall()  # noqa: S608 names and paths are quoted


def joined(found: Sequence[Sniffed]) -> Sniffed:
    """The types that hold for all: a text anywhere makes text, and so do dates that are written differently."""
    if len(found) == 1:
        return found[0]
    dates, times = {one.date for one in found if one.date}, {one.timestamp for one in found if one.timestamp}
    types = {name: _joined({native for one in found if (native := one.types[name])}) for name in found[0].types}
    for kinds, forms in ((("DATE",), dates), (("TIMESTAMP", "TIMESTAMPTZ"), times)):
        if len(forms) > 1:
            types |= {name: "VARCHAR" for name, native in types.items() if native in kinds}
    return Sniffed(types, dates.pop() if len(dates) == 1 else "", times.pop() if len(times) == 1 else "")


def _joined(natives: set[str]) -> str | None:
    if len(natives) <= 1:
        return next(iter(natives), None)
    return "DOUBLE" if natives == {"BIGINT", "DOUBLE"} else "VARCHAR"


def _texts(engine: duckdb.DuckDBPyConnection, as_text: str, names: Sequence[str]) -> dict[str, str | None]:
    """What the columns of text are: booleans where all say `true` or `false`, None where there is no value."""
    found: dict[str, str | None] = {}
    for start in range(0, len(names), AT_ONCE):
        some = names[start : start + AT_ONCE]
        looks = ", ".join(f"count({quoted(name)}), bool_and(lower({quoted(name)}) IN ('true', 'false'))" for name in some)
        (row,) = engine.execute(f"SELECT {looks} FROM {as_text}").fetchall()  # noqa: S608 names are quoted
        for place, name in enumerate(some):
            values, flags = row[2 * place], row[2 * place + 1]
            found[name] = None if not values else "BOOLEAN" if flags else "VARCHAR"
    return found
