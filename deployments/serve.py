"""What a schedule, a person in Prefect's UI, or `prefect deployment run` may start of one pod; served by the pod's own process.

    eval "$(podium prefect env)"
    prefect deployment run 'schema-generation/clinic-a@demo' --watch

A served run is a process of its own. Its code is found by path, in the project's root, whatever folder the pod was started in.
"""

from __future__ import annotations

import os
from typing import Any

from prefect.flows import Flow
from prefect.runner import Runner

from podium import project

POLL_SECONDS = 1


async def serve(pod: str, *, schema_cron: str) -> None:
    """Create the deployments of the pod `name@owner` and run what is asked of them, until cancelled."""
    root = str(project.root())
    os.environ["PYTHONPATH"] = root  # for the served processes: tasks and schemas stand beside the flows
    runner = Runner(name=f"pod-{pod}", query_seconds=POLL_SECONDS, limit=2, webserver=False)  # pauses its schedules when it stops
    refresh: Any = await Flow.afrom_source(root, entrypoint="flows/schema_generation.py:schema_generation")
    deployment = await refresh.ato_deployment(
        name=pod,
        description="Bring the schemas of this pod up to date. `force` reads unchanged sources again.",
        parameters={"pod": pod},
        cron=schema_cron or None,
        tags=[pod],
        enforce_parameter_schema=True,
    )
    await runner.aadd_deployment(deployment)
    approval: Any = await Flow.afrom_source(root, entrypoint="flows/approval.py:approval")
    asking = await approval.ato_deployment(
        name=pod,
        description="Ask the custodian about one run. The pod starts it by itself; answer with Resume, or with `podium approvals`.",
        parameters={"pod": pod},
        tags=[pod],
        enforce_parameter_schema=True,
    )
    await runner.aadd_deployment(asking)
    await runner.start()
