"""What goes wrong with a database is told with its remedy, without a value and without the password; what may pass is worth another try."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from podium.datasources import Sql
from podium.datasources import _sql_session as session
from podium.errors import DataSourceError
from podium.workers.faults import error_of, fault_of

PASSWORD = "geheim-47"


@pytest.fixture(scope="session")
def locked(server):
    """The server, which asks the login `nurse` for a password."""
    with sa.create_engine(server, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql(f"CREATE ROLE nurse LOGIN PASSWORD '{PASSWORD}'")
        file = Path(connection.exec_driver_sql("SHOW hba_file").scalar())
        rules = file.read_text()
        with file.open("w") as out:
            out.write(f"local all nurse scram-sha-256\n{rules}")
        connection.exec_driver_sql("SELECT pg_reload_conf()")


@pytest.fixture
def nurse(pg, locked):
    """A table that nurse may read, and the URL without her password."""
    pg.run("CREATE TABLE t (id integer PRIMARY KEY, age integer)", "INSERT INTO t VALUES (1, 30)", "GRANT SELECT ON t TO nurse")
    return pg.url.replace("postgres@", "nurse@")


def fails(act, *, code, says="", transient=False):
    with pytest.raises(DataSourceError) as caught:
        act()
    error = caught.value
    assert (error.code, error.transient) == (code, transient)
    assert says in str(error)
    assert error.remedy
    assert PASSWORD not in f"{error!r} {error} {error.__cause__} {error.__suppress_context__ or error.__context__}"
    over = error_of(json.loads(fault_of(error).model_dump_json()))  # as the pod learns of it from a worker
    assert (over.code, over.transient, over.message) == (code, transient, error.message)


class TestPassword:
    def test_from_a_file_of_her_own(self, nurse, tmp_path):
        file = tmp_path / "password"
        file.write_text(f"{PASSWORD}\n")
        file.chmod(0o600)
        source = Sql(name="a", url=nurse, table="t", password_file=file)
        assert [batch.to_pylist() for batch in source.read(["age"])] == [[{"age": 30}]]
        assert PASSWORD not in json.dumps(source.dump())

    def test_in_the_url(self, nurse):
        source = Sql(name="a", url=nurse.replace("nurse@", f"nurse:{PASSWORD}@"), table="t")
        assert source.columns() == [("id", "integer"), ("age", "integer")]
        assert PASSWORD not in f"{source!r} {source} {source.place}"

    @pytest.mark.parametrize("given", ["wrong", "none"])
    def test_a_wrong_one(self, nurse, given):
        url = nurse.replace("nurse@", f"nurse:{PASSWORD}x@") if given == "wrong" else nurse
        fails(Sql(name="a", url=url, table="t").token, code="database_login", says="password_file")

    @pytest.mark.parametrize("mode", [0o644, None])
    def test_a_file_that_others_may_read_or_that_is_not_there(self, nurse, tmp_path, mode):
        file = tmp_path / "password"
        if mode:
            file.write_text(PASSWORD)
            file.chmod(mode)
        fails(Sql(name="a", url=nurse, table="t", password_file=file).token, code="database_login", says="600")


class TestPostgres:
    def test_what_is_not_there(self, pg, tmp_path):
        pg.run("CREATE TABLE patients (id integer PRIMARY KEY)", "CREATE SCHEMA clinical", "CREATE TABLE clinical.tumours (id integer)")
        source = Sql(name="a", url=pg.url, table="patients")
        fails(source.model_copy(update={"table": "patient"}).columns, code="missing_table", says="Did you mean 'patients'?")
        fails(source.model_copy(update={"table": "clinical.tumours"}).columns, code="missing_table", says="schema_name")
        fails(source.model_copy(update={"schema_name": "clinical"}).columns, code="missing_table", says="tumours")
        fails(lambda: list(source.read(["idd"])), code="unknown_column", says="'id'")
        fails(source.model_copy(update={"url": pg.url.replace("/podium", "/nothing")}).token, code="missing_database")

    def test_nobody_there(self):
        where = "database clinic at db.invalid:5433"
        source = Sql(name="a", url=f"postgresql://nurse:{PASSWORD}@db.invalid:5433/clinic", table="t")
        fails(source.token, code="unknown_host", says=where)
        fails(
            source.model_copy(update={"url": f"postgresql://nurse:{PASSWORD}@127.0.0.1:1/clinic"}).token,
            code="database_gone",
            transient=True,
        )

    def test_going_away_in_mid_read(self, pg):
        pg.run("CREATE TABLE t (id integer PRIMARY KEY)", "INSERT INTO t SELECT generate_series(1, 5000)")
        batches = Sql(name="a", url=pg.url, table="t").read(["id"])
        next(batches)
        pg.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'podium' AND datname = current_database()")
        fails(lambda: list(batches), code="database_gone", says="table 't'", transient=True)

    def test_a_login_that_has_little_time(self, pg):
        pg.run("ALTER DATABASE podium SET statement_timeout = 200")
        source = Sql(name="a", url=pg.url, query="SELECT pg_sleep(3)::text AS a")
        fails(lambda: list(source.read(["a"])), code="database_slow", says="statement_timeout")

    def test_a_query_that_is_none(self, pg):
        fails(Sql(name="a", url=pg.url, query=f"SELEKT '{PASSWORD}'").columns, code="query")
        fails(Sql(name="a", url=pg.url, query="SELECT 1 AS a", token_query="SELECT generate_series(1, 5000)").token, code="query")


class TestSqlite:
    @pytest.fixture
    def path(self, tmp_path):
        with sqlite3.connect(tmp_path / "clinic.db") as connection:
            connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
        connection.close()
        return tmp_path / "clinic.db"

    def test_locked_by_another(self, path, monkeypatch):
        monkeypatch.setattr(session, "BUSY_SECONDS", 0.05)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        source = Sql(name="a", path=path, table="t")
        fails(source.columns, code="database_busy", transient=True)
        other.execute("COMMIT")
        assert source.columns() == [("id", "integer")]

    def test_no_lock_is_left(self, path):
        batches = Sql(name="a", path=path, table="t").read(["id"])
        next(batches, None)
        batches.close()
        other = sqlite3.connect(path, isolation_level=None, timeout=0)
        other.execute("BEGIN EXCLUSIVE")

    def test_no_file_no_database(self, path, tmp_path):
        fails(Sql(name="a", path=tmp_path / "gone.db", table="t").token, code="missing_file")
        assert not (tmp_path / "gone.db").exists()
        (tmp_path / "text.db").write_text("id,age\n1,30\n" * 100)
        fails(Sql(name="a", path=tmp_path / "text.db", table="t").columns, code="unreadable", says="no SQLite database")
        fails(Sql(name="a", path=path, table="tt").columns, code="missing_table", says="Did you mean 't'?")
        fails(Sql(name="a", path=tmp_path, table="t").columns, code="missing_file")


class TestDrivers:
    def test_one_that_is_not_installed(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "psycopg", None)
        fails(Sql(name="a", url="postgresql://h/d", table="t").columns, code="missing_driver", says="podium[postgres]")
        monkeypatch.setitem(sys.modules, "pymysql", None)
        fails(Sql(name="a", url="mysql+pymysql://h/d", table="t").columns, code="missing_driver", says="pip install pymysql")

    def test_databases_that_nobody_knows(self):
        fails(Sql(name="a", url="nonsense://h/d", table="t").columns, code="missing_driver")
        fails(Sql(name="a", url=f"postgresql://nurse:{PASSWORD}@h:port/d", table="t").columns, code="database_url")


def test_one_bad_source_does_not_stop_the_others(nurse, tmp_path):
    """Looked at by workers, none of which says or writes the password."""
    known, wrong = (nurse.replace("nurse@", f"nurse:{word}@") for word in (PASSWORD, f"{PASSWORD}x"))
    source = Sql.sample(tmp_path)
    (tmp_path / "pod.yaml").write_text(f"""
pod: {{name: north, owner: clinic}}
datasources:
  - {{name: bad, kind: sql, url: "{wrong}", table: t}}
  - {{name: good, kind: sql, url: "{known}", table: t}}
  - {{name: file, kind: sql, path: {source.path.name}, key: [id]}}
""")
    command = [sys.executable, "-c", "from podium.cli import main; main()", "pod", "check", str(tmp_path / "pod.yaml"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PODIUM_HOME": str(tmp_path / "home")}, check=False)
    assert done.returncode == 3
    found = json.loads(done.stdout)["datasources"]
    assert (found["good"], found["file"]) == ("ok, 2 columns", "ok, 6 columns")
    assert "does not accept this login" in found["bad"]
    log = (tmp_path / "home" / "work" / "worker.log").read_text()
    assert "does not accept this login" in log
    assert PASSWORD not in done.stdout + done.stderr + log


def test_the_column_that_a_view_cannot_work_out_is_named(pg):
    """Not the first one, which is only ordered by it."""
    pg.run("CREATE VIEW v AS SELECT n AS a, CASE WHEN n = 9 THEN ('SECRET' || n)::int END AS b FROM generate_series(1, 20) n")
    with pytest.raises(DataSourceError, match="column 'b' of table 'v' holds a value") as caught:
        list(Sql(name="t", url=pg.url, table="v").read(["a", "b"]))
    assert "SECRET" not in str(caught.value)


def test_names_that_differ_only_by_case(pg):
    pg.run("""CREATE TABLE t (a int, "A" int)""")
    with pytest.raises(DataSourceError, match="columns 'a' and 'A' differ only by case"):
        Sql(name="t", url=pg.url, table="t").columns()
    assert Sql(name="t", url=pg.url, table="t", ignore_columns=("A",)).columns() == [("a", "integer")]
