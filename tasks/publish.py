"""Publish: the catalogue card of a datasource, which is all that the hub ever holds of it."""

from __future__ import annotations

from podium.algorithms import Algorithm
from podium.contracts import DatasourceSchema
from schemas.catalogue import card_of
from tasks.desk import Desk
from tasks.step import step


@step("publish", retries=3)
async def publish(desk: Desk, schema: DatasourceSchema) -> None:
    """Put the card on the hub, in place of the last one."""
    source = desk.source(schema.datasource)
    card = card_of(
        schema,
        Algorithm.kinds(),
        description=source.description,
        catalogue=source.catalogue,
        rules=desk.config.disclosure,
    )
    await desk.hub.publish_card(desk.config.identifier, card)
