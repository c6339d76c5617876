"""A database opened to be read and for nothing else: one transaction that can write nothing and sees one state of the data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from podium.datasources._sql_faults import explained, fault

if TYPE_CHECKING:
    import sqlalchemy as sa

CONNECT_SECONDS = 10
BUSY_SECONDS = 5.0
# A dead network is noticed within a minute. libpq's names; the custodian's own in the URL count more.
_POSTGRES: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "application_name": "podium",
}
# What a text cast looks like depends on these, and so would fingerprints.
_FORMS = {"timezone": "UTC", "datestyle": "ISO, YMD", "intervalstyle": "iso_8601", "extra_float_digits": "1"}
# Of the other databases, what is said before the first question. MySQL's settings hold for the connection, which serves one reading.
_MYSQL = ("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", "SET time_zone = '+00:00'")
_FIRST = {"sqlite": ("BEGIN",), "mysql": _MYSQL, "mariadb": _MYSQL}


def address(url: str, path: Path | None, password: str | None) -> sa.URL:
    """Where the database is. PostgreSQL is spoken to by psycopg unless the URL names another driver."""
    from sqlalchemy.engine import make_url

    if path is not None:
        return make_url("sqlite://").set(database=str(path))
    try:
        found = make_url(url)
    except Exception:  # noqa: BLE001 whatever is wrong with it, its text may hold the password
        raise fault("url", "this is no database URL.", remedy="Write dialect://user@host:port/database.", code="database_url") from None
    if found.drivername in ("postgresql", "postgres"):
        found = found.set(drivername="postgresql+psycopg")
    return found if password is None else found.set(password=password)


def place(url: sa.URL) -> str:
    """The database as an error may name it: no user, no password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    host = url.host or url.query.get("host", "")
    where = f" at {host}{f':{url.port}' if url.port else ''}" if isinstance(host, str) and host else ""
    return f"{url.get_backend_name()} database {url.database or '(default)'}{where}"


@contextmanager
def reading(url: sa.URL, what: str) -> Iterator[sa.Connection]:
    """A connection in a transaction that only reads; rolled back and closed at the end. `what` is read: a table's name, for errors."""
    with explained(place(url), what):
        engine = _engine(url)
        with engine.connect() as opened:
            connection = opened
            if engine.dialect.name == "postgresql":
                connection = opened.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                if engine.dialect.name == "postgresql":
                    settle(connection, **_FORMS)
                for statement in _FIRST.get(engine.dialect.name, ()):
                    connection.exec_driver_sql(statement)
                try:
                    yield connection
                except BaseException:
                    connection.invalidate()  # a driver would read what was left unread to its end before it rolls back
                    raise


def settle(connection: sa.Connection, **settings: str) -> None:
    """PostgreSQL's settings, for this transaction alone."""
    import sqlalchemy as sa

    connection.execute(sa.select(*(sa.func.set_config(name, value, True) for name, value in settings.items())))


def _engine(url: sa.URL) -> sa.Engine:
    import sqlalchemy as sa

    if url.get_backend_name() == "sqlite":
        return sa.create_engine("sqlite://", creator=lambda: _open_file(Path(str(url.database))), poolclass=sa.NullPool)
    given = {name: value for name, value in _POSTGRES.items() if name not in url.query}
    options = given if url.drivername in ("postgresql+psycopg", "postgresql+psycopg2") else {}
    return sa.create_engine(url, poolclass=sa.NullPool, connect_args=options, hide_parameters=True)


def _open_file(path: Path) -> Any:
    """Read-only twice: the file is opened so, and the connection refuses to write. Batches may be taken by another thread."""
    import sqlite3

    if not path.is_file():  # SQLite has one word for all that it cannot open
        raise FileNotFoundError
    options: dict[str, Any] = {"uri": True, "timeout": BUSY_SECONDS, "isolation_level": None, "check_same_thread": False}
    opened = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", **options)
    opened.execute("PRAGMA query_only = ON")
    return opened
