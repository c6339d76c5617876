"""What a hub holds and uses while 5,000 pods, each with a key of its own, wait in long polls. Floor: the same hub before they came.

To the hub an open poll is a heartbeat, and a pod that polls sends no other. What they would cost is in the checks.
"""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import time
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path

import psutil

from benchmarks._http import Connection
from benchmarks._mail import Desk, enrol, rate
from benchmarks._measure import Bar, arguments, emit, fresh, prove
from podium.wire.calls import POLL_SECONDS

BARS = (
    Bar(figure="value", most=200, what="the hub with 5,000 idle pods (MB)"),
    Bar(figure="cpu_percent", most=2, what="CPU of one core with 5,000 idle pods (%)"),
)
SETTLE, WATCH, BEAT, POLL = 12, 10, 10, int(POLL_SECONDS)  # seconds; a pod polls, or else beats, this often


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
        checks = asyncio.run(waiting(desk, keys(town.home, pods), hub))
    prove(checks, idle_pods=pods)
    emit("hub_idle", value=checks.pop("mb"), unit="MB", floor=floor, checks=checks)


def keys(home: Path, count: int) -> list[str]:
    """API keys of the one who has enrolled, put into the hub's database by hand: enrolling them would take a minute."""
    from podium.hub.auth import new_key

    made = [new_key() for _ in range(count)]
    with sqlite3.connect(home / "hub" / "hub.db", timeout=30) as db:
        (holder,) = db.execute("select fingerprint from hub_identities").fetchone()
        rows = [(key_id, secret_sha256, holder, int(time.time()) + 86_400) for key_id, secret_sha256, _ in made]
        db.executemany("insert into hub_api_keys (id, secret_sha256, fingerprint, expires) values (?, ?, ?, ?)", rows)
    return [key for *_, key in made]


async def waiting(desk: Desk, keys: list[str], hub: psutil.Process) -> dict[str, float]:
    names = [f"demo/idle-{number}" for number in range(len(keys))]
    registered = await rate(desk.url, [desk.register(name) for name in names], expected=200)
    connections = [await Connection.to(desk.url) for _ in names]
    trios = enumerate(zip(connections, keys, names, strict=True))
    polls = [asyncio.create_task(wait(replace(desk, key=key), one, name, first=1 + place % POLL)) for place, (one, key, name) in trios]
    await asyncio.sleep(SETTLE)
    polling = await used(hub, asyncio.sleep(WATCH))
    beating = await used(hub, heartbeats(desk, names))
    idle = sum(not poll.done() for poll in polls)
    found = {
        "idle_pods": idle,
        "mb": hub.memory_full_info().pss / 1e6,
        "cpu_percent": polling,
        "cpu_percent_if_all_sent_heartbeats": beating,
    }
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
    """What pods send that do not poll: one from each within `BEAT` seconds, evenly."""
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
