"""How a pod reaches its database: SQLite in a file of its own, or PostgreSQL, where each pod has a schema of its own.

SQLite runs in WAL with `synchronous=FULL`: what is committed is on disk. The run history alone could do with less, but a decision or the
mark that a message was read must not be forgotten in a power cut, and they are in the same file on purpose.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, OperationalError, ProgrammingError

from podium.errors import ConfigError

WAIT, PAUSE = 30.0, 0.01  # seconds for another process that holds a file of SQLite's, and between two tries
LONGEST = 63  # bytes of a name in PostgreSQL; it cuts the rest off without a word
_READS = "podium_reads"


def engine(url: str, **options: Any) -> Engine:
    """An engine for that URL, set up as above. Its errors do not quote what was stored.

    PostgreSQL is spoken to by psycopg unless the URL names another driver. Raises ConfigError.
    """
    if url.startswith("sqlite"):
        return _sqlite(url)
    try:
        where = make_url(url)
        if where.drivername in ("postgresql", "postgres"):
            where = where.set(drivername="postgresql+psycopg")
        return create_engine(where, pool_pre_ping=True, hide_parameters=True, **options)
    except ImportError as error:
        remedy = f"pip install {quoted('podium[postgres]') if error.name == 'psycopg' else error.name}"
        raise ConfigError(f"the package {error.name} is not installed.", field="history.url", remedy=remedy) from None
    except ArgumentError:  # its text may hold the password
        remedy = "Write dialect://user@host:port/database, such as postgresql://pod@localhost/podium."
        raise ConfigError("this is no URL of a database that SQLAlchemy knows.", field="history.url", remedy=remedy) from None


def pod_engine(url: str, pod: str, *, make: bool = True, **options: Any) -> Engine:
    """An engine that sees this pod's tables. On PostgreSQL the schema for them is made where there is none, if `make`."""
    made = engine(url, **options)
    if made.dialect.name != "postgresql":
        return made
    with made.begin() as connection:
        schema = schema_in_use(connection, pod)
        if schema is None and make:
            schema = schema_name(pod)
            connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}"))
    made.dispose()
    if not schema:
        return made
    made = engine(url, **options)
    _use(made, schema)
    return made


@contextmanager
def explained() -> Iterator[None]:
    """What a database says when it cannot be reached or used, as a ConfigError."""
    try:
        yield
    except (OperationalError, ProgrammingError) as error:
        said = f"the pod's database cannot be opened: {' '.join(str(error.orig).split()).rstrip('.')}."
        remedy = "Is it there, and may its user make tables, and a schema for them?"
        raise ConfigError(said, field="history.url", remedy=remedy) from None


def reach(url: str) -> None:
    """Connect to a database server, and change nothing; a file of SQLite is left for the pod to make. Raises ConfigError."""
    made = engine(url)
    if made.dialect.name != "sqlite":
        with explained(), made.connect():
            pass
    made.dispose()


@contextmanager
def snapshot(made: Engine) -> Iterator[Connection]:
    """The database as it is at this moment, for as long as that takes. Nobody who writes has to wait."""
    options: dict[str, Any] = {_READS: True} if made.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with made.connect().execution_options(**options) as connection, connection.begin():
        yield connection


def schema_in_use(connection: Connection, pod: str) -> str | None:
    """Where this pod's tables are on PostgreSQL: its own schema, the default one (empty; an earlier version put them there), or nowhere."""
    own = schema_name(pod)
    if connection.scalar(text("SELECT 1 FROM pg_namespace WHERE nspname = :own"), {"own": own}):
        return own
    if connection.scalar(text("SELECT to_regclass('pod')")) and connection.scalar(text("SELECT identifier FROM pod")) == pod:
        return ""
    return None


def schema_name(pod: str) -> str:
    """The pod's identifier. One that is too long for PostgreSQL is cut, and told from its likes by a digest; `#` is in no identifier."""
    if len(pod.encode()) <= LONGEST:
        return pod
    end = "#" + hashlib.sha256(pod.encode()).hexdigest()[:32]
    return pod[: LONGEST - len(end)] + end


def quoted(name: str) -> str:
    """As an identifier in SQL."""
    return '"' + name.replace('"', '""') + '"'


def _use(made: Engine, schema: str) -> None:
    """Let every connection see that schema only."""

    @event.listens_for(made, "connect", insert=True)  # before SQLAlchemy asks which schema is the default
    def _choose(connection: Any, _record: Any) -> None:
        before, connection.autocommit = connection.autocommit, True
        connection.execute(f"SET SESSION search_path TO {quoted(schema)}")
        connection.autocommit = before


def _sqlite(url: str) -> Engine:
    made = create_engine(url, connect_args={"timeout": WAIT}, hide_parameters=True)

    @event.listens_for(made, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say, below
        _write_ahead(connection)
        for pragma in ("synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(made, "begin")
    def _begin(connection: Connection) -> None:
        # A read that turns into a write must not lose a race half-way; one that does not, needs to keep nobody out.
        connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get(_READS) else "BEGIN IMMEDIATE")

    return made


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turn WAL on. Of processes that make a file at once, SQLite tells all but one that it is locked, and does not wait as it does else."""
    until = time.monotonic() + WAIT
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > until:
                raise
            time.sleep(PAUSE)
