"""Equal tokens, equal rows; and a source that nobody wrote to keeps its token where that can be known."""

from __future__ import annotations

import os
import sqlite3

import pytest

from podium.datasources import Sql


class TestSqlite:
    @pytest.fixture(params=["delete", "wal"])
    def writer(self, request, tmp_path):
        connection = sqlite3.connect(tmp_path / "clinic.db", isolation_level=None)
        connection.execute(f"PRAGMA journal_mode = {request.param}")
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)")
        connection.execute("INSERT INTO t VALUES (1, 1)")
        yield connection
        connection.close()

    @pytest.fixture
    def source(self, writer, tmp_path):
        return Sql(name="a", path=tmp_path / "clinic.db", table="t")

    def test_reading_changes_nothing(self, source):
        before = source.token()
        list(source.read(["id"]))
        assert source.token() == before

    def test_nor_does_a_reader_where_nobody_writes(self, source, writer):
        """In WAL mode it makes the log again that the last writer took away."""
        writer.close()
        before = source.token()
        list(source.read(["id"]))
        assert source.token() == before

    def test_every_write_shows_also_where_the_clock_stands_still(self, source, writer, tmp_path):
        seen = set()
        for i in range(20):
            writer.execute("UPDATE t SET n = ?", (i,))
            if i == 10:
                writer.execute("PRAGMA wal_checkpoint(RESTART)")
            for file in tmp_path.iterdir():
                os.utime(file, ns=(10**18, 10**18))
            seen.add(source.token())
        assert len(seen) == 20

    def test_a_writer_that_leaves_loses_no_change(self, source, writer):
        before = source.token()
        writer.execute("UPDATE t SET n = 7")
        writer.close()
        assert source.token() not in (before, "")
        assert source.token() == source.token()

    def test_a_view_may_ask_for_the_time(self, source, writer):
        writer.execute("CREATE VIEW v AS SELECT id, datetime('now') AS at FROM t")
        view = source.model_copy(update={"table": "v"})
        assert view.token() != view.token()

    def test_another_table_is_another_token(self, source, writer):
        writer.execute("CREATE TABLE u (id INTEGER PRIMARY KEY)")
        assert source.token() != source.model_copy(update={"table": "u"}).token()


class TestPostgres:
    @pytest.fixture
    def source(self, pg):
        pg.run("CREATE TABLE t (id integer PRIMARY KEY, n integer)", "INSERT INTO t VALUES (1, 1)")
        return Sql(name="a", url=pg.url, table="t")

    @pytest.mark.parametrize(
        "write",
        ["INSERT INTO t VALUES (2, 2)", "UPDATE t SET n = 2", "DELETE FROM t", "TRUNCATE t", "ALTER TABLE t ADD c integer DEFAULT 7"],
    )
    def test_it_stays_until_something_is_written(self, source, pg, write):
        before = source.token()
        list(source.read(["id"]))
        assert source.token() == before
        pg.run(write)
        assert source.token() != before

    def test_what_is_under_way_is_seen_when_it_is_done(self, source, pg):
        with pg.engine.connect().execution_options(isolation_level="READ COMMITTED") as connection:
            with connection.begin():
                connection.exec_driver_sql("UPDATE t SET n = 3")
                under_way = source.token()
                assert source.token() == under_way
            assert source.token() != under_way

    @pytest.mark.parametrize(
        "doubt",
        [
            "CREATE VIEW v AS SELECT id, now() AS at FROM t",
            "CREATE TABLE v (id integer); ALTER TABLE v ENABLE ROW LEVEL SECURITY",
            "CREATE TABLE v (id integer); CREATE TABLE w () INHERITS (v)",
        ],
    )
    def test_what_cannot_be_known_never_comes_twice(self, source, pg, doubt):
        pg.run(*doubt.split(";"))
        view = source.model_copy(update={"table": "v"})
        assert view.token() != view.token()

    def test_a_foreign_part_is_not_trusted(self, source, pg):
        pg.run("CREATE FOREIGN DATA WRAPPER elsewhere", "CREATE SERVER there FOREIGN DATA WRAPPER elsewhere")
        pg.run("CREATE TABLE p (id integer) PARTITION BY RANGE (id)")
        whole = source.model_copy(update={"table": "p"})
        assert whole.token() == whole.token()
        pg.run("CREATE FOREIGN TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (9) SERVER there")
        assert whole.token() != whole.token()

    def test_her_own_question_decides(self, source, pg):
        mine = source.model_copy(update={"token_query": "SELECT max(id), '12:30', 100 % 7 FROM t"})
        before = mine.token()
        pg.run("UPDATE t SET n = 2")
        assert mine.token() == before
        pg.run("INSERT INTO t VALUES (2, 2)")
        assert mine.token() != before
