"""Attend: go on with what a custodian has answered, give up on what nobody has, tell the analyst that she is being asked.

The pod does this every second, from its tables alone: an answer counts whoever wrote it down, and whether or not Prefect is there.
"""

from __future__ import annotations

import contextlib

from podium.errors import HubError, HubUnavailable
from schemas.records import ApprovalRecord
from tasks.desk import Desk, now
from tasks.reply import acknowledge
from tasks.step import log


async def attend(desk: Desk) -> bool:
    """One look at the approvals of this pod; whether Prefect's list of them may have to change."""
    desk.approvals.expire(now())
    for run in desk.approvals.answered():
        desk.enqueue(run)
    waiting = desk.approvals.open()
    for asked in waiting:
        if asked.told_at is None:
            with contextlib.suppress(HubUnavailable):
                await _tell(desk, asked)
    return bool(waiting or desk.approvals.over())


async def _tell(desk: Desk, asked: ApprovalRecord) -> None:
    """The notice to the analyst, once; and the hub need not keep the task, which is on our disk and may stay there for days."""
    if asked.notice is not None:
        try:
            await desk.mail.post(asked.notice)
        except HubUnavailable:
            raise
        except HubError as error:
            log.warning("run %s: the analyst cannot be told that it waits: %s", asked.run[:8], error)
    await acknowledge(desk, desk.runs.get(asked.run))
    desk.approvals.note(asked.run, told_at=now())
