"""Refresh: when a schema is due, and how one datasource's trouble stays its own."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from podium.contracts import DatasourceSchema
from podium.errors import PodiumError
from tasks.desk import Desk
from tasks.step import StepFailed, log

_LOCKS: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)


def chosen(desk: Desk, wanted: list[str]) -> list[str]:
    """The datasources to refresh: the wanted ones, or all. Raises StepFailed where this pod has no such."""
    if set(wanted) - set(desk.names):
        log.error("this pod has no datasource %s; it has %s", ", ".join(sorted(set(wanted) - set(desk.names))), ", ".join(desk.names))
        raise StepFailed("unknown_datasource")
    return wanted or desk.names


async def due(desk: Desk, name: str) -> DatasourceSchema | None:
    """None if the schema must be taken; else the one at hand, which is full and of the very same data."""
    known = desk.schema(name)
    try:
        token = await asyncio.to_thread(desk.source(name).token)  # a database may take its time
    except PodiumError:
        return None
    fresh = known is not None and known.stage == "full" and known.token == token and desk.contract(name).is_file()
    if fresh:
        desk.state.datasource(name, "full")
    return known if fresh else None


@asynccontextmanager
async def one_at_a_time(name: str) -> AsyncIterator[None]:
    """Two refreshes of one datasource do not run side by side."""
    async with _LOCKS[name]:
        yield


@asynccontextmanager
async def others_go_on(name: str, failed: list[str]) -> AsyncIterator[None]:
    """One datasource that cannot be profiled or published does not stop the others; it is noted in `failed`."""
    try:
        yield
    except StepFailed:
        failed.append(name)
