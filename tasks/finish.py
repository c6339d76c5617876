"""Finish: tell Prefect how the run ended, in the words of the pod's tables."""

from __future__ import annotations

from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRunPolicy
from prefect.context import FlowRunContext

from podium.contracts import Status
from schemas.records import RunRecord
from tasks.case import Case
from tasks.ending import ending
from tasks.step import log


async def finish(case: Case) -> Any:
    """The flow's last state."""
    return await shown(case.record)


async def shown(record: RunRecord) -> Any:
    """How that run ended, as a flow's last state."""
    if record.status is Status.FAILED:
        await no_further_try(record.id)
    return ending(record.status, record.code)


async def no_further_try(run: str) -> None:
    """Tell Prefect not to try again what the tables have ended, or what another try cannot help."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    try:
        async with get_client() as client:
            await client.update_flow_run(context.flow_run.id, empirical_policy=FlowRunPolicy(retries=0))
    except Exception as error:  # noqa: BLE001 - at worst Prefect tries again and finds the run ended
        log.warning("Prefect could not be told that run %s will not be tried again: %s", run[:8], type(error).__name__)
