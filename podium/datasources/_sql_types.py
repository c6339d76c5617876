"""From a database's types to Podium's: which it is, how it is asked for, and its values as Arrow holds them.

A driver's value of another kind than its column's is refused, never bent: SQLite lets a column hold anything.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from podium.contracts import ColumnType
from podium.datasources import ARROW

if TYPE_CHECKING:
    import pyarrow as pa
    import sqlalchemy as sa
    from sqlalchemy.types import TypeEngine

Form = Callable[[Any], Any] | None
# Types that dialects have for themselves, and that are no subclasses of SQLAlchemy's own.
_BY_NAME: dict[str, ColumnType] = {
    "INTERVAL": "text",
    "TIME": "text",
    "YEAR": "integer",
    "BINARY": "binary",
    "VARBINARY": "binary",
    "TINYBLOB": "binary",
    "MEDIUMBLOB": "binary",
    "LONGBLOB": "binary",
}


class Unfit(Exception):
    """A value is not of its column's type. `row` is its place among those given."""

    def __init__(self, row: int) -> None:
        self.row = row
        super().__init__()


def column_type(native: TypeEngine[Any]) -> ColumnType | None:
    """Podium's name for a reflected type; None where the database declares none."""
    from sqlalchemy import types

    native = getattr(native, "data_type", native)  # a domain is what it is made of
    known: list[tuple[type, ColumnType]] = [
        (types.Boolean, "boolean"),
        (types.Integer, "integer"),
        (types.Numeric, "number"),
        (types.DateTime, "timestamp"),
        (types.Date, "date"),
        (types.LargeBinary, "binary"),
        (types.String, "text"),
        (types.Time, "text"),
        (types.Interval, "text"),
        (types.Uuid, "text"),
    ]
    if isinstance(native, types.NullType):
        return None
    if is_whole(native):
        return "integer"
    if _is_number_of_bits(native):
        return "boolean" if getattr(native, "length", None) == 1 else "integer"
    if kind := _BY_NAME.get(type(native).__name__):
        return kind
    return next((name for cls, name in known if isinstance(native, cls)), "other")


def is_whole(native: TypeEngine[Any]) -> bool:
    """A decimal that has no decimals. As floats, two ids that differ might be one."""
    from sqlalchemy import types

    return isinstance(native, types.Numeric) and not isinstance(native, types.Float) and native.scale == 0


def _is_number_of_bits(native: TypeEngine[Any]) -> bool:
    """MySQL's BIT, whose driver gives bytes. PostgreSQL's is a text of noughts and ones."""
    return type(native).__name__ == "BIT" and ".mysql." in type(native).__module__


def seen_type(values: Sequence[Any]) -> ColumnType:
    """What the values are, where nothing is declared. Kinds that do not go together are `other`."""
    found = {type(value) for value in values} - {type(None)}
    if not found:
        return "text"
    return next((name for name, forms in _FORMS.items() if found <= (set(forms) & _OWN[name])), "other")


def wanted(column: sa.ColumnElement[Any], native: TypeEngine[Any], kind: ColumnType, *, postgres: bool, forced: bool) -> Any:
    """The column as it is asked for. PostgreSQL is made to give the one form itself; of the others, only texts are asked for as such."""
    import sqlalchemy as sa

    if kind in ("text", "other"):
        return column if isinstance(native, sa.String) and not isinstance(native, sa.Enum) else sa.cast(column, sa.String())
    if _is_number_of_bits(native):
        return sa.cast(column, sa.BigInteger())
    if not postgres:
        return column
    if forced:
        casts: dict[str, Any] = {
            "integer": sa.BigInteger,
            "number": sa.Double,
            "boolean": sa.Boolean,
            "date": sa.Date,
            "binary": sa.LargeBinary,
        }
        return sa.cast(column, casts[kind]()) if kind in casts else sa.func.timezone("UTC", sa.cast(column, sa.DateTime(timezone=True)))
    if kind == "number" and not isinstance(native, sa.Float):
        return sa.cast(column, sa.Double())
    return sa.func.timezone("UTC", column) if getattr(native, "timezone", False) and kind == "timestamp" else column


def array(values: Sequence[Any], kind: ColumnType, *, forced: bool) -> pa.Array:
    """The values in the one Arrow type of `kind`. With `forced`, texts are read as what they say. Raises Unfit."""
    import pyarrow as pa

    forms = _FORMS[kind] | (_SPOKEN.get(kind, {}) if forced else {})
    found = set(map(type, values)) - {type(None)}
    if strange := found - set(forms):
        raise Unfit(next(row for row, value in enumerate(values) if type(value) in strange))
    if change := {one: form for one in found if (form := forms[one])}:
        values = _changed(values, change)
    try:
        return pa.array(values, pa.type_for_alias(ARROW[kind]))
    except (pa.ArrowException, ValueError, OverflowError):
        raise Unfit(_first_bad(values, pa.type_for_alias(ARROW[kind]))) from None


def _changed(values: Sequence[Any], change: dict[type, Callable[[Any], Any]]) -> list[Any]:
    out: list[Any] = []
    try:
        for value in values:
            form = change.get(type(value))
            out.append(form(value) if form else value)
    except (ValueError, OverflowError, KeyError):
        raise Unfit(len(out)) from None
    return out


def _first_bad(values: Sequence[Any], form: pa.DataType) -> int:
    import pyarrow as pa

    for row, value in enumerate(values):
        try:
            pa.array([value], form)
        except (pa.ArrowException, ValueError, OverflowError):
            return row
    return 0


def _moment(text: str) -> dt.datetime:
    when = dt.datetime.fromisoformat(text)
    return when.astimezone(dt.UTC).replace(tzinfo=None) if when.tzinfo else when


def _whole(value: Decimal) -> int:
    if value != value.to_integral_value():
        raise ValueError
    return int(value)


_FLAGS = {0: False, 1: True}
_WORDS = {"0": False, "1": True, "f": False, "t": True, "false": False, "true": True, "no": False, "yes": True}
# Column type → Python type that a driver may give → what makes it the one form; None: it is.
_FORMS: dict[ColumnType, dict[type, Form]] = {
    "boolean": {bool: None, int: _FLAGS.__getitem__},
    "integer": {int: None, Decimal: _whole},
    "number": {float: None, int: float, Decimal: float},
    "text": {str: None},
    "binary": {bytes: None, bytearray: bytes, memoryview: bytes},
    "date": {dt.date: None, str: dt.date.fromisoformat},
    "timestamp": {dt.datetime: None, str: _moment},
    "other": {str: None},
}
_SPOKEN: dict[ColumnType, dict[type, Form]] = {
    "boolean": {str: lambda text: _WORDS[text.strip().lower()]},
    "integer": {str: int},
    "number": {str: float},
}
# Of these, the ones that make a column of unknown type what it is.
_OWN: dict[ColumnType, set[type]] = {
    "boolean": {bool},
    "integer": {int},
    "number": {float, int, Decimal},
    "text": {str},
    "binary": {bytes, bytearray, memoryview},
    "date": {dt.date},
    "timestamp": {dt.datetime},
    "other": set(),
}
