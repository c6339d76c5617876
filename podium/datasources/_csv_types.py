"""The types of CSV columns, found in a sample: one look by DuckDB's sniffer, and one at what it takes for booleans, numbers and texts.

- Whole numbers of so many digits that a DOUBLE would not keep them all are codes: text.
- `3,14` is a number where no comma parts the cells, unless the file has `3.14` too. Where only the likes of `1,234` are there, it is one
  between semicolons only: elsewhere it may be a thousand.
- `05.01.2024 10:11` is a time, as `05.01.2024` is a date: the day comes first where dots part it from the month.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podium.datasources._engine import listed, literal, quoted

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

# No TIME: times of day stay text. BOOLEAN is confirmed below, for the engine takes F, T, y and n for booleans as well.
_CANDIDATES = ["BOOLEAN", "BIGINT", "DOUBLE", "DATE", "TIMESTAMP", "TIMESTAMPTZ", "VARCHAR"]

MOST_DIGITS = 16
_DOTTED = ("%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S")


@dataclass(frozen=True)
class Sniffed:
    """A type for each column, None for one without a value; how dates and times are written; which numbers have a decimal comma."""

    types: dict[str, str | None]
    date: str = ""
    timestamp: str = ""
    commas: frozenset[str] = frozenset()


def sniffed(
    engine: duckdb.DuckDBPyConnection, path: Path, form: str, names: Sequence[str], *, delimiter: str, header: bool, alone: bool
) -> Sniffed | None:
    """What the sample in `path` holds, `form` telling the delimiter too; None where it does not have these columns. Raises DuckDB's errors.

    Unless it is `alone`, a column without a value is found out, for other samples may have some.
    """
    columns, date, timestamp = engine.execute(
        f"SELECT Columns, DateFormat, TimestampFormat FROM sniff_csv({literal(str(path))}, {form}, "  # noqa: S608 quoted
        f"header = {str(header).lower()}, sample_size = -1, auto_type_candidates = {_CANDIDATES})"
    ).fetchall()[0]
    if len(columns) != len(names):
        return None
    types: dict[str, str | None] = {name: str(column["type"]) for name, column in zip(names, columns, strict=True)}
    as_text = reader([path], form, dict.fromkeys(names, "VARCHAR"), header=header)
    doubts = {"BOOLEAN": _other_words, "DOUBLE": long_codes}
    doubtful = {name: doubts[native] for name in names if (native := str(types[name])) in doubts}
    as_written = _true(engine, as_text, [doubt(quoted(name)) for name, doubt in doubtful.items()])
    types |= {name: "VARCHAR" for name, said in zip(doubtful, as_written, strict=True) if said}
    if "TIMESTAMP" not in types.values():
        texts = [name for name in names if types[name] == "VARCHAR"]
        looks = {(form, name): _is_time(quoted(name), form) for form in _DOTTED for name in texts}
        if times := [look for look, said in zip(looks, _true(engine, as_text, list(looks.values())), strict=True) if said]:
            timestamp = times[0][0]
            types |= {name: "TIMESTAMP" for form, name in times if form == timestamp}
    commas: list[str] = []
    if delimiter != "," and "DOUBLE" not in types.values():
        texts = [name for name in names if types[name] == "VARCHAR"]
        found = _true(engine, as_text, [_has_comma(quoted(name), sure=delimiter == ";") for name in texts])
        commas = [name for name, said in zip(texts, found, strict=True) if said]
        types |= dict.fromkeys(commas, "DOUBLE")
    if not alone:
        texts = [name for name in names if types[name] == "VARCHAR"]
        valued = _true(engine, as_text, [f"count({quoted(name)})" for name in texts])
        types |= {name: None for name, said in zip(texts, valued, strict=True) if not said}
    return Sniffed(types, date or "", timestamp or "", frozenset(commas))


def reader(paths: Sequence[Path], form: str, types: dict[str, str], *, header: bool) -> str:
    """SQL of the table in these files."""
    columns = ", ".join(f"{literal(name)}: {literal(native)}" for name, native in types.items())
    return f"read_csv({listed(paths)}, auto_detect = false, {form}, header = {str(header).lower()}, columns = {{{columns}}})"


def walk(engine: duckdb.DuckDBPyConnection, relation: str) -> None:
    """Read every row, for the error that names a line."""
    engine.execute(f"SELECT count(COLUMNS(*)) FROM {relation}").fetchall()  # noqa: S608 names and paths are quoted


def joined(found: Sequence[Sniffed]) -> Sniffed:
    """The types that hold for all: a text anywhere makes text, and so do dates and numbers that are written differently."""
    if len(found) == 1:
        return found[0]
    commas = frozenset[str]().union(*(one.commas for one in found))
    alike = all(one.commas or "DOUBLE" not in one.types.values() for one in found)
    dates, times = {one.date for one in found if one.date}, {one.timestamp for one in found if one.timestamp}
    types = {name: _joined({native for one in found if (native := one.types[name])}) for name in found[0].types}
    for kinds, forms in ((("DATE",), dates), (("TIMESTAMP", "TIMESTAMPTZ"), times)):
        if len(forms) > 1:
            types |= {name: "VARCHAR" for name, native in types.items() if native in kinds}
    if not alike:
        types |= dict.fromkeys(commas, "VARCHAR")
    return Sniffed(types, dates.pop() if len(dates) == 1 else "", times.pop() if len(times) == 1 else "", commas if alike else frozenset())


def _joined(natives: set[str]) -> str | None:
    if len(natives) <= 1:
        return next(iter(natives), None)
    return "DOUBLE" if natives == {"BIGINT", "DOUBLE"} else "VARCHAR"


def _other_words(c: str) -> str:
    return f"bool_or(lower({c}) NOT IN ('true', 'false'))"


def long_codes(c: str) -> str:
    """SQL: whether some are whole numbers of so many digits that a float would not keep them all. Two that differ would be one."""
    return f"bool_or(strlen({c}) > {MOST_DIGITS} AND regexp_full_match(trim({c}), '[+-]?[0-9]+'))"


def _is_time(c: str, form: str) -> str:
    return (
        f"bool_and(CASE WHEN {c} LIKE '%.%.% %:%' THEN try_strptime({c}, {literal(form)}) IS NOT NULL WHEN {c} IS NOT NULL THEN false END)"
    )


def _has_comma(c: str, *, sure: bool) -> str:
    """Whether all values are numbers, some with a decimal comma; unless that is `sure`, some that no comma of thousands would give."""
    some = f"{c} LIKE '%,%'" if sure else f"NOT regexp_full_match({c}, '[+-]?([0-9]+|[1-9][0-9]{{0,2}}(,[0-9]{{3}})+)')"
    return f"bool_and(regexp_full_match({c}, '[+-]?([0-9]+|[0-9]*,[0-9]+)([eE][+-]?[0-9]+)?')) AND bool_or({some})"


def _true(engine: duckdb.DuckDBPyConnection, relation: str, looks: Sequence[str]) -> Sequence[object]:
    """What each look says of the whole sample."""
    if not looks:
        return ()
    (row,) = engine.execute(f"SELECT {', '.join(looks)} FROM {relation}").fetchall()  # noqa: S608 names are quoted
    return tuple(row)
