"""From an engine's error to one of ours: file, line, column and a remedy, and never a word of what the file holds.

DuckDB quotes the faulty line in its messages, so none of their text is passed on: only line numbers and column names are picked out.
"""

from __future__ import annotations

import difflib
import errno
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from podium.errors import DataSourceError

ROW_NAMES = "rownames"
_LINE = re.compile(r"CSV Error on Line: (\d+)")
_COLUMN = re.compile(r"^Column (.+) is being converted as type ([A-Z]+)", re.MULTILINE)
_LONG = ("maximum line size", "maximum_object_size", "does not support a full read")
_PACKED = ("gzip", "zstd", "compressed stream", "inflate")
_WINDOWS = re.compile(rb"[\x80-\x9f]")
_WIDTH = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")


@contextmanager
def explained(path: Path, *errors: type[Exception]) -> Iterator[None]:
    """Turn what DuckDB, Arrow, the file system or another library (its `errors`) raises inside into a DataSourceError about `path`."""
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
        if not from_engine(error) and not isinstance(error, (OSError, *errors)):
            raise
        if isinstance(error, OSError) and error.errno == errno.ELOOP:
            raise fault(path, "this is a link that leads back to itself.", remedy="Mend the link.", code="missing_file") from None
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise fault(path, "there is no room to work in.", remedy="Make room below PODIUM_HOME.", code="no_room") from None
        raise _read_from(path, str(error)) from None


def with_row_names(names: Sequence[str]) -> list[str]:
    """A first column without a name holds the names of the rows, as R and pandas write them."""
    unnamed = len(names) > 1 and not names[0].strip() and ROW_NAMES not in names
    return [ROW_NAMES, *names[1:]] if unnamed else list(names)


def from_engine(error: BaseException) -> bool:
    """Whether a data library says that the data are at fault. That it has no memory left is no fault of theirs."""
    kind = type(error)
    if isinstance(error, OSError):
        return error.errno is None and "out of memory" not in str(error).lower()  # DuckDB's, by way of an Arrow reader
    return kind.__module__.startswith(("duckdb", "_duckdb", "pyarrow")) and "Memory" not in kind.__name__


def exhausted(error: BaseException) -> bool:
    """Whether the engine came to the end of its own memory. Where all it was given is one line, that line is at fault."""
    return type(error).__name__ == "OutOfMemoryException"


def changed(path: Path) -> DataSourceError:
    """The file has become another one while it was read. Trying again reads the new one from its beginning."""
    error = fault(path, "the file changed while it was read.", remedy="It is read again.", code="changed_while_read")
    error.transient = True
    return error


def fault(path: Path | str, message: str, *, line: int | str = "", remedy: str = "", code: str = "unreadable") -> DataSourceError:
    """A DataSourceError that begins with the file, and the line where one is known."""
    where = f"{path}, line {line}" if line else str(path)
    return DataSourceError(f"{where}: {message}", remedy=remedy, code=code)


def unknown_column(source: str, name: str, known: Sequence[str], *, key: str = "") -> DataSourceError:
    """Names the nearest known column, and the key of the datasource's entry that asks for it."""
    near = difflib.get_close_matches(name, known, n=1)
    remedy = f"Did you mean {near[0]!r}?" if near else ""
    return DataSourceError(
        f"datasource {source!r} has no column {name!r}.",
        field=f"datasources.{source}.{key}" if key else "",
        remedy=remedy,
        code="unknown_column",
    )


def check_names(path: Path | str, names: Sequence[str], *, line: int | str = "") -> None:
    """Refuse empty names, duplicates, and names that differ only by case (SQL engines and people mix those up).

    And those with a zero byte, which end there for some that read them.
    """
    seen: dict[str, str] = {}
    for position, name in enumerate(names, start=1):
        if "\0" in name:
            raise fault(path, f"the name of column {position} has a zero byte in it.", line=line, remedy="Rename it.", code="column_names")
        if not name.strip():
            raise fault(path, f"column {position} has no name.", line=line, remedy="Name it.", code="column_names")
        other = seen.get(name.casefold())
        if other == name:
            raise fault(path, f"two columns are called {name!r}.", line=line, remedy="Rename one.", code="column_names")
        if other is not None:
            raise fault(path, f"columns {other!r} and {name!r} differ only by case.", line=line, remedy="Rename one.", code="column_names")
        seen[name.casefold()] = name


def same_columns(path: Path, found: Sequence[str], wanted: Sequence[str], *, like: str) -> None:
    """Raise DataSourceError unless the file has the columns of the file called `like`, in whatever order."""
    ours, theirs = set(found), set(wanted)
    other = next((name for name in wanted if name not in ours), None)
    missing = other is not None
    if other is None and (other := next((name for name in found if name not in theirs), None)) is None:
        return
    says = f"there is no column {other!r}, and {like} has it." if missing else f"there is a column {other!r}, and {like} does not have it."
    remedy = "Give all files the same columns, or serve this one as a datasource of its own."
    raise fault(path, says, remedy=remedy, code="other_columns")


def long_line(path: Path, line: int | str = "") -> DataSourceError:
    """A line that no table has: most often a file without line ends, or of another kind."""
    remedy = "Check that it is text with line ends, and that quotes are closed."
    return fault(path, "a line is too long to be one row.", line=line, remedy=remedy, code="long_line")


def broken_archive(path: Path) -> DataSourceError:
    """What ends in `.gz` or `.zst` and cannot be unpacked."""
    return fault(path, "the compression is damaged.", remedy="Copy it again: it may be cut short.", code="compression")


def _read_from(path: Path, text: str) -> DataSourceError:
    found = _LINE.search(text)
    line = found.group(1) if found else ""
    if "not latin-1 encoded" in text:
        return _not_latin(path)
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
    if any(sign in text.lower() for sign in _LONG):
        return long_line(path, line)
    if path.suffix in (".gz", ".zst") and any(sign in text.lower() for sign in _PACKED):
        return broken_archive(path)
    if "invalid state" in text.lower():
        message = "its lines do not all end alike, or a quoted value is followed by something else than the delimiter."
        return fault(path, message, line=line, remedy="Write it again with one kind of line end.", code="line_ends")
    if "permission denied" in text.lower():
        return _unreadable(path)
    if path.suffix in (".parquet", ".pq"):
        remedy = "Write it again: the copy may be cut short."
        return fault(path, "this is no complete Parquet file (its footer or a page is damaged).", remedy=remedy)
    delimited = {".csv", ".tsv"} & {suffix.lower() for suffix in path.suffixes}
    remedy = (
        "Check its format and the `delimiter`, `quote` and `encoding` set for it." if delimited else "Check its format, or copy it again."
    )
    return fault(path, "the file cannot be read.", line=line, remedy=remedy)


def _not_utf8(path: Path, line: str) -> DataSourceError:
    remedy = "Save it as UTF-8, or set `encoding: latin-1` for this datasource."
    return fault(path, "the text is not in the expected encoding.", line=line, remedy=remedy, code="encoding")


def _not_latin(path: Path) -> DataSourceError:
    """It is Windows's own alphabet then, which has signs where Latin-1 has none."""
    line: int | str = ""
    if path.suffix not in (".gz", ".zst"):
        with path.open("rb") as file:
            line = next((number for number, one in enumerate(file, start=1) if _WINDOWS.search(one)), "")
    message = "the text is not Latin-1: it has signs, such as € or a long dash, that only the alphabet of Windows (cp1252) has."
    return fault(path, message, line=line, remedy="Save it as UTF-8: iconv -f CP1252 -t UTF-8 FILE > NEW.", code="encoding")


def _unreadable(path: Path) -> DataSourceError:
    return fault(path, "permission denied.", remedy="Let the pod's user read it: chmod or chown the file.", code="permission")
