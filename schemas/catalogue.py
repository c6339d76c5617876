"""From a schema to the card that the hub may show: names, types, descriptions, and nothing that was counted."""

from __future__ import annotations

from collections.abc import Sequence

from podium.contracts import Card, CardColumn, DatasourceSchema


def card_of(schema: DatasourceSchema, algorithms: Sequence[str] = (), *, description: str = "") -> Card:
    """The card. No statistic, no category, no number of rows."""
    columns = tuple(
        CardColumn(name=c.name, type=c.type, semantic=c.semantic, description=c.description, nullable=c.nullable) for c in schema.columns
    )
    return Card(
        datasource=schema.datasource,
        description=description,
        stage=schema.stage,
        columns=columns,
        algorithms=tuple(algorithms),
        generated_at=schema.generated_at,
    )
