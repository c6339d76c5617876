"""Serve a deployment with an interval schedule, wait for its scheduled runs, then run it once in the runner's own child process."""

import asyncio
import json
import time
from datetime import timedelta

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.deployments import run_deployment
from prefect.logging import get_run_logger
from prefect.runner import Runner

from podium.timeline import timeline


@flow(name="hourly")
async def hourly() -> None:
    get_run_logger().error("planted-in-child Maria Jensen")
    timeline("served", rows=40)


async def main() -> None:
    runner = Runner(name="tests")
    deployment = await runner.aadd_deployment(await hourly.ato_deployment("hourly", interval=timedelta(hours=1)))
    serving = asyncio.create_task(runner.start())
    async with get_client() as client:
        mine = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
        deadline = time.monotonic() + 60
        while not (runs := await client.read_flow_runs(deployment_filter=mine)) and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
        scheduled = [run.state_name for run in runs]
        began = time.perf_counter()
        done = await run_deployment(deployment, timeout=60, as_subflow=False)
        served = time.perf_counter() - began
        await client.delete_deployment(deployment)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    print(json.dumps({"scheduled": scheduled, "served": done.state.name, "seconds": served, "run": str(done.id)}))


if __name__ == "__main__":  # the runner's child loads this file again
    asyncio.run(main())
