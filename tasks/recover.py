"""Recover: put the runs that a crash or a stop left open back into the queue. Prefect does not: its runs are only the view."""

from __future__ import annotations

from tasks.desk import Desk, now
from tasks.lease import meanwhile
from tasks.settle import settle
from tasks.step import step


@step("recover", retries=2)
async def recover(desk: Desk) -> int:
    """How many runs were taken up again."""
    desk.replay.prune(now())
    desk.cancels.prune(now())
    unfinished = [record for record in desk.runs.unfinished() if record.id not in desk.active]
    for record in unfinished:
        if record.flow_run:
            await settle(record.flow_run, record.status)
        for run in [record.id, *await meanwhile(desk, record.envelope)]:
            if not desk.runs.get(run).status.final:
                desk.enqueue(run)
    return len(unfinished)
