"""The work pool `podium`, which `deployments/prefect.yaml` names: there from the start, so that `prefect deploy` finds it."""

from __future__ import annotations

import asyncio
import os

from podium.runner import server

NAME = "podium"


def ensure(at: server.Server) -> None:
    """`ensure_pool` for a process that has not talked to Prefect yet."""
    os.environ.update(server.environment(at))  # Prefect reads it when it is imported
    asyncio.run(ensure_pool())


async def ensure_pool() -> None:
    """Make it where it is missing. Its workers run processes on their own machine."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists
    from prefect.workers.process import ProcessWorker

    template = ProcessWorker.get_default_base_job_template()
    async with get_client() as client:
        try:
            await client.create_work_pool(
                WorkPoolCreate(name=NAME, type=ProcessWorker.type, base_job_template=template, description="Made by Podium.")
            )
        except ObjectAlreadyExists:
            return
