"""What a hub holds and uses while 5,000 pods wait in long polls and send their heartbeats. Floor: the same hub before they came."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Awaitable

import psutil

from benchmarks._http import Connection
from benchmarks._mail import Desk, enrol, rate
from benchmarks._measure import Bar, arguments, emit, fresh, prove

BARS = (
    Bar(figure="value", most=200, what="the hub with 5,000 idle pods (MB)"),
    Bar(figure="cpu_percent", most=2, what="CPU of one core with 5,000 idle pods, heartbeats included (%)"),
)
SETTLE, WATCH, BEAT, POLL = 4, 8, 10, 25  # seconds; a pod beats and polls this often


def main(pods: int) -> None:
    from benchmarks._town import Town

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, pods + 1000)), hard))  # the hub inherits it
    with fresh() as folder, Town(folder) as town:
        town.start_hub()
        desk, _ = enrol(town.url, folder, 0)
        assert town.hub is not None
        hub = psutil.Process(town.hub.pid)
        floor = hub.memory_full_info().pss / 1e6
        checks = asyncio.run(waiting(desk, pods, hub))
    prove(checks, idle_pods=pods)
    emit("hub_idle", value=checks.pop("mb"), unit="MB", floor=floor, checks=checks)


async def waiting(desk: Desk, pods: int, hub: psutil.Process) -> dict[str, float]:
    names = [f"demo/idle-{number}" for number in range(pods)]
    registered = await rate(desk.url, [desk.register(name) for name in names], expected=200)
    connections = [await Connection.to(desk.url) for _ in names]
    pairs = enumerate(zip(connections, names, strict=True))
    polls = [asyncio.create_task(wait(desk, one, name, first=1 + place % POLL)) for place, (one, name) in pairs]
    await asyncio.sleep(SETTLE)
    polling = await used(hub, asyncio.sleep(WATCH))
    beating = await used(hub, heartbeats(desk, names))
    idle = sum(not poll.done() for poll in polls)
    found = {"idle_pods": idle, "mb": hub.memory_full_info().pss / 1e6, "cpu_percent": beating, "cpu_percent_polls_only": polling}
    for poll in polls:
        poll.cancel()
    await asyncio.gather(*polls, return_exceptions=True)
    for connection in connections:
        connection.close()
    return {**found, "registered_a_second": registered}


async def wait(desk: Desk, connection: Connection, pod: str, *, first: int) -> None:
    """Poll after poll, as a pod does; the first is cut short, so that they do not all end together."""
    status, _ = await connection.send(desk.lease(pod, wait=first))
    while status == 204:
        status, _ = await connection.send(desk.lease(pod, wait=POLL))


async def heartbeats(desk: Desk, names: list[str]) -> None:
    """One from every pod within `BEAT` seconds, evenly."""
    steps = 10 * BEAT
    async with await Connection.to(desk.url) as connection:
        for step in range(steps):
            pause = asyncio.create_task(asyncio.sleep(BEAT / steps))
            for name in names[step::steps]:
                assert (await connection.send(desk.heartbeat(name)))[0] == 200
            await pause


async def used(hub: psutil.Process, meanwhile: Awaitable[None]) -> float:
    """Percent of one core that the hub uses in the meantime."""
    before, began = hub.cpu_times(), time.perf_counter()
    await meanwhile
    after, seconds = hub.cpu_times(), time.perf_counter() - began
    return float(100 * (after.user + after.system - before.user - before.system) / seconds)


if __name__ == "__main__":
    main(arguments(pods=5000).pods)
