"""A catalogue card as a data frame: a row for each column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podium.contracts import Card, CardColumn

if TYPE_CHECKING:
    import pandas as pd

ALWAYS = ("column", "type", "semantic", "nullable", "description", "unit", "labels")
COUNTS = ("nulls", "distinct")
FULL = ("levels", "low", "high")


def columns_of(card: Card) -> pd.DataFrame:
    """What the card tells; `attrs` has the number of rows, where it is told."""
    import pandas as pd

    names = [*ALWAYS, *(COUNTS if card.catalogue in ("counts", "full") else ()), *(FULL if card.catalogue == "full" else ())]
    frame = pd.DataFrame([_row(column) for column in card.columns], columns=names)
    frame.attrs["rows"] = card.rows
    return frame


def _row(column: CardColumn) -> dict[str, object]:
    texts = {
        "column": column.name,
        "labels": "; ".join(f"{value} = {label}" for value, label in column.labels.items()),
        "levels": "; ".join(f"{column.labels.get(level.text, level.text)} ({level.rows})" for level in column.categories),
    }
    return {**column.model_dump(), **texts}
