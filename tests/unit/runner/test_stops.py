"""A person ends a run: at once where it waits, or as soon as it gets its turn."""

from __future__ import annotations

import asyncio

import pytest

from podium.errors import TaskError
from podium.project import load

Stops = load("tasks.stops").Stops


async def test_a_run_under_way_stops_where_it_waits_and_cleans_up():
    stops, cleaned = Stops(), []

    async def work() -> None:
        async with stops.heeded("run"), asyncio.timeout(60):
            try:
                await asyncio.sleep(60)
            finally:
                cleaned.append(True)

    working = asyncio.create_task(work())
    await asyncio.sleep(0)
    stops.ask("another")
    stops.ask("run")
    with pytest.raises(TaskError) as raised:
        await asyncio.wait_for(working, 10)
    assert (raised.value.status, raised.value.code, cleaned) == ("cancelled", "cancelled", [True])


async def test_one_that_waits_for_its_turn_stops_when_it_gets_it():
    stops = Stops()
    stops.ask("run")
    with pytest.raises(TaskError, match="ended this run"):
        async with stops.heeded("run"):
            await asyncio.sleep(10)


async def test_its_own_time_limit_and_the_end_of_the_pod_are_not_taken_for_it():
    stops = Stops()
    with pytest.raises(TimeoutError):
        async with stops.heeded("run"), asyncio.timeout(0):
            await asyncio.sleep(10)

    async def work() -> None:
        async with stops.heeded("run"):
            await asyncio.sleep(60)

    working = asyncio.create_task(work())
    await asyncio.sleep(0)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
