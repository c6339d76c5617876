"""The story of a waiting pod: one long run over the hub's long poll. An empty poll leaves no trace."""

from __future__ import annotations

import asyncio
import time

from prefect import flow

from podium.timeline import timeline
from tasks.desk import Desk, desk_of
from tasks.lease import lease
from tasks.step import StepFailed, coded

DAY = 86_400
LONGEST_PAUSE = 5.0


@flow(name="task-polling", flow_run_name="poll-{pod}", persist_result=False, log_prints=False)
async def task_polling(pod: str) -> None:
    """Lease messages for the pod `name@owner` and hand each over, until the day is over or the pod closes."""
    desk, until, pause = await desk_of(pod), time.monotonic() + DAY, 0.0
    while time.monotonic() < until and not desk.closing.is_set():
        try:
            await poll(desk)
            pause = 0.0
        except StepFailed as error:  # the hub is away, or says no: told in the log
            pause = min(LONGEST_PAUSE, pause * 2 or 0.5)
            desk.state.set(hub=error.message)
            await desk.unless_closing(asyncio.sleep(pause))


@coded
async def poll(desk: Desk) -> None:
    """One long poll. A message whose run has no end yet goes to the computations; any other is acknowledged again by itself."""
    runs = await desk.unless_closing(lease(desk))
    desk.state.set(hub="reached")
    for run in runs or []:
        if not desk.runs.get(run).status.final:
            timeline("task received", run=run[:8])
            desk.enqueue(run)
