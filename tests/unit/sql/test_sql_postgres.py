"""The `sql` kind on a real PostgreSQL."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys

import pytest

from podium.datasources import Sql
from podium.datasources._sql_session import address, reading
from podium.errors import DataSourceError
from podium.testing import check_datasource

KINDS = """CREATE TABLE "all kinds" (
  id bigint PRIMARY KEY, small smallint, price numeric(12, 2), x real, name text, code char(3), short varchar(9), flag boolean, day date,
  at timestamp, zoned timestamptz, raw bytea, doc jsonb, tags text[], who uuid,
  mood mood, took interval, hour time, place point, net inet, own positive)"""
ROW = """INSERT INTO "all kinds" VALUES (7, 2, 12.25, 0.5, 'é', 'ab', 's', true, '2024-01-05', '2024-01-05 08:30:00.000001',
  '2024-01-05 08:30+02', '\\x00ff', '{"a": 1}', '{a,b}', '11111111-2222-3333-4444-555555555555', 'fine', '1 day 2 hours', '10:20', '(1,2)',
  '10.0.0.1/8', 3)"""
WRITERS = """CREATE FUNCTION sneaky() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES (1); RETURN 1; END $$"""


def at(*parts):
    return dt.datetime(*parts, tzinfo=dt.UTC).replace(tzinfo=None)


def rows_of(source, names=None):
    names = names or [name for name, _ in source.columns()]
    return [tuple(row[name] for name in names) for batch in source.read(names) for row in batch.to_pylist()]


def test_every_type_has_one_form(pg):
    pg.run("CREATE TYPE mood AS ENUM ('fine', 'ill')", "CREATE DOMAIN positive AS integer CHECK (value > 0)", KINDS, ROW)
    pg.run('INSERT INTO "all kinds" (id) VALUES (8)')
    source = Sql(name="a", url=pg.url, table="all kinds")
    types = (
        "integer integer number number text text text boolean date timestamp timestamp binary other other text text text text other other"
    )
    assert [kind for _, kind in source.columns()] == [*types.split(), "integer"]
    check_datasource(source)
    first, second = rows_of(source)
    assert first == (
        *(7, 2, 12.25, 0.5, "é", "ab ", "s", True, dt.date(2024, 1, 5), at(2024, 1, 5, 8, 30, 0, 1)),
        *(at(2024, 1, 5, 6, 30), b"\x00\xff", '{"a": 1}', "{a,b}", "11111111-2222-3333-4444-555555555555", "fine"),
        *("P1DT2H", "10:20:00", "(1,2)", "10.0.0.1/8", 3),
    )
    assert second == (8, *[None] * 20)


def test_whole_decimals_are_integers(pg):
    """As floats, two of these ids would be one; what is too large for an integer is told of, and read as a text where that is said."""
    pg.run('CREATE TABLE t (id numeric(20, 0) PRIMARY KEY, x numeric(20, 4), "any" numeric)')
    pg.run("INSERT INTO t VALUES (9007199254740993, 1.25, 2), (9007199254740992, 1.5, 2)")
    for source in (Sql(name="a", url=pg.url, table="t"), Sql(name="a", url=pg.url, query='SELECT id, x, "any" FROM t ORDER BY id')):
        assert [kind for _, kind in source.columns()] == ["integer", "number", "number"]
        assert rows_of(source) == [(9007199254740992, 1.5, 2.0), (9007199254740993, 1.25, 2.0)]
    pg.run("INSERT INTO t (id) VALUES (12345678901234567890)")
    with pytest.raises(DataSourceError, match="'id' of table 't' is integer, and its value in row 3 is not") as caught:
        rows_of(Sql(name="a", url=pg.url, table="t"))
    assert "types: {id: text}" in caught.value.remedy
    assert rows_of(Sql(name="a", url=pg.url, table="t", types={"id": "text"}), ["id"])[0] == ("12345678901234567890",)


def test_a_materialised_view_is_one_of_the_tables_there_are(pg):
    pg.run("CREATE MATERIALIZED VIEW summary AS SELECT 1 AS n")
    assert rows_of(Sql(name="a", url=pg.url)) == [(1,)]
    with pytest.raises(DataSourceError) as caught:
        rows_of(Sql(name="a", url=pg.url, table="sumary"))
    assert "'summary'" in caught.value.remedy


def test_forms_do_not_hang_on_the_logins_settings(pg):
    pg.run("CREATE TABLE t (id integer PRIMARY KEY, took interval, seen timestamptz[], x double precision[])")
    pg.run("INSERT INTO t VALUES (1, '1 day', '{2024-01-05 08:30+02}', '{0.1}')")
    before = rows_of(source := Sql(name="a", url=pg.url, table="t"))
    name = pg.engine.url.database
    for setting in ("timezone = 'Asia/Tokyo'", "datestyle = 'German'", "intervalstyle = 'postgres'", "extra_float_digits = -15"):
        pg.run(f"ALTER DATABASE {name} SET {setting}")
    assert rows_of(source) == before


@pytest.mark.parametrize("name", ['"; drop table t; --', "select", "a b", "ä%ö", "%s", ":x", "it's", "Upper", "back\\slash"])
def test_names_are_names_and_nothing_else(pg, name):
    quoted = '"' + name.replace('"', '""') + '"'
    with pg.engine.connect() as connection:
        raw = connection.connection.driver_connection
        raw.execute(f"CREATE SCHEMA {quoted}")
        raw.execute(f"CREATE TABLE {quoted}.{quoted} ({quoted} integer PRIMARY KEY, t text)")
        raw.execute(f"INSERT INTO {quoted}.{quoted} VALUES (2, 'b'), (1, 'a')")
    source = Sql(name="a", url=pg.url, table=name, schema_name=name, key=(name,))
    check_datasource(source)
    assert rows_of(source) == [(1, "a"), (2, "b")]


def test_only_the_wanted_columns_are_asked_for(pg):
    """A login that may see two columns reads those two."""
    pg.run("CREATE TABLE t (id integer PRIMARY KEY, age integer, secret text)", "INSERT INTO t VALUES (1, 30, 'x')")
    pg.run("DROP ROLE IF EXISTS narrow", "CREATE ROLE narrow LOGIN", "GRANT SELECT (id, age) ON t TO narrow")
    source = Sql(name="a", url=pg.url.replace("postgres@", "narrow@"), table="t", ignore_columns=("secret",))
    assert rows_of(source) == [(1, 30)]
    with pytest.raises(DataSourceError, match=r"may not read table 't'\.") as caught:
        rows_of(source.model_copy(update={"ignore_columns": ()}))
    assert "GRANT SELECT" in caught.value.remedy


class TestReadOnly:
    @pytest.fixture
    def sneaky(self, pg):
        pg.run("CREATE TABLE log (n integer)", WRITERS, "CREATE VIEW v AS SELECT sneaky() AS n", "CREATE SEQUENCE s")
        return pg

    @pytest.mark.parametrize("field", ["view", "query", "token", "sequence"])
    def test_nothing_that_is_read_can_write(self, sneaky, field):
        source = {
            "view": Sql(name="a", url=sneaky.url, table="v"),
            "query": Sql(name="a", url=sneaky.url, query="SELECT sneaky() AS n"),
            "token": Sql(name="a", url=sneaky.url, table="log", token_query="SELECT sneaky()"),
            "sequence": Sql(name="a", url=sneaky.url, query="SELECT nextval('s') AS n"),
        }[field]
        with pytest.raises(DataSourceError, match="tries to write"):
            source.token() if field == "token" else rows_of(source)
        assert sneaky.ask("SELECT count(*) FROM log") == 0

    def test_the_transaction_cannot_be_made_to_write(self, sneaky):
        way_out = "set_config('transaction_read_only', 'off', true)"
        source = Sql(name="a", url=sneaky.url, query=f"SELECT {way_out} AS a, sneaky() AS n")
        with pytest.raises(DataSourceError):
            rows_of(source)
        assert sneaky.ask("SELECT count(*) FROM log") == 0

    def test_the_transaction_is_what_it_should_be(self, sneaky):
        with reading(address(sneaky.url, None, None), "log") as connection:
            assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "repeatable read"
            assert connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "on"

    def test_an_insert_through_the_connection_is_refused(self, sneaky):
        with pytest.raises(DataSourceError, match="tries to write"), reading(address(sneaky.url, None, None), "log") as connection:
            connection.exec_driver_sql("INSERT INTO log VALUES (1)")


def test_one_pass_sees_one_state(pg):
    pg.run("CREATE TABLE t (id integer PRIMARY KEY)", "INSERT INTO t SELECT generate_series(1, 3000)")
    batches = Sql(name="a", url=pg.url, table="t").read(["id"])
    seen = next(batches).num_rows
    pg.run("DELETE FROM t WHERE id > 1000", "INSERT INTO t SELECT generate_series(9000, 9999)")
    assert seen + sum(batch.num_rows for batch in batches) == 3000


def test_a_reader_that_leaves_early_gives_the_connection_back(pg):
    pg.run("CREATE TABLE t (id integer PRIMARY KEY)", "INSERT INTO t SELECT generate_series(1, 3000)")
    batches = Sql(name="a", url=pg.url, table="t").read(["id"])
    next(batches)
    mine = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'podium' AND datname = current_database()"
    assert pg.ask(mine) == 1
    batches.close()
    for _ in range(1000):
        if pg.ask(mine) == 0:
            break
    assert pg.ask(mine) == 0


class TestOrder:
    """Without a key too, the same rows come in the same order."""

    def test_a_table_without_a_key_is_read_as_it_lies(self, pg):
        pg.run(
            "CREATE TABLE t (n integer, t text)", "INSERT INTO t SELECT g * 7919 % 1000, repeat('x', 900) FROM generate_series(1, 5000) g"
        )
        pg.run("CREATE INDEX ON t (n)", "VACUUM ANALYZE t")
        source = Sql(name="a", url=pg.url, table="t")
        check_datasource(source)
        assert [n for (n,) in rows_of(source, ["n"])] == [g * 7919 % 1000 for g in range(1, 5001)]  # not the index's order

    def test_a_view_is_sorted_by_all_that_it_shows(self, pg):
        pg.run("CREATE TABLE t (n integer, doc json)", """INSERT INTO t VALUES (1, '{"b": 1}'), (2, '{"a": 1}'), (1, '{"a": 2}')""")
        pg.run("CREATE VIEW v AS SELECT doc, n FROM t")
        source = Sql(name="a", url=pg.url, table="v", token_query="SELECT count(*) FROM t")
        check_datasource(source)
        assert [n for (n,) in rows_of(source, ["n"])] == [2, 1, 1]

    def test_a_declared_key_orders_a_view(self, pg):
        pg.run("CREATE TABLE t (n integer)", "INSERT INTO t VALUES (3), (1), (2)", "CREATE VIEW v AS SELECT n, -n AS m FROM t")
        assert rows_of(Sql(name="a", url=pg.url, table="v", key=("m",)), ["n"]) == [(3,), (2,), (1,)]

    @pytest.mark.parametrize("what", ["PARTITION BY RANGE (n)", "materialised"])
    def test_partitioned_and_materialised(self, pg, what):
        if what == "materialised":
            pg.run("CREATE MATERIALIZED VIEW t AS SELECT g AS n FROM generate_series(1, 9) g")
        else:
            pg.run(f"CREATE TABLE t (n integer) {what}", "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (5)")
            pg.run("CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (5) TO (99)", "INSERT INTO t SELECT generate_series(1, 9)")
        check_datasource(Sql(name="a", url=pg.url, table="t"))


def test_a_query_of_her_own(pg):
    pg.run("CREATE TABLE t (id integer, at timestamptz)", "INSERT INTO t VALUES (2, '2024-01-05 12:30+00'), (1, NULL)")
    query = "SELECT id, at, at::time > '12:00' AS late, '100%'::varchar AS rate, NULL::numeric AS none FROM t;"
    source = Sql(name="a", url=pg.url, query=query, key=("id",), token_query="SELECT count(*) FROM t")
    assert source.columns() == [("id", "integer"), ("at", "timestamp"), ("late", "boolean"), ("rate", "text"), ("none", "number")]
    check_datasource(source)
    assert rows_of(source)[1] == (2, at(2024, 1, 5, 12, 30), True, "100%", None)


def test_types_that_the_custodian_says(pg):
    pg.run("CREATE TABLE t (id integer PRIMARY KEY, n text, x text, seen text, at text, yes text)")
    pg.run("INSERT INTO t VALUES (1, '5', '1e3', '2024-01-05', '2024-01-05 10:00+02', 't')")
    types = {"id": "text", "n": "integer", "x": "number", "seen": "date", "at": "timestamp", "yes": "boolean"}
    source = Sql(name="a", url=pg.url, table="t", types=types)
    assert dict(source.columns()) == types
    assert rows_of(source) == [("1", 5, 1000.0, dt.date(2024, 1, 5), at(2024, 1, 5, 8, 0), True)]


@pytest.mark.parametrize(
    ("column", "value"), [("day", "'infinity'"), ("at", "'-infinity'"), ("at", "'20000-01-01'"), ("n", "'1e400'"), ("spoken", "'geheim'")]
)
def test_a_value_that_no_type_holds_names_its_column(pg, column, value):
    pg.run("CREATE TABLE t (id integer PRIMARY KEY, day date, at timestamp, n numeric, spoken text)")
    pg.run(f"INSERT INTO t (id, {column}) VALUES (1, {value})")
    with pytest.raises(DataSourceError, match=f"column '{column}' of table 't'") as caught:
        rows_of(Sql(name="a", url=pg.url, table="t", types={"spoken": "integer"}))
    assert value.strip("'") not in str(caught.value)


def test_memory_is_bounded_whatever_the_rows_hold(pg):
    pg.run(
        "CREATE TABLE t (id integer PRIMARY KEY, note text)", "INSERT INTO t SELECT g, repeat('x', 20000) FROM generate_series(1, 8000) g"
    )
    program = f"""
from pathlib import Path
from podium.datasources import Sql
source = Sql(name="a", url={pg.url!r}, table="t")
peak = lambda: int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
next(source.read(["id", "note"]))
before = peak()
total = sum(batch.nbytes for batch in source.read(["id", "note"]))
print(total / 1e6, peak() - before)
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    megabytes, grown = map(float, said.split())
    assert megabytes > 150
    assert grown < 100


def test_the_kind_holds_no_driver_until_it_reads():
    program = "import sys, podium.datasources.sql; print([name for name in ('sqlalchemy', 'psycopg', 'pyarrow') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_the_only_table_need_not_be_named(pg):
    pg.run("CREATE TABLE one (id integer PRIMARY KEY)")
    assert Sql(name="a", url=pg.url).columns() == [("id", "integer")]
    pg.run("CREATE TABLE two (id integer PRIMARY KEY)")
    with pytest.raises(DataSourceError, match="it has 2 tables") as caught:
        Sql(name="a", url=pg.url).columns()
    assert "one, two" in caught.value.remedy
