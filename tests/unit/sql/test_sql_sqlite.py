"""The `sql` kind on SQLite, which lets a column hold anything."""

from __future__ import annotations

import datetime as dt
import sqlite3

import pytest

from podium.datasources import Datasource, Sql
from podium.datasources._sql_session import address, reading
from podium.errors import ConfigError, DataSourceError
from podium.testing import check_datasource


@pytest.fixture
def database(tmp_path):
    """`database("SQL", …)` runs it in a file and gives the file's path."""
    path = tmp_path / "clinic.db"

    def run(*statements):
        with sqlite3.connect(path) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()
        return path

    return run


def at(*parts):
    return dt.datetime(*parts, tzinfo=dt.UTC).replace(tzinfo=None)


def rows_of(source, names=None):
    names = names or [name for name, _ in source.columns()]
    return [tuple(row[name] for name in names) for batch in source.read(names) for row in batch.to_pylist()]


def test_every_declared_type(database):
    path = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INT, x DOUBLE PRECISION, price DECIMAL(9, 2), name VARCHAR(9), flag BOOLEAN, day DATE,"
        " at DATETIME, zoned TIMESTAMP, raw BLOB, doc JSON, hour TIME, odd STRING, any, half NUMERIC)",
        "INSERT INTO t VALUES (1, 2, 3, 12.25, 'é', 1, '2024-01-05', '2024-01-05', '2024-01-05T08:30:00+02:00', x'00ff', '{}', '10:20',"
        " 'a', 2, 1)",
        "INSERT INTO t (id) VALUES (2)",
    )
    source = Sql(name="a", path=path, table="t")
    assert dict(source.columns()) == {
        "id": "integer",
        "n": "integer",
        "x": "number",
        "price": "number",
        "name": "text",
        "flag": "boolean",
        "day": "date",
        "at": "timestamp",
        "zoned": "timestamp",
        "raw": "binary",
        "doc": "other",
        "hour": "text",
        "odd": "text",
        "any": "integer",
        "half": "number",
    }
    check_datasource(source)
    first, second = rows_of(source)
    assert first == (
        *(1, 2, 3.0, 12.25, "é", True, dt.date(2024, 1, 5), at(2024, 1, 5), at(2024, 1, 5, 6, 30)),
        *(b"\x00\xff", "{}", "10:20", "a", 2, 1.0),
    )
    assert second == (2, *[None] * 14)


def test_expressions_of_a_view_are_what_their_first_rows_are(database):
    path = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, born DATE)",
        "INSERT INTO t VALUES (1, '1990-05-01'), (2, NULL)",
        "CREATE VIEW v AS SELECT id, born, id + 1 AS next, id * 0.5 AS half, 'x' || id AS code, NULL AS none, "
        "CASE id WHEN 1 THEN 'a' ELSE 2 END AS mixed FROM t",
    )
    source = Sql(name="a", path=path, table="v", token_query="SELECT count(*) FROM t")
    kinds = ["integer", "date", "integer", "number", "text", "text", "other"]
    assert [kind for _, kind in source.columns()] == kinds
    check_datasource(source)
    assert rows_of(source)[1] == (2, None, 3, 1.0, "x2", None, "2")


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        *(
            ("INTEGER", "'geheim'"),
            ("INTEGER", "1.5"),
            ("REAL", "'geheim'"),
            ("BOOLEAN", "2"),
            ("BOOLEAN", "'geheim'"),
            ("TEXT", "x'4b4b'"),
        ),
        *(("DATE", "'5.1.2024'"), ("DATE", "19727"), ("TIMESTAMP", "'yesterday'"), ("BLOB", "'geheim'"), ("DATE", "'2024-01-05 10:00'")),
    ],
)
def test_a_value_of_another_type_is_refused_by_column_and_row(database, declared, value):
    good = {
        "INTEGER": 1,
        "REAL": 1.5,
        "BOOLEAN": 1,
        "TEXT": "'a'",
        "DATE": "'2024-01-01'",
        "TIMESTAMP": "'2024-01-01 10:00'",
        "BLOB": "x'00'",
    }
    path = database(f"CREATE TABLE t (id INTEGER PRIMARY KEY, c {declared})")
    database(*(f"INSERT INTO t VALUES ({4000 + i}, {good[declared]})" for i in range(1, 300)), f"INSERT INTO t VALUES (9999, {value})")
    source = Sql(name="a", path=path, table="t")
    with pytest.raises(DataSourceError, match=r"column 'c' of table 't' is \w+, and its value in row 300 is not") as caught:
        rows_of(source)
    assert caught.value.code == "value_does_not_fit"
    assert value.strip("'x") not in str(caught.value).replace("300", "").replace(str(path), "")
    assert "types: {c: text}" in caught.value.remedy
    if value != "x'4b4b'":
        assert rows_of(Sql(name="a", path=path, table="t", types={"c": "text"}), ["c"])[-1] == (value.strip("'"),)


def test_numbers_and_dates_kept_as_text_are_read_as_what_she_says(database):
    path = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, age TEXT, x TEXT, seen TEXT, smoker TEXT)",
        "INSERT INTO t VALUES (1, '34', '0.5', '2024-01-05', 'Yes'), (2, NULL, NULL, NULL, NULL)",
    )
    types = {"age": "integer", "x": "number", "seen": "date", "smoker": "boolean"}
    source = Sql(name="a", path=path, table="t", types=types)
    assert rows_of(source) == [(1, 34, 0.5, dt.date(2024, 1, 5), True), (2, None, None, None, None)]
    database("UPDATE t SET age = 'geheim' WHERE id = 2")
    with pytest.raises(DataSourceError, match=r"column 'age'.*row 2") as caught:
        rows_of(source)
    assert "geheim" not in str(caught.value)


def test_whole_numbers_that_no_column_holds(database):
    path = database("CREATE TABLE t (id INTEGER PRIMARY KEY, x NUMERIC)", "INSERT INTO t VALUES (1, 9007199254740993)")
    assert rows_of(Sql(name="a", path=path, table="t")) == [(1, 9007199254740992.0)]


def test_text_that_is_no_text_is_not_quoted(database):
    path = database("CREATE TABLE t (id INTEGER PRIMARY KEY, c TEXT, d TEXT)", "INSERT INTO t VALUES (1, CAST(x'676568ff' AS TEXT), 'a')")
    with pytest.raises(DataSourceError, match="column 'c' of table 't' holds a value that cannot be read") as caught:
        rows_of(Sql(name="a", path=path, table="t"))
    assert "geh" not in str(caught.value)


@pytest.mark.parametrize("name", ['"; drop table t; --', "select", "a b", "ä%ö", "%s", ":x", "it's", "Upper", "[x]"])
def test_names_are_names_and_nothing_else(database, name):
    quoted = '"' + name.replace('"', '""') + '"'
    path = database(f"CREATE TABLE {quoted} ({quoted} INTEGER PRIMARY KEY, t TEXT)", f"INSERT INTO {quoted} VALUES (2, 'b'), (1, 'a')")
    source = Sql(name="a", path=path, table=name, key=(name,))
    check_datasource(source)
    assert rows_of(source) == [(1, "a"), (2, "b")]


def test_order_without_a_key(database):
    path = database(
        "CREATE TABLE t (rowid TEXT, n INTEGER)", "CREATE INDEX i ON t (n)", "INSERT INTO t VALUES ('c', 3), ('a', 1), ('b', 2)"
    )
    source = Sql(name="a", path=path, table="t")
    assert rows_of(source, ["n"]) == [(3,), (1,), (2,)]
    check_datasource(source)


def test_a_table_without_rowid(database):
    path = database("CREATE TABLE t (a TEXT, b INTEGER, PRIMARY KEY (b, a)) WITHOUT ROWID", "INSERT INTO t VALUES ('x', 2), ('y', 1)")
    assert rows_of(Sql(name="a", path=path, table="t")) == [("y", 1), ("x", 2)]


def test_it_cannot_be_written(database):
    path = database("CREATE TABLE t (id INTEGER PRIMARY KEY)")

    def tries(*statements):
        with reading(address("", path, None), "t") as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    for statement in ("INSERT INTO t VALUES (1)", "DROP TABLE t", "CREATE TABLE u (n)"):
        with pytest.raises(DataSourceError, match="tries to write"):
            tries("PRAGMA query_only = OFF", statement)
    assert rows_of(Sql(name="a", path=path, table="t")) == []


def test_a_query_of_her_own(database):
    path = database("CREATE TABLE t (id INTEGER, at TEXT)", "INSERT INTO t VALUES (2, '12:30'), (1, NULL)")
    query = "SELECT id, at = '12:30' AS same, strftime('%H', at) AS hour FROM t;"
    source = Sql(name="a", path=path, query=query, key=("id",), token_query="SELECT count(*) FROM t", types={"same": "boolean"})
    assert source.columns() == [("id", "integer"), ("same", "boolean"), ("hour", "text")]
    check_datasource(source)
    assert rows_of(source) == [(1, None, None), (2, True, "12")]


def test_batches_may_be_taken_by_another_thread(database):
    from concurrent.futures import ThreadPoolExecutor

    path = database("CREATE TABLE t (id INTEGER PRIMARY KEY)")
    database(*(f"INSERT INTO t VALUES ({i})" for i in range(300)))
    batches = Sql(name="a", path=path, table="t").read(["id"])
    seen = next(batches).num_rows
    with ThreadPoolExecutor(1) as other:
        assert seen + other.submit(lambda: sum(batch.num_rows for batch in batches)).result() == 300


def test_ignored_columns_and_fields_that_name_none(database):
    path = database("CREATE TABLE t (id INTEGER PRIMARY KEY, age INTEGER)")
    assert Sql(name="a", path=path, table="t", ignore_columns=("age", "gone")).columns() == [("id", "integer")]
    for field, value in (("key", ("agee",)), ("force_types", {"agee": "text"}), ("types", {"agee": "text"})):
        with pytest.raises(DataSourceError, match="agee"):
            Sql(name="a", path=path, table="t", **{field: value}).columns()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "`url` or `path`"),
        ({"url": "postgresql://h/d", "path": "a.db"}, "`url` or `path`"),
        ({"path": "a.db", "table": "t", "query": "SELECT 1"}, "`query`"),
        ({"path": "a.db", "schema_name": "t", "query": "SELECT 1"}, "`query`"),
        ({"url": "sqlite:///a.db"}, "absolute"),
        ({"url": "sqlite://"}, "absolute"),
        ({"url": "postgresql://u:ge@heim@h/d"}, "%40"),
        ({"url": "geheim"}, "dialect"),
        ({"url": ""}, "dialect"),
    ],
)
def test_what_a_pod_file_may_say(fields, says):
    from jsonschema import Draft202012Validator

    with pytest.raises(ConfigError, match=says) as caught:
        Datasource.load({"kind": "sql", "name": "a", **fields})
    assert "heim" not in str(caught.value)
    assert not Draft202012Validator(Sql.model_json_schema()).is_valid({"name": "a", **fields})


@pytest.mark.parametrize(
    "fields",
    [
        {"path": "a.db"},
        {"url": "sqlite:////a.db", "query": "SELECT 1"},
        {"url": "postgresql://u:p%40q@h:5432/d?sslmode=require", "table": "t", "schema_name": "s"},
        {"url": "mysql+pymysql://h/d", "table": "t"},
    ],
)
def test_what_a_pod_file_can_say(fields):
    from jsonschema import Draft202012Validator

    Datasource.load({"kind": "sql", "name": "a", **fields})
    assert Draft202012Validator(Sql.model_json_schema()).is_valid({"name": "a", **fields})


def test_a_column_without_a_name_is_refused(tmp_path):
    path = tmp_path / "t.db"
    made = sqlite3.connect(path)
    made.executescript("""CREATE TABLE t (a INTEGER, "" TEXT); INSERT INTO t VALUES (1, 'SECRET')""")
    made.close()
    with pytest.raises(DataSourceError, match="column 2 has no name") as caught:
        Sql(name="t", path=path).columns()
    assert caught.value.code == "column_names"
    assert caught.value.message.startswith(f"{path}: ")
    assert Sql(name="t", path=path, ignore_columns=("",)).columns() == [("a", "integer")]


def test_a_database_without_a_table(tmp_path):
    (tmp_path / "t.db").write_bytes(b"")
    with pytest.raises(DataSourceError, match="it has no table"):
        Sql(name="t", path=tmp_path / "t.db").columns()
