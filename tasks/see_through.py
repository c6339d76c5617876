"""See through: what a person gets who starts the deployment `computation` for a run.

Rows are read by one process a run, the pod's own, which has every open run in hand. So nothing is computed here: the run is watched
until the pod's tables say how it ended. A run that has ended is shown as it did, and changes nothing.
"""

from __future__ import annotations

import asyncio
from typing import Any

from prefect.states import Failed

from podium.state import runs
from podium.timeline import timeline
from schemas.records import RunRecord
from tasks.desk import Desk, desk_of
from tasks.finish import no_further_try, shown
from tasks.step import coded

LOOK_EVERY = 0.5


async def see_through(pod: str, run: str) -> Any:
    """None in the pod's own process, which carries the run out; anywhere else the flow's last state, once the run has an end."""
    desk = await desk_of(pod)
    if desk.state.mine:
        return None
    record = await _watched(desk, run)
    if record is not None and record.status.final:
        timeline("run ended", run=run[:8], status=record.status)
        return await shown(record)
    await no_further_try(run)
    return Failed(message="unknown_run" if record is None else "pod_not_running")


@coded
async def _watched(desk: Desk, run: str) -> RunRecord | None:
    """The run when it has ended, or as the pod left it; None for one that the tables do not know."""
    try:
        while not (record := desk.runs.get(run)).status.final and runs(desk.folder):
            await asyncio.sleep(LOOK_EVERY)
    except KeyError:
        return None
    return record
