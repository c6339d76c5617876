"""Recover: put the runs that a crash or a stop left open back into the queue. Prefect does not: its runs are only the view."""

from __future__ import annotations

from podium.contracts import Status
from tasks.cancel import cancel
from tasks.desk import Desk, now
from tasks.lease import meanwhile
from tasks.settle import settle
from tasks.step import step


@step("recover", retries=2)
async def recover(desk: Desk) -> int:
    """How many runs were taken up again. Only the pod's own process knows which ones nobody has in hand."""
    if not desk.state.mine:
        return 0
    desk.replay.prune(now())
    desk.cancels.prune(now())
    unfinished = [record for record in desk.runs.unfinished() if record.id not in desk.active]
    for record in unfinished:
        if record.flow_run and await settle(record.flow_run, record.status):
            cancel(desk, record.id)  # asked for before the pod went down
        for run in [record.id, *await meanwhile(desk, record.envelope)]:
            status = desk.runs.get(run).status
            if not status.final and status is not Status.PENDING_APPROVAL:  # that one goes on with the custodian's answer
                desk.enqueue(run)
    return len(unfinished)
