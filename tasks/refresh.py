"""Refresh: when a schema is due, and how one datasource's trouble stays its own."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any

from podium.contracts import DatasourceSchema
from podium.datasources._dressing import beyond, dressed_anew
from podium.datasources._stamp import stamp
from podium.errors import PodiumError
from tasks.desk import Desk
from tasks.keep import keep
from tasks.step import StepFailed, log

LOOK_SECONDS, PASS_SECONDS = 60.0, 3600.0  # that the next datasource waits for a first look, and for a whole pass, that does not end
_LOCKS: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)


def chosen(desk: Desk, wanted: list[str]) -> list[str]:
    """The datasources to refresh: the wanted ones, or all. Raises StepFailed where this pod has no such."""
    if set(wanted) - set(desk.names):
        log.error("this pod has no datasource %s; it has %s", ", ".join(sorted(set(wanted) - set(desk.names))), ", ".join(desk.names))
        raise StepFailed("unknown_datasource")
    return wanted or desk.names


async def due(desk: Desk, name: str) -> DatasourceSchema | None:
    """None if the schema must be taken; else the one at hand, full, of the same data and settings, in what is said of it by now."""
    known = desk.schema(name)
    if known is None or known.stage != "full" or not desk.contract(name).is_file():
        return None
    try:
        source = desk.source(name)
        token = await asyncio.to_thread(stamp, source)  # a database may take its time
        anew = dressed_anew(known, source) if known.token == token else None
    except PodiumError:  # told where the schema is taken
        return None
    if anew is not None:
        if anew != known:
            keep(desk, anew)
            if more := beyond(anew, source):
                log.warning("datasource %s: %s", name, more)
        desk.state.datasource(name, "full")
    return anew


async def in_turn(
    do: Callable[[str], Coroutine[Any, Any, None]], names: Iterable[str], under_way: asyncio.TaskGroup, *, patience: float
) -> None:
    """Do it for one after the other. After `patience` seconds the next begins beside one that has not ended, which stays `under_way`."""
    for name in names:
        await asyncio.wait([under_way.create_task(do(name))], timeout=patience)


def taken(names: list[str]) -> Iterator[str]:
    """The names, each taken off the list; those too that come meanwhile."""
    while names:
        yield names.pop(0)


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
