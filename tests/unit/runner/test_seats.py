"""A place is held while a run works and given back while it waits."""

from __future__ import annotations

import asyncio
from pathlib import Path

from podium.runner.slots import Seat


async def test_a_place_given_back_is_free_for_another(tmp_path: Path):
    limit = asyncio.Semaphore(1)
    one, other = Seat(limit, tmp_path), Seat(limit, tmp_path)
    await one.take()
    await one.take()  # held already
    waiting = asyncio.create_task(other.take())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await one.give()
    await asyncio.wait_for(waiting, 1)
    back = asyncio.create_task(one.take())
    await asyncio.sleep(0.05)
    assert not back.done()
    await other.give()
    await asyncio.wait_for(back, 1)
    await one.give()
    await one.give()
    assert not limit.locked()


async def test_one_that_is_cancelled_while_it_waits_holds_nothing(tmp_path: Path):
    limit = asyncio.Semaphore(2)
    seats = [Seat(limit, tmp_path) for _ in range(3)]
    await seats[0].take()
    await seats[1].take()
    waiting = asyncio.create_task(seats[2].take())
    await asyncio.sleep(0.05)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await seats[0].give()
    await asyncio.wait_for(seats[0].take(), 1)
