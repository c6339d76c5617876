"""A flow that logs what it must not: by its run logger, by an exception, by the engine's own report of a failed task."""

import asyncio
import json
import logging
import time

from prefect import flow, task
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from podium.timeline import timeline


@task
async def fails() -> None:
    raise ValueError("planted-by-engine Maria Jensen")


@task
async def speaks() -> None:
    timeline("validated", rows=40)


@flow(name="leaky")
async def leaky() -> str:
    get_run_logger().error("planted-by-logger Maria Jensen")
    try:
        raise KeyError("planted-by-exception Maria Jensen")
    except KeyError:
        get_run_logger().exception("it failed")
    logging.getLogger("prefect.flow_runs").warning("planted-by-library Maria Jensen")
    await fails(return_state=True)
    await speaks()
    timeline("released", rule="min_cell", rows=40, name="Maria Jensen")
    return str(flow_run.id)


run = asyncio.run(leaky())
time.sleep(3)  # Prefect ships logs every two seconds
print(json.dumps({"run": run}))
