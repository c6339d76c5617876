"""From a database's error to one of ours: which database and table, what helps, whether trying again may, and never the driver's own words.

Drivers quote values, and sometimes the address with its password. Only codes are looked at, and where a driver gives none, known phrases.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from podium.errors import DataSourceError

UNREADABLE = "unreadable_value"


class _Said(NamedTuple):
    """What is told of one kind of trouble; `{what}` is the table."""

    code: str
    message: str
    remedy: str = ""
    transient: bool = False


_BUSY = _Said("database_busy", "the database is locked by another program.", "Let that program end what it does, and try again.", True)
_GONE = _Said("database_gone", "the database went away, or does not answer.", "Is it running, and can this machine reach it?", True)
_LOGIN = _Said("database_login", "the database does not accept this login.", "Correct the user and the password (password_file).")
_TABLE = _Said("missing_table", "{what} is not there.", "Correct `table`, or `schema_name` where it is not in the login's own schema.")
_COLUMN = _Said("unknown_column", "{what} does not have every column that is asked for.", "Was the table changed? Try again.")
_DENIED = _Said("permission", "this login may not read {what}.", "GRANT SELECT ON the table (and USAGE ON its schema) TO the login.")
_DENIED_DEFINITION = _DENIED._replace(
    remedy="GRANT SELECT ON the table TO the login (of a view: SELECT, SHOW VIEW), or serve a `query` of the columns that it may read."
)
_WRITES = _Said("writes", "{what} tries to write, and Podium only reads.", "Serve a table, or a view that calls nothing that writes.")
_VALUE = _Said(UNREADABLE, "{what} holds a value that cannot be read.", "Correct it, or leave the column out: ignore_columns.")
_QUERY = _Said("query", "the database cannot do what it is asked.", "Read the view, `query` or `token_query` to its end as this login.")
_SLOW = _Said("database_slow", "the database broke the reading off.", "Raise the login's statement_timeout (max_statement_time).")
_FULL = _Said("database_full", "the database is at the end of its memory, disk or connections.", "Try again when it is less busy.", True)
_DAMAGED = _Said("unreadable", "this is no SQLite database, or it is damaged or encrypted.", "Take a sound copy.")
_UNOPENED = _Said(
    "unreadable",
    "the file cannot be opened.",
    "May this user read it? A database in WAL mode needs a folder that this user may write to; serve a copy (VACUUM INTO) otherwise.",
)

# SQLSTATE, the longest beginning counts.
_STATES = {
    "42P01": _TABLE,
    "3F000": _TABLE,
    "42703": _COLUMN,
    "42501": _DENIED,
    "25006": _WRITES,
    "57014": _SLOW,
    "3D000": _Said("missing_database", "there is no such database.", "Correct the URL."),
    "40": _BUSY,
    "55P03": _BUSY,
    "08": _GONE,
    "57P": _GONE,
    "28": _LOGIN,
    "53": _FULL,
    "22": _VALUE,
    "42": _QUERY,
}
# MySQL's and MariaDB's own numbers: their SQLSTATE is 42000 for a refusal, a missing database and a misspelt word alike.
_NUMBERS = {
    1040: _FULL,
    1044: _Said("missing_database", "this login knows no such database.", "Correct the URL, or GRANT SELECT ON its tables TO the login."),
    1045: _LOGIN,
    1698: _LOGIN,
    1049: _STATES["3D000"],
    1054: _COLUMN,
    1142: _DENIED_DEFINITION,
    1143: _DENIED_DEFINITION,
    1146: _TABLE,
    1205: _BUSY,
    1213: _BUSY,
    1226: _FULL,
    1227: _WRITES,
    1792: _WRITES,
    1969: _SLOW,
    2002: _GONE,
    2003: _GONE,
    2006: _GONE,
    2013: _GONE,
    3024: _SLOW,
}
# psycopg has no SQLSTATE for a connection that never came to be.
_PHRASES = {
    r"password|authentication|pg_hba|role .* does not exist": _LOGIN,
    r"database .* does not exist": _STATES["3D000"],
    r"resolve host|translate host|Name or service not known": _Said(
        "unknown_host", "there is no such host.", "Correct the URL, or the network's name service."
    ),
    r"too many (clients|connections)|remaining connection slots": _FULL,
    r"starting up|shutting down|refused|timeout|timed out|unreachable|No such file or directory": _GONE,
    r"closed the connection|connection (failed|is (lost|closed|bad))": _GONE,
}
_SQLITE = {
    "SQLITE_BUSY": _BUSY,
    "SQLITE_LOCKED": _BUSY,
    "SQLITE_CANTOPEN": _UNOPENED,
    "SQLITE_PERM": _UNOPENED,
    "SQLITE_READONLY": _WRITES,
    "SQLITE_NOTADB": _DAMAGED,
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_IOERR": _Said("unreadable", "the file cannot be read.", "Is its disk still there?", True),
    "SQLITE_ERROR": _QUERY,
}


def fault(where: str, message: str, *, remedy: str = "", code: str = "unreadable", transient: bool = False) -> DataSourceError:
    """A DataSourceError that begins with the database."""
    error = DataSourceError(f"{where}: {message}", remedy=remedy, code=code)
    error.transient = transient
    return error


@contextmanager
def explained(where: str, what: str) -> Iterator[None]:
    """Turn what SQLAlchemy or a driver raises inside into a DataSourceError about the database `where` and the table `what`."""
    try:
        yield
    except DataSourceError:
        raise
    except ModuleNotFoundError as error:
        raise _no_driver(where, error.name or "") from None
    except FileNotFoundError:
        raise fault(where, "there is no such file.", remedy="Correct `path` in the pod file.", code="missing_file") from None
    except PermissionError:
        raise _told(where, what, _UNOPENED) from None
    except Exception as error:
        found = _what_is_wrong(error)
        if found is None:
            raise
        raise _told(where, what, found) from None


def _what_is_wrong(error: Exception) -> _Said | None:
    """None for an error that is not the database's."""
    from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError

    if isinstance(error, NoSuchModuleError):
        return _Said("missing_driver", "SQLAlchemy does not know this kind of database.", "Correct the URL, or install its dialect.")
    raw = getattr(error, "orig", None) or error
    classes = {cls.__name__ for cls in type(raw).__mro__}
    if not isinstance(error, SQLAlchemyError) and not {"DatabaseError", "InterfaceError"} & classes:
        return None
    if name := getattr(raw, "sqlite_errorname", ""):
        return next((said for start, said in _SQLITE.items() if name.startswith(start)), _odd(name))
    number = raw.args[0] if raw.args else None
    if isinstance(number, int) and number in _NUMBERS:
        return _NUMBERS[number]
    if state := getattr(raw, "sqlstate", None) or getattr(raw, "pgcode", None):
        return next((said for start, said in _STATES.items() if state.startswith(start)), _odd(f"SQLSTATE {state}"))
    if "Could not decode to UTF-8" in str(raw) or "DataError" in classes:
        return _VALUE
    if getattr(error, "connection_invalidated", False):
        return _GONE
    return next((said for phrase, said in _PHRASES.items() if re.search(phrase, str(raw), re.IGNORECASE)), _odd(type(raw).__name__))


def _odd(name: str) -> _Said:
    return _Said("database", f"the database refused ({name}).", "Try a SELECT from it as the same login.")


def _told(where: str, what: str, said: _Said) -> DataSourceError:
    message = said.message.format(what=what) if "{what}" in said.message else f"{what}: {said.message}"
    return fault(where, message, remedy=said.remedy, code=said.code, transient=said.transient)


def _no_driver(where: str, module: str) -> DataSourceError:
    package = "'podium[postgres]'" if module.startswith("psycopg") else module
    remedy = f"pip install {package}, where the pod runs." if package else "Install it where the pod runs."
    return fault(where, f"the database's driver {module} is not installed.", remedy=remedy, code="missing_driver")
