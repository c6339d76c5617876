"""What a card must say of a column before it is used."""

from __future__ import annotations

from podium.contracts import Card
from podium.errors import ConfigError

_LEVELS = ("categorical", "boolean")


def grouping(card: Card, name: str, *, field: str) -> None:
    """Raise ConfigError unless the column's levels may be told."""
    column = card.column(name, field=field)
    if column.semantic not in _LEVELS:
        fitting = [each.name for each in card.columns if each.semantic in _LEVELS]
        raise ConfigError(
            f"column {name!r} of {card.datasource!r} is {column.semantic}: its levels could single people out.",
            field=field,
            remedy=f"Group by a categorical or boolean column{': ' if fitting else ''}{', '.join(fitting)}.",
            code="by_not_categorical",
        )


def continuous(card: Card, name: str, *, field: str, what: str) -> None:
    """Raise ConfigError unless the column holds amounts, which have `what`.

    A column of two codes would have its smaller count told by its exact sum; so sums are for amounts only.
    """
    column = card.column(name, field=field)
    if column.type not in ("integer", "number"):
        raise ConfigError(
            f"column {name!r} of {card.datasource!r} holds {column.type} values, which have no {what}.",
            field=field,
            remedy=_amounts(card),
            code="not_numeric",
        )
    if column.semantic != "continuous":
        raise ConfigError(
            f"column {name!r} of {card.datasource!r} is {column.semantic}: its numbers are codes, not amounts.",
            field=field,
            remedy="Count its levels (count, by), or ask the custodian to set force_types to continuous.",
            code="not_continuous",
        )


def _amounts(card: Card) -> str:
    known = [column.name for column in card.columns if column.semantic == "continuous" and column.type in ("integer", "number")]
    return f"Continuous columns: {', '.join(known)}." if known else "This datasource has no continuous column."
