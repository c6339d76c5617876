"""Sealed messages through a real hub on SQLite: how long one takes from the sender to a long poll, and how many a second it makes durable.

Floor: a bare round trip to the same hub's /v1/health, in the same run.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

import psutil

from benchmarks._http import Connection, request
from benchmarks._mail import ADDRESS, Desk, drained, enrol, rate
from benchmarks._measure import Bar, arguments, emit, fresh, prove

BARS = (
    Bar(figure="value", most=20, what="delivery by long poll, p95 (ms)"),
    Bar(figure="durable_a_second", least=2000, what="messages made durable a second"),
)
SPACING = 0.02


def main(singles: int, burst: int) -> None:
    from benchmarks._town import Town

    with fresh() as folder, Town(folder) as town:
        town.start_hub()
        desk, messages = enrol(town.url, folder, singles + burst)
        assert town.hub is not None
        found = asyncio.run(measure(desk, messages, singles, psutil.Process(town.hub.pid)))
    delays, floors = found.pop("delays"), found.pop("floors")
    checks = {"p50": cut(delays, 50), "floor_p50": cut(floors, 50), **found}
    prove(checks, messages_out=singles + burst, not_sent_but_out=0, left=0)
    emit("hub_delivery", value=cut(delays, 95), unit="ms", floor=cut(floors, 95), checks=checks)


async def measure(desk: Desk, messages: dict[str, bytes], singles: int, hub: psutil.Process) -> dict[str, Any]:
    health, floors = request(desk.url, "GET", "/v1/health"), []
    async with await Connection.to(desk.url) as one:
        assert (await one.send(desk.register(ADDRESS)))[0] == 200
        for _ in range(singles):
            await asyncio.sleep(SPACING / 4)
            began = time.perf_counter()
            await one.send(health)
            floors.append(1000 * (time.perf_counter() - began))
    sent = list(messages.items())
    delays, out = await delivered(desk, dict(sent[:singles]))
    before = hub.cpu_times()
    durable = await rate(desk.url, [desk.post(raw) for _, raw in sent[singles:]], expected=201)
    after = hub.cpu_times()
    spent = after.user + after.system - before.user - before.system
    bare = await rate(desk.url, [health] * (len(sent) - singles), expected=200)
    began = time.perf_counter()
    taken = await drained(desk)
    seconds = time.perf_counter() - began
    arrived = {*out, *taken}
    return {
        "delays": delays,
        "floors": floors,
        "messages_in": len(sent),
        "messages_out": len(out) + len(taken),
        "not_sent_but_out": len(arrived - set(messages)),
        "left": len(await drained(desk)),
        "durable_a_second": durable,
        "hub_cpu_us_a_message": 1e6 * spent / (len(sent) - singles),
        "health_a_second": bare,
        "taken_a_second": len(taken) / seconds,
    }


async def delivered(desk: Desk, messages: dict[str, bytes]) -> tuple[list[float], list[str]]:
    """Milliseconds from sending to receiving, one message every `SPACING`, to one who polls and acknowledges."""
    began: dict[str, float] = {}
    ended: dict[str, float] = {}

    async def take() -> None:
        async with await Connection.to(desk.url) as poll, await Connection.to(desk.url) as other, asyncio.TaskGroup() as acks:
            while len(ended) < len(messages):
                status, headers = await poll.send(desk.lease(ADDRESS, wait=25))
                assert status == 200, status
                ended[headers["x-message-id"]] = time.perf_counter()
                acks.create_task(locked(other, desk.ack(headers["x-message-id"])))

    lock = asyncio.Lock()

    async def locked(connection: Connection, raw: bytes) -> None:
        async with lock:
            assert (await connection.send(raw))[0] == 200

    async with asyncio.TaskGroup() as group, await Connection.to(desk.url) as sender:
        group.create_task(take())
        for mid, raw in messages.items():
            await asyncio.sleep(SPACING)
            began[mid] = time.perf_counter()
            assert (await sender.send(desk.post(raw)))[0] == 201
    return [1000 * (ended[mid] - began[mid]) for mid in began], list(ended)


def cut(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


if __name__ == "__main__":
    given = arguments(singles=300, burst=4000)
    main(given.singles, given.burst)
