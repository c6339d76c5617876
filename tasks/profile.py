"""Profile: what a datasource looks like, taken by a worker session: partial from its head, full in one pass."""

from __future__ import annotations

import asyncio
from typing import Literal

from podium.contracts import DatasourceSchema
from podium.datasources._dressing import dressed
from podium.errors import PodiumError
from podium.timeline import timeline
from podium.workers.session import Limits, WorkerSession
from tasks.desk import Desk
from tasks.keep import keep
from tasks.step import log, step


@step("profile", retries=3, seconds=24 * 3600)
async def profile(desk: Desk, name: str, stage: Literal["partial", "full"]) -> DatasourceSchema:
    """The schema, kept in the pod's database, with its contract beside it as YAML. Raises DataSourceError or WorkerError."""
    try:
        schema = await _profiled(desk, name, stage)
    except PodiumError as error:
        desk.state.datasource(name, f"broken: {error}")
        log.error("datasource %s is not served: %s", name, error)
        raise
    await asyncio.to_thread(keep, desk, schema)
    desk.state.datasource(name, stage)
    timeline("profiled", datasource=name, stage=stage, columns=len(schema.columns))
    return schema


async def _profiled(desk: Desk, name: str, stage: Literal["partial", "full"]) -> DatasourceSchema:
    limits, source = desk.config.limits, desk.source(name)
    async with WorkerSession.open(
        source.dump(),
        limits=Limits(memory_mb=limits.worker_memory_mb, seconds=24 * 3600),
        folder=desk.folder / "work",
        cache=desk.cache(name),
    ) as worker:
        schema = dressed(await worker.profile(stage), source)
        source.check_fields(schema.names)
        written = contract = desk.contract(name)
        if stage == "full":  # only then is it known where no value is missing
            written = await worker.write_contract(schema, contract)
    if written != contract:
        log.warning("contract %s was edited by hand and is kept; the one from the new schema is %s", contract.name, written.name)
    return schema
