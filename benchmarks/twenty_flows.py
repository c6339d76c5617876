"""Twenty async flows of four Prefect tasks at once on the server that Podium starts. Floor: as many, one after another, same process."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import time
from collections import Counter
from contextlib import closing
from typing import Any

from benchmarks._measure import Bar, arguments, emit, fresh, median, part, prove

TASKS = 4
BARS = (
    Bar(figure="value", least=8, what="flow runs a second, all at once (reference: 8 to 9 on two cores)"),
    Bar(figure="http_503", most=0, what="requests that the server refused"),
)


def main(flows: int, rounds: int) -> None:
    from benchmarks._town import Town
    from podium.runner import server

    with fresh() as folder, Town(folder) as town:
        prefect = town.start_prefect()
        env = {**os.environ, **server.environment(prefect)}
        part("twenty_flows", 2, env=env)  # what the server loads with its first runs
        found = [part("twenty_flows", flows, env=env) for _ in range(rounds)]
        wanted = 2 * (flows * rounds + 2)
        with closing(sqlite3.connect(prefect.folder / "prefect.db")) as database:
            for _ in range(100):  # task runs are recorded in batches, a second later
                runs = dict(database.execute("SELECT state_name, count(*) FROM flow_run GROUP BY 1").fetchall())
                tasks = dict(database.execute("SELECT state_name, count(*) FROM task_run GROUP BY 1").fetchall())
                if tasks.get("Completed") == TASKS * wanted:
                    break
                time.sleep(0.2)
        log = (prefect.folder / "server.log").read_text()
    checks = {
        "flow_runs": found[0]["completed"],
        "flow_runs_in_all": runs,
        "task_runs_in_all": tasks,
        "http_503": log.count("retryable exception") + log.count("database is locked"),
        "slowest_s": max(one["slowest"] for one in found),
    }
    prove(checks, flow_runs=flows, flow_runs_in_all={"Completed": wanted}, task_runs_in_all={"Completed": TASKS * wanted})
    rates = [median([flows / one[how] for one in found]) for how in ("together", "serial")]
    emit("twenty_flows", value=rates[0], unit="flows/s", floor=rates[1], checks=checks)


async def crowd(flows: int) -> None:
    from prefect import flow, task
    from prefect.context import AsyncClientContext

    @task(persist_result=False)
    async def step(number: int) -> int:
        return number

    @flow(name="crowd", persist_result=False)
    async def one() -> Any:
        for number in range(TASKS):
            await step(number)
        return time.perf_counter()

    async with AsyncClientContext.get_or_create():
        began = time.perf_counter()
        for _ in range(flows):
            await one()
        serial, began = time.perf_counter() - began, time.perf_counter()
        states = await asyncio.gather(*(one(return_state=True) for _ in range(flows)))
        together = time.perf_counter() - began
        slowest = max([await state.result() for state in states]) - began
    completed = Counter(state.name for state in states)["Completed"]
    print(json.dumps({"serial": serial, "together": together, "slowest": slowest, "completed": completed}))


if __name__ == "__main__":
    given = arguments(flows=20, rounds=3)
    if given.part:
        from prefect.context import SyncClientContext

        with SyncClientContext.get_or_create():
            asyncio.run(crowd(int(given.part[0])))
    else:
        main(given.flows, given.rounds)
