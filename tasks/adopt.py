"""Adopt: take the schema that the custodian gave, once the data are seen to have the same columns."""

from __future__ import annotations

import asyncio

from podium.contracts import DatasourceSchema
from podium.datasources._dressing import beyond, dressed
from podium.errors import PodiumError
from podium.timeline import timeline
from podium.workers.session import Limits, WorkerSession
from tasks.desk import Desk, now
from tasks.step import log, step


@step("adopt", retries=3)
async def adopt(desk: Desk, name: str) -> DatasourceSchema:
    """The given schema, kept like a generated one, with its contract. Raises ConfigError, DataSourceError or WorkerError."""
    try:
        schema = await _adopted(desk, name)
    except PodiumError as error:
        desk.state.datasource(name, f"broken: {error}")
        log.error("datasource %s is not served: %s", name, error)
        raise
    if desk.schema(name) != schema:
        await asyncio.to_thread(desk.schemas.add, schema)
    await asyncio.to_thread(desk.changes.accept, name, now=now())  # a schema that she gives is her word on the data
    desk.state.drifted(name, "")
    desk.state.datasource(name, "full")
    timeline("schema given", datasource=name, columns=len(schema.columns))
    return schema


async def _adopted(desk: Desk, name: str) -> DatasourceSchema:
    source = desk.source(name)
    limits = Limits(memory_mb=desk.config.limits.worker_memory_mb, seconds=24 * 3600)
    async with WorkerSession.open(source.dump(), limits=limits, folder=desk.folder / "work", cache=desk.cache(name)) as worker:
        schema = dressed(desk.given(name, await worker.profile("partial")), source)
        source.check_fields(schema.names)
        written = await worker.write_contract(schema, desk.contract(name))
    if more := beyond(schema, source):
        log.warning("datasource %s: %s", name, more)
    if written != desk.contract(name):
        log.warning("contract of %s was edited by hand and is kept; the one from the given schema is %s", name, written.name)
    return schema
