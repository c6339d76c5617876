"""From a schema to the card that the hub may show. The custodian says how much it tells.

| `catalogue` | the card tells |
|---|---|
| `names` | the columns' names and descriptions |
| `types` | their types too, whether a value may be missing, units, and labels, which are the custodian's words and not the data's |
| `counts` | the rounded number of rows too, and by column of missing and of different values |
| `full` | the levels of categories that are not rare, with rounded numbers of rows, and rounded ranges that no single person makes |

`podium.privacy.told` says how. An identifier, a text or a rare level is on no card.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from podium.contracts import Card, CardColumn, Catalogue, Column, DatasourceSchema
from podium.privacy import told
from podium.privacy.disclosure import Rules

_AT_MOST: tuple[Catalogue, ...] = ("names", "types", "counts", "full")


def card_of(
    schema: DatasourceSchema,
    algorithms: Sequence[str] = (),
    *,
    description: str = "",
    catalogue: Catalogue = "types",
    rules: Rules = Rules(),  # noqa: B008 - frozen
) -> Card:
    """The card under that policy."""
    policy = _AT_MOST.index(catalogue)
    counts = policy >= _AT_MOST.index("counts")
    return Card(
        datasource=schema.datasource,
        description=description,
        stage=schema.stage,
        catalogue=catalogue,
        rows=told.count(schema.rows, rules) if counts and schema.rows is not None else None,
        columns=tuple(CardColumn(name=c.name, description=c.description, **_more(c, schema, policy, rules)) for c in schema.columns),
        algorithms=tuple(algorithms),
        generated_at=schema.generated_at,
    )


def _more(column: Column, schema: DatasourceSchema, policy: int, rules: Rules) -> dict[str, Any]:
    more: dict[str, Any] = {}
    if policy >= _AT_MOST.index("types"):
        more |= {
            "type": column.type,
            "semantic": column.semantic,
            "nullable": column.nullable,
            "unit": column.unit,
            "labels": column.labels,
        }
    if not told.counted(schema, rules):
        return more
    if policy >= _AT_MOST.index("counts"):
        more |= {"nulls": told.count(column.nulls or 0, rules), "distinct": told.distinct(column, rules)}
    if policy >= _AT_MOST.index("full"):
        low, high = told.shown_range(column, schema.rows or 0, rules) or (None, None)
        more |= {"categories": told.levels(column, rules), "low": low, "high": high}
    return more
