"""A filter on one batch of rows. Only a worker calls this: it needs Arrow.

Each column is first brought into a form in which no comparison can fail: Arrow refuses to compare an integer beyond 2**53 with a
float, and an error that only some rows can cause would tell of them.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

from podium.contracts import ColumnType
from podium.errors import ConfigError
from podium.filters.nodes import Among, Both, Compare, Either, IsNull, Node, Not, Sign
from podium.filters.types import Comparable, comparables

if TYPE_CHECKING:
    import pyarrow as pa

LEAST, MOST = -(2**63), 2**63 - 1


def truth(node: Node, batch: pa.RecordBatch, *, field: str) -> pa.BooleanArray:
    """True, false or null (unknown) for each row. Raises ConfigError for a column that is missing or of another type."""
    import pyarrow.compute as pc

    match node:
        case Not(part=part):
            return pc.invert(truth(part, batch, field=field))
        case Both(parts=parts):
            return functools.reduce(pc.and_kleene, [truth(part, batch, field=field) for part in parts])
        case Either(parts=parts):
            return functools.reduce(pc.or_kleene, [truth(part, batch, field=field) for part in parts])
        case IsNull():
            return pc.is_null(_column(batch, node.column, field)[0])
        case _:
            return _compared(node, batch, field)


def _compared(node: Compare | Among, batch: pa.RecordBatch, field: str) -> pa.BooleanArray:
    column, kind = _column(batch, node.column, field)
    values: list[Any] = list(comparables(node, kind, field=field))
    if isinstance(node, Compare):
        return _whole(node.sign, values[0], column) if kind == "integer" else _sign(node.sign, column, values[0])
    return _among(column, [math.floor(value) for value in values if _fits(value)] if kind == "integer" else values)


def _whole(sign: Sign, value: Any, column: pa.Array) -> pa.BooleanArray:
    """An integer column against any number, through the smallest integer that is not below it: 40.5 lies just below 41."""
    above = math.ceil(value)
    exact = above == value and LEAST <= above <= MOST
    if sign in ("==", "!=") and not exact:
        return _always(column, true=sign == "!=")
    if above > MOST:
        return _always(column, true=sign in ("<", "<="))
    if not exact:
        sign = "<" if sign in ("<", "<=") else ">="
    return _sign(sign, column, max(above, LEAST))


def _fits(value: Any) -> bool:
    return bool(value == math.floor(value) and LEAST <= value <= MOST)


def _sign(sign: Sign, column: pa.Array, value: Comparable) -> pa.BooleanArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    compare = {
        "==": pc.equal,
        "!=": pc.not_equal,
        "<": pc.less,
        "<=": pc.less_equal,
        ">": pc.greater,
        ">=": pc.greater_equal,
    }[sign]
    return compare(column, pa.scalar(value, column.type))


def _among(column: pa.Array, values: list[Any]) -> pa.BooleanArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.is_in(column, value_set=pa.array(values, column.type))
    return pc.if_else(pc.is_valid(column), found, pa.scalar(None, pa.bool_()))


def _always(column: pa.Array, *, true: bool) -> pa.BooleanArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(pc.is_valid(column), pa.scalar(true), pa.scalar(None, pa.bool_()))


def _column(batch: pa.RecordBatch, name: str, field: str) -> tuple[pa.Array, ColumnType]:
    """The column in the form that is compared: 64 bits, NaN as null, -0.0 as 0.0 (as in the literals)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    place = batch.schema.get_field_index(name)
    if place < 0:
        raise ConfigError(f"column {name!r} was not selected.", field=field, code="unknown_column")
    column = batch.column(place)
    kind = _kind(column.type)
    if kind == "integer":
        return column.cast(pa.int64()), kind
    if kind == "number":
        numbers = pc.add(column.cast(pa.float64()), 0.0)
        return pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers), kind
    return column, kind


def _kind(native: pa.DataType) -> ColumnType:
    import pyarrow.types as types

    known: list[tuple[Any, ColumnType]] = [
        (types.is_boolean, "boolean"),
        (types.is_integer, "integer"),
        (types.is_floating, "number"),
        (types.is_string, "text"),
        (types.is_large_string, "text"),
        (types.is_date, "date"),
        (types.is_timestamp, "timestamp"),
    ]
    return next((kind for is_, kind in known if is_(native)), "binary")
