"""Profile: what a datasource looks like, taken by a worker session: partial from its head, full in one pass."""

from __future__ import annotations

import asyncio
import time
from typing import Literal

from podium.contracts import DatasourceSchema
from podium.datasources._dressing import beyond, dressed
from podium.errors import PodiumError
from podium.timeline import timeline
from podium.workers.progress import Scanned
from podium.workers.session import Limits, WorkerSession
from tasks.desk import Desk
from tasks.keep import keep
from tasks.step import log, step

TELLING_SECONDS = 2.0
LONGEST = {"partial": 3600, "full": 24 * 3600}  # seconds: whoever never answers must not keep the others from their first look


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


class _Telling:
    """Says how far a full schema is: in the pod's state and in its log, every few seconds at most, and nothing twice."""

    def __init__(self, desk: Desk, name: str) -> None:
        self._desk, self._name, self._next, self._said = desk, name, time.monotonic() + TELLING_SECONDS, ""

    def __call__(self, scanned: Scanned) -> None:
        if time.monotonic() >= self._next and str(scanned) != self._said:
            self._next, self._said = time.monotonic() + TELLING_SECONDS, str(scanned)
            self._desk.state.scanning(self._name, self._said)
            log.info("%s: full schema %s", self._name, scanned)


async def _profiled(desk: Desk, name: str, stage: Literal["partial", "full"]) -> DatasourceSchema:
    limits, source = desk.config.limits, desk.source(name)
    telling = _Telling(desk, name)
    async with WorkerSession.open(
        source.dump(),
        limits=Limits(memory_mb=limits.worker_memory_mb, seconds=LONGEST[stage]),
        folder=desk.folder / "work",
        cache=desk.cache(name),
    ) as worker:
        try:
            schema = dressed(await worker.profile(stage, on_progress=telling if stage == "full" else None), source)
        finally:
            desk.state.scanning(name, "")
        source.check_fields(schema.names)
        written = contract = desk.contract(name)
        if stage == "full":  # only then is it known where no value is missing
            written = await worker.write_contract(schema, contract)
    if stage == "full" and (more := beyond(schema, source)):
        log.warning("datasource %s: %s", name, more)
    if written != contract:
        log.warning("contract %s was edited by hand and is kept; the one from the new schema is %s", contract.name, written.name)
    return schema
