"""What a table, a view or a query looks like, and the order that its rows are read in.

The order: the primary key; else the declared key; else where the rows lie (a table of SQLite or PostgreSQL); else every column's value, for
then rows that could change places are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podium.contracts import ColumnType
from podium.datasources._faults import check_names, unknown_column
from podium.datasources._sql_faults import fault
from podium.datasources._sql_session import settle
from podium.datasources._sql_types import column_type, is_whole, seen_type, wanted
from podium.plugin import nearest

if TYPE_CHECKING:
    import sqlalchemy as sa

    from podium.datasources.sql import Sql

SAMPLE_ROWS = 10_000
_ROWIDS = ("rowid", "_rowid_", "oid")
_KIND = "SELECT relkind::text FROM pg_class WHERE oid = to_regclass(concat_ws('.', quote_ident(:schema), quote_ident(:name)))"


@dataclass(frozen=True)
class Shape:
    """The types of the columns that are not ignored, how each is asked for, where from, and in which order."""

    types: dict[str, ColumnType]
    wanted: dict[str, Any]
    origin: Any
    order: tuple[Any, ...]

    def select(self, columns: Sequence[str]) -> sa.Select[Any]:
        """The question for these columns; a bare 1 a row where none is wanted."""
        import sqlalchemy as sa

        given = [self.wanted[name] for name in columns] or [sa.literal_column("1")]
        return sa.select(*given).select_from(self.origin).order_by(*self.order)


def table_of(connection: sa.Connection, source: Sql) -> str:
    """The table's name: the one that is told, or the only one that there is. Raises DataSourceError that names those there are."""
    import sqlalchemy as sa

    inspector, schema = sa.inspect(connection), source.schema_name or None
    if source.table and (inspector.has_table(source.table, schema) or _is_materialised(connection, source)):
        return source.table
    stored = inspector.get_materialized_view_names(schema) if connection.dialect.name == "postgresql" else []
    there = sorted({*inspector.get_table_names(schema), *inspector.get_view_names(schema), *stored})
    if not source.table and len(there) == 1:
        return there[0]
    field = f"datasources.{source.name}.table"
    if not there:
        error = fault(source.place, "it has no table.", remedy="Is it the right one? A login sees what it may.", code="missing_table")
    elif not source.table:
        error = fault(source.place, f"it has {len(there)} tables.", remedy=f"Say which: {', '.join(there[:20])}.", code="missing_table")
    else:
        where = f" in schema {schema!r}" if schema else ""
        message, remedy = f"there is no table {source.table!r}{where}.", nearest(source.table, there[:20])
        if "." in source.table:
            remedy = "The part before the dot goes into `schema_name`."
        error = fault(source.place, message, remedy=remedy, code="missing_table")
    error.field = field
    raise error


def shape_of(connection: sa.Connection, source: Sql) -> Shape:
    """Raises DataSourceError."""
    import sqlalchemy as sa

    name = "" if source.query else table_of(connection, source)
    schema = source.schema_name or None
    if name:
        origin: Any = sa.table(name, schema=schema)
        natives = {str(one["name"]): one["type"] for one in sa.inspect(connection).get_columns(name, schema)}
    else:
        origin = sa.text(f"({_literally(source.query)}) AS podium_rows")
        natives = _natives(connection, origin)
    kept = {column: native for column, native in natives.items() if column not in source.ignore_columns}
    check_names(source.place, list(kept))
    source.check_fields(kept)
    for column in source.types:
        if column not in natives:
            raise unknown_column(source.name, column, list(kept), key="types")
    types = _types(connection, source, origin, kept)
    postgres = connection.dialect.name == "postgresql"
    asked = {
        column: wanted(sa.column(column), native, types[column], postgres=postgres, forced=column in source.types)
        for column, native in kept.items()
    }
    keys = sa.inspect(connection).get_pk_constraint(name, schema)["constrained_columns"] if name else []
    order: list[Any] | None = [sa.column(column) for column in keys or source.key] or _lying(connection, source, name, list(natives))
    return Shape(types=types, wanted=asked, origin=origin, order=tuple(asked.values() if order is None else order))


def _types(connection: sa.Connection, source: Sql, origin: Any, natives: dict[str, Any]) -> dict[str, ColumnType]:
    """Declared types; the first rows where none is declared, or where SQLite does not know what it was told."""
    import sqlalchemy as sa

    loose = connection.dialect.name == "sqlite"
    found = {column: source.types.get(column) or column_type(native) for column, native in natives.items()}
    if loose:  # SQLite puts halves into a decimal without decimals, too
        found |= {column: "number" for column, native in natives.items() if column not in source.types and is_whole(native)}
    doubtful = [column for column, kind in found.items() if column not in source.types and (kind is None or (loose and kind == "number"))]
    if doubtful and connection.dialect.name != "postgresql":
        rows = connection.execute(sa.select(*map(sa.column, doubtful)).select_from(origin).limit(SAMPLE_ROWS)).fetchall()
        for column, values in zip(doubtful, zip(*rows, strict=True) if rows else [()] * len(doubtful), strict=True):
            seen = seen_type(values)
            # A declared number stays one, but for what was declared by a word that SQLite does not know and holds text.
            found[column] = seen if found[column] is None or (seen == "text" and any(value is not None for value in values)) else "number"
    return {column: kind or "other" for column, kind in found.items()}


def _natives(connection: sa.Connection, origin: Any) -> dict[str, Any]:
    """Of a query: PostgreSQL tells the types before a row is read; of others the first rows do."""
    import sqlalchemy as sa

    cursor: Any = connection.execute(sa.select(sa.text("*")).select_from(origin).limit(0)).cursor
    if connection.dialect.name != "postgresql":
        return {str(one[0]): sa.types.NullType() for one in cursor.description}
    numbers = [one.type_code for one in cursor.description]
    names = connection.execute(sa.select(*(sa.func.format_type(number, None) for number in numbers))).one()
    known: dict[str, Any] = connection.dialect.ischema_names  # type: ignore[attr-defined]  # every dialect that reflects has it
    zoned = {"timestamp with time zone": sa.DateTime(timezone=True)}
    return {
        str(one.name): sa.Numeric(one.precision, one.scale)
        if name == "numeric"
        else zoned.get(name) or sa.types.to_instance(known.get(name, sa.types.NullType))
        for one, name in zip(cursor.description, names, strict=True)
    }


def _lying(connection: sa.Connection, source: Sql, name: str, columns: Sequence[str]) -> list[Any] | None:
    """The order in which a table without a key is kept; None where there is none."""
    import sqlalchemy as sa

    if connection.dialect.name == "sqlite" and name and is_table(connection, name):
        taken = {column.lower() for column in columns}
        word = next((word for word in _ROWIDS if word not in taken), None)
        return [sa.literal_column(word)] if word else None
    if connection.dialect.name == "postgresql" and name:
        kind = connection.execute(sa.text(_KIND), {"schema": source.schema_name or None, "name": name}).scalar()
        if kind in ("r", "p", "m"):
            # Read from the first page to the last; ORDER BY ctid would sort the whole table before its first row.
            settle(connection, synchronize_seqscans="off", enable_indexonlyscan="off")
            return []
    return None


def is_table(connection: sa.Connection, name: str) -> bool:
    """Whether SQLite knows the name as a table's, not a view's."""
    import sqlalchemy as sa

    question = sa.text("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND lower(name) = lower(:name)")
    return bool(connection.execute(question, {"name": name}).scalar())


def _is_materialised(connection: sa.Connection, source: Sql) -> bool:
    import sqlalchemy as sa

    question = {"schema": source.schema_name or None, "name": source.table}
    return connection.dialect.name == "postgresql" and connection.execute(sa.text(_KIND), question).scalar() == "m"


def _literally(query: str) -> str:
    """The custodian's SQL as SQLAlchemy must be given it: a colon in it names no parameter."""
    return query.strip().rstrip(";").replace(":", r"\:")
