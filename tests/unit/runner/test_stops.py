"""Breaking off what is being done for a run."""

from __future__ import annotations

import asyncio

import pytest

from podium import project

project.activate()

from tasks.stops import Stops  # noqa: E402


async def test_what_is_being_done_is_left_at_once_and_life_goes_on():
    stops, seen = Stops(), []

    async def work() -> str:
        with stops.heeded("r"):
            seen.append("began")
            await asyncio.sleep(60)
            seen.append("not this")
        async with asyncio.timeout(5):  # a cancellation left behind would end this in TimeoutError's place
            await asyncio.sleep(0)
        return "done"

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    stops.ask("another")
    stops.ask("r")
    stops.ask("r")
    assert await asyncio.wait_for(task, 10) == "done"
    assert seen == ["began"]
    assert task.cancelling() == 0
    stops.ask("r")  # nothing is being done any more
    with stops.heeded("r"):
        await asyncio.sleep(0)


async def test_a_pod_that_closes_is_not_mistaken_for_it():
    stops = Stops()

    async def work() -> None:
        with stops.heeded("r"):
            await asyncio.sleep(60)

    for asked in (False, True):
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        if asked:
            stops.ask("r")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)
