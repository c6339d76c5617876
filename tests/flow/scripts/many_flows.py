"""Run N async flows of four tasks at once, no semaphore, as a pod would: both client contexts open."""

import asyncio
import json
import sys
import time

from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.context import AsyncClientContext, SyncClientContext


@task
async def step(number: int) -> int:
    return number


@flow(name="crowd", persist_result=False)
async def crowd(number: int) -> None:
    for each in range(4):
        await step(each)


async def main(count: int) -> None:
    async with AsyncClientContext.get_or_create():
        began = time.perf_counter()
        states = await asyncio.gather(*(crowd(number, return_state=True) for number in range(count)))
        wall = time.perf_counter() - began
        deadline = time.monotonic() + 30
        async with get_client() as client:
            while len(tasks := await client.read_task_runs(limit=200)) < 4 * count and time.monotonic() < deadline:
                await asyncio.sleep(0.2)  # task runs are recorded in batches, a second later
    print(json.dumps({"wall": wall, "states": [state.name for state in states], "tasks": [run.state_name for run in tasks]}))


with SyncClientContext.get_or_create():
    asyncio.run(main(int(sys.argv[1])))
