"""What the kinds whose model has terms share: their names, the levels of categorical columns, and what a card must say of a feature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from podium.contracts import Card, Value
from podium.errors import ConfigError

INTERCEPT = "(intercept)"
MAX_TERMS = 100
Levels = Mapping[str, Sequence[Value]]


def term_names(features: Sequence[str], levels: Levels) -> tuple[str, ...]:
    """The terms that the columns become: `age` for a number or a boolean, `sex[m]` for each declared level after the first."""
    return tuple(f"{name}[{level}]" if level is not None else name for name in features for level in levels.get(name, (0, None))[1:])


def check_levels(levels: Levels) -> None:
    """Raise ValueError unless each column has two levels or more, each once."""
    for values in levels.values():
        if len(values) < 2 or len(set(values)) < len(values) or None in values:
            raise ValueError("needs two or more levels for each column, each once, and not null")


def check_feature(card: Card, name: str, *, levels: Levels, field: str) -> None:
    """Raise ConfigError unless the column can be a feature, with levels declared where they are needed."""
    column = card.column(name, field=field)
    if column.semantic == "continuous" and column.type in ("integer", "number"):
        if name in levels:
            raise ConfigError(f"column {name!r} is continuous and has no levels.", field=field, code="not_categorical")
    elif column.type == "boolean":
        if name in levels:
            raise ConfigError(f"column {name!r} is boolean: its levels are known.", field=field, code="not_categorical")
    elif column.semantic not in ("categorical", "boolean"):
        raise ConfigError(
            f"column {name!r} of {card.datasource!r} is {column.semantic} and cannot be a feature.",
            field=field,
            remedy="Features are continuous numbers, booleans, or categorical columns with declared levels.",
            code="not_a_feature",
        )
    elif name not in levels:
        remedy = f"Add levels={{{name!r}: [...]}}; the first is the reference."
        raise ConfigError(f"column {name!r} of {card.datasource!r} is categorical.", field=field, remedy=remedy, code="no_levels")
