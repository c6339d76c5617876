"""From an engine's error to one of ours: file, line, column and a remedy, and never a word of what the file holds.

DuckDB quotes the faulty line in its messages, so none of their text is passed on: only line numbers and column names are picked out.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from podium.errors import DataSourceError

_LINE = re.compile(r"CSV Error on Line: (\d+)")
_COLUMN = re.compile(r"^Column (.+) is being converted as type ([A-Z]+)", re.MULTILINE)
_WIDTH = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what DuckDB, Arrow or the file system raises inside into a DataSourceError about `path`."""
    try:
        yield
    except DataSourceError:
        raise
    except FileNotFoundError:
        raise fault(path, "there is no such file.", remedy="Correct `path` in the pod file.", code="missing_file") from None
    except PermissionError:
        raise _unreadable(path) from None
    except UnicodeError:
        raise _not_utf8(path, "") from None
    except Exception as error:
        if not type(error).__module__.startswith(("duckdb", "_duckdb", "pyarrow")) and not isinstance(error, OSError):
            raise
        raise _read_from(path, str(error)) from None


def fault(path: Path, message: str, *, line: int | str = "", remedy: str = "", code: str = "unreadable") -> DataSourceError:
    """A DataSourceError that begins with the file, and the line where one is known."""
    where = f"{path}, line {line}" if line else str(path)
    return DataSourceError(f"{where}: {message}", remedy=remedy, code=code)


def unknown_column(source: str, name: str, known: Sequence[str]) -> DataSourceError:
    """Names the nearest known column."""
    near = difflib.get_close_matches(name, known, n=1)
    remedy = f"Did you mean {near[0]!r}?" if near else ""
    return DataSourceError(f"datasource {source!r} has no column {name!r}.", remedy=remedy, code="unknown_column")


def check_names(path: Path, names: Sequence[str]) -> None:
    """Refuse empty names, duplicates, and names that differ only by case (SQL engines and people mix those up)."""
    seen: dict[str, str] = {}
    for position, name in enumerate(names, start=1):
        if not name.strip():
            raise fault(path, f"column {position} has no name.", line=1, remedy="Name it.", code="column_names")
        other = seen.setdefault(name.casefold(), name)
        if other == name and list(names).count(name) > 1:
            raise fault(path, f"two columns are called {name!r}.", line=1, remedy="Rename one.", code="column_names")
        if other != name:
            raise fault(path, f"columns {other!r} and {name!r} differ only by case.", line=1, remedy="Rename one.", code="column_names")


def _read_from(path: Path, text: str) -> DataSourceError:
    found = _LINE.search(text)
    line = found.group(1) if found else ""
    if "unicode" in text.lower() or "utf-8" in text.lower():
        return _not_utf8(path, line)
    if column := _COLUMN.search(text):
        name, native = column.groups()
        message = f"column {name!r} was read as {native.lower()}, and a value here does not fit."
        remedy = f"Correct the value, or set `types: {{{name}: text}}` for this datasource."
        return fault(path, message, line=line, remedy=remedy, code="value_does_not_fit")
    if width := _WIDTH.search(text):
        message = f"the row has {width.group(2)} values, and the header names {width.group(1)} columns."
        return fault(path, message, line=line, remedy="Correct the row, or `delimiter` for this datasource.", code="ragged_row")
    if "unterminated quote" in text.lower():
        return fault(path, "a quoted value is not closed.", line=line, remedy="Close the quote.", code="quote")
    if "permission denied" in text.lower():
        return _unreadable(path)
    if path.suffix == ".parquet":
        remedy = "Write it again: the copy may be cut short."
        return fault(path, "this is no complete Parquet file (its footer or a page is damaged).", remedy=remedy)
    return fault(
        path, "the file cannot be read.", line=line, remedy="Check its format and the `delimiter`, `quote` and `encoding` set for it."
    )


def _not_utf8(path: Path, line: str) -> DataSourceError:
    remedy = "Save it as UTF-8, or set `encoding: latin-1` for this datasource."
    return fault(path, "the text is not in the expected encoding.", line=line, remedy=remedy, code="encoding")


def _unreadable(path: Path) -> DataSourceError:
    return fault(path, "permission denied.", remedy="Let the pod's user read it: chmod or chown the file.", code="permission")
