"""Finish: tell Prefect how the run ended, in the words of the pod's tables."""

from __future__ import annotations

from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRunPolicy
from prefect.context import FlowRunContext
from prefect.states import Cancelled, Completed, Failed

from podium.contracts import Status
from tasks.case import Case
from tasks.show import outcome
from tasks.step import log


async def finish(case: Case) -> Any:
    """The flow's last state. A failed run is Failed and stays so: Prefect is told not to try again what the tables have ended."""
    record = case.record
    if record.status is Status.CANCELLED:
        return Cancelled(message=record.code)
    if record.status is not Status.FAILED:
        return Completed(name=outcome(record.status), message=record.code)
    context = FlowRunContext.get()
    if context is not None and context.flow_run is not None:
        try:
            async with get_client() as client:
                await client.update_flow_run(context.flow_run.id, empirical_policy=FlowRunPolicy(retries=0))
        except Exception as error:  # noqa: BLE001 - at worst Prefect tries again and finds the run ended
            log.warning("Prefect could not be told that run %s will not be tried again: %s", case.id8, type(error).__name__)
    return Failed(name="Failed", message=record.code)
