"""What MySQL and MariaDB call their types and their troubles. No server is needed.

The numbers are those that MariaDB 10.11 gave.
"""

from __future__ import annotations

import sqlite3
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

from podium.datasources import Sql
from podium.datasources._sql_faults import explained
from podium.datasources._sql_types import Unfit, array, column_type, wanted
from podium.errors import DataSourceError


@pytest.mark.parametrize(
    ("native", "kind"),
    [
        (mysql.BIT(1), "boolean"),
        (mysql.BIT(12), "integer"),
        (postgresql.BIT(1), "other"),
        (mysql.TINYINT(display_width=1), "integer"),
        (mysql.BIGINT(unsigned=True), "integer"),
        (mysql.YEAR(), "integer"),
        (mysql.DECIMAL(10, 2), "number"),
        (mysql.DECIMAL(20, 0), "integer"),
        (sa.Numeric(), "number"),
        (mysql.DATETIME(fsp=3), "timestamp"),
        (mysql.TIME(fsp=3), "text"),
        (mysql.ENUM("f", "m"), "text"),
        (mysql.SET("a", "b"), "text"),
        (mysql.JSON(), "other"),
        (sa.BINARY(4), "binary"),
        (sa.VARBINARY(8), "binary"),
        (mysql.LONGBLOB(), "binary"),
    ],
    ids=str,
)
def test_types(native, kind):
    assert column_type(native) == kind


def test_decimals_without_decimals_keep_their_digits():
    ids = [Decimal(9007199254740993), Decimal(9007199254740992), None]
    assert array(ids, "integer", forced=False).to_pylist() == [9007199254740993, 9007199254740992, None]
    for bad in (Decimal("1.5"), Decimal("NaN"), Decimal(2**63)):
        with pytest.raises(Unfit) as caught:
            array([ids[0], bad], "integer", forced=False)
        assert caught.value.row == 1


def test_bits_are_asked_for_as_a_number():
    """The driver's bytes of them would be no text, and as text two of them could look alike."""
    asked = wanted(sa.column("b"), mysql.BIT(12), "integer", postgres=False, forced=False)
    assert str(sa.select(asked).compile(dialect=mysql.dialect())) == "SELECT CAST(b AS SIGNED INTEGER) AS b"


class Refused(Exception):
    """A driver's error: a number, and a text that quotes what it likes."""

    sqlstate = "42000"


@pytest.mark.parametrize(
    ("number", "code", "transient"),
    [
        (1044, "missing_database", False),
        (1045, "database_login", False),
        (1054, "unknown_column", False),
        (1064, "query", False),
        (1142, "permission", False),
        (1146, "missing_table", False),
        (1205, "database_busy", True),
        (1792, "writes", False),
        (1969, "database_slow", False),
        (2006, "database_gone", True),
        (2013, "database_gone", True),
    ],
)
def test_numbers_say_more_than_states(number, code, transient):
    with pytest.raises(DataSourceError) as caught, explained("mysql database clinic", "table 't'"):
        raise sa.exc.OperationalError("SELECT", {}, Refused(number, "SECRET"))
    assert (caught.value.code, caught.value.transient) == (code, transient)
    assert caught.value.remedy
    assert "SECRET" not in str(caught.value)


def test_a_driver_whose_errors_hold_something_else():
    with pytest.raises(DataSourceError) as caught, explained("a database", "table 't'"):
        raise sa.exc.OperationalError("SELECT", {}, Refused({"S": "SECRET"}))
    assert caught.value.code == "query"


def test_who_leaves_early_breaks_the_connection_off(tmp_path):
    """Asked to roll back, a driver may first read the rest of a million rows."""
    path, broken = tmp_path / "t.db", []
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
        made.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(100)])
    made.close()

    def note(*_):
        broken.append(1)

    sa.event.listen(sa.pool.Pool, "invalidate", note)
    try:
        source = Sql(name="a", path=path, table="t")
        assert sum(batch.num_rows for batch in source.read(["n"])) == 100
        assert not broken
        batches = source.read(["n"])
        next(batches)
        batches.close()
        assert broken
    finally:
        sa.event.remove(sa.pool.Pool, "invalidate", note)
