"""Schedules: Prefect is made to show the standing tasks of the pod's tables, one schedule each. What Prefect lost is made again.

A time that passed while the pod or Prefect was away is made up for, once.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.exceptions import ObjectNotFound

from schemas.standing_record import StandingRecord
from tasks.desk import Desk, now

_ANCHOR = datetime(2000, 1, 1, tzinfo=UTC)


async def schedule(desk: Desk) -> bool:
    """Make the schedules true; False where the deployment is not there yet."""
    wanted = {kept.run: kept for kept in desk.standings.standing()}
    async with get_client() as client:
        try:
            deployment = await client.read_deployment_by_name(f"standing-task/{desk.tag}")
        except ObjectNotFound:  # the pod has only just started, and will have made it in a moment
            return False
        there = {str(one.parameters.get("task", "")): one for one in deployment.schedules}
        for task, one in there.items():
            if task not in wanted or not _says(one, planned(desk, wanted[task])):
                await client.delete_deployment_schedule(deployment.id, one.id)
        for task, kept in wanted.items():
            plan = planned(desk, kept)
            if task not in there or not _says(there[task], plan):
                new = DeploymentScheduleCreate(schedule=plan, parameters={"task": task}, slug=f"standing-{task}")
                await client.create_deployment_schedules(deployment.id, [new])
            elif there[task].active and kept.missed(now()):  # the switch beside it is the custodian's
                await _make_up(client, deployment, kept)
    return True


def planned(desk: Desk, kept: StandingRecord) -> CronSchedule | IntervalSchedule:
    """When it is looked at."""
    if kept.repeat.cron:
        return CronSchedule(cron=kept.repeat.cron, timezone="UTC")
    return IntervalSchedule(interval=timedelta(minutes=desk.config.prefect.growth_minutes), anchor_date=_ANCHOR, timezone="UTC")


def _says(known: DeploymentSchedule, plan: CronSchedule | IntervalSchedule) -> bool:
    if isinstance(plan, CronSchedule):
        return isinstance(known.schedule, CronSchedule) and known.schedule.cron == plan.cron
    return isinstance(known.schedule, IntervalSchedule) and known.schedule.interval == plan.interval


async def _make_up(client: PrefectClient, deployment: DeploymentResponse, kept: StandingRecord) -> None:
    key = f"standing-{kept.run}-{kept.looked_at}"  # one, until somebody has looked
    parameters = {**deployment.parameters, "task": kept.run}
    await client.create_flow_run_from_deployment(deployment.id, parameters=parameters, idempotency_key=key)
