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
from prefect.schedules import Cron, Schedule
from tzlocal import get_localzone_name

from deployments.offers import Offer, offers
from podium import project
from podium.config import PodConfig, prefect_name
from podium.local_log import SERVED

POLL_SECONDS = 2  # each look costs Prefect's server 20 ms: with 1, half of what a pod at rest costs


async def serve(config: PodConfig) -> None:
    """Create the deployments of this pod and run what is asked of them, until cancelled."""
    pod = prefect_name(config.identifier)
    os.environ["PYTHONPATH"] = str(project.root())  # for the served processes: tasks and schemas stand beside the flows
    os.environ[SERVED] = "1"  # their lines belong into the pod's log
    runner = Runner(name=f"pod-{pod}", query_seconds=POLL_SECONDS, limit=2, webserver=False)  # pauses its schedules when it stops
    for offer in offers(config):
        await runner.aadd_deployment(await _deployment(offer, pod))
    await runner.start()


async def _deployment(offer: Offer, pod: str) -> Any:
    found: Any = await Flow.afrom_source(str(project.root()), entrypoint=offer.entrypoint)
    made = await found.ato_deployment(
        name=pod,
        description=offer.description,
        parameters={"pod": pod},
        schedules=_schedules(offer),
        tags=[pod],
        enforce_parameter_schema=True,
    )
    form = made._parameter_openapi_schema.properties  # Prefect has no public way to narrow it
    form["pod"].update(enum=[pod], default=pod)  # a deployment is of one pod: a run for another is refused
    for name, values in offer.choices.items():
        form[name]["items"]["enum"] = values
    return made


def _schedules(offer: Offer) -> list[Schedule]:
    return [Cron(offer.cron, timezone=get_localzone_name())] if offer.cron else []
