"""Recover: put the runs that a crash or a stop left open back into the queue. Prefect does not: its runs are only the view."""

from __future__ import annotations

from podium.contracts import Status
from tasks.desk import Desk, now
from tasks.settle import settle
from tasks.step import step


@step("recover", retries=2)
async def recover(desk: Desk) -> int:
    """How many runs were taken up again."""
    desk.replay.prune(now())
    unfinished = [record for record in desk.runs.unfinished() if record.id not in desk.active]
    for record in unfinished:
        if record.flow_run:
            await settle(record.flow_run, record.status)
        if record.status is not Status.PENDING_APPROVAL:  # one that the custodian is asked about goes on with her answer
            desk.enqueue(record.id)
    return len(unfinished)
