"""What may be compared with what. The same rules hold for the card, before anything is sent, and for the rows, in the worker."""

from __future__ import annotations

import datetime as dt
import re

from podium.contracts import Card, ColumnType
from podium.errors import ConfigError
from podium.filters.nodes import Among, Compare, Condition, Constant

FILTERABLE = ("continuous", "categorical", "boolean", "date")
Comparable = bool | int | float | str | dt.date | dt.datetime

_NEEDS: dict[ColumnType, str] = {
    "integer": "a number",
    "number": "a number",
    "text": "text in quotes",
    "other": "text in quotes",
    "boolean": "true or false",
    "date": "a date as '2024-01-31'",
    "timestamp": "a date as '2024-01-31' (midnight, UTC) or '2024-01-31T18:30:00'",
}
_UNORDERED = ("text", "other", "boolean")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?")


def suit(condition: Condition, card: Card, *, field: str) -> None:
    """Raise ConfigError if the card shows that the condition cannot be asked of its column."""
    column = card.column(condition.column, field=field)
    if column.semantic not in FILTERABLE or column.type in (None, "binary"):
        offer = ", ".join(c.name for c in card.columns if c.semantic in FILTERABLE and c.type not in (None, "binary"))
        raise ConfigError(
            f"column {column.name!r} of {card.datasource!r} is {column.semantic}: a filter on it could single people out.",
            field=field,
            remedy=f"Filter by: {offer}." if offer else "This datasource has no column to filter by.",
            code="filter_column",
        )
    assert column.type is not None
    comparables(condition, column.type, field=field)


def comparables(condition: Condition, kind: ColumnType, *, field: str) -> tuple[Comparable, ...]:
    """The condition's literals as values of that type. Raises ConfigError (`filter_type`)."""
    if isinstance(condition, Compare):
        if kind in _UNORDERED and condition.sign not in ("==", "!="):
            message = f"column {condition.column!r} holds {kind} values, which have no order here."
            raise ConfigError(message, field=field, remedy="Use ==, != or `in (…)`.", code="filter_type")
        return (_value(condition.value, condition.column, kind, field),)
    values = condition.values if isinstance(condition, Among) else ()
    return tuple(_value(value, condition.column, kind, field) for value in values)


def _value(literal: Constant, column: str, kind: ColumnType, field: str) -> Comparable:
    match kind:
        case "integer" | "number" if isinstance(literal, int | float) and not isinstance(literal, bool):
            return literal if kind == "integer" else float(literal) + 0.0  # Arrow's lists tell -0.0 from 0.0
        case "text" | "other" if isinstance(literal, str):
            return literal
        case "boolean" if isinstance(literal, bool):
            return literal
        case "date" | "timestamp" if isinstance(literal, str):
            moment = _moment(literal, day_only=kind == "date")
            if moment is not None:
                return moment.date() if kind == "date" else moment
        case _:
            pass
    needs = _NEEDS.get(kind, "something else")
    raise ConfigError(f"column {column!r} holds {kind} values.", field=field, remedy=f"It is compared with {needs}.", code="filter_type")


def _moment(text: str, *, day_only: bool) -> dt.datetime | None:
    if not _DAY.fullmatch(text) and (day_only or not _MOMENT.fullmatch(text)):
        return None
    try:
        return dt.datetime.fromisoformat(text)  # naive, as the columns are: their times are UTC
    except ValueError:
        return None
