"""Expire: end the runs that waited for a person until their message was too old to be answered."""

from __future__ import annotations

from podium.contracts import Status
from podium.timeline import timeline
from tasks.case import Case
from tasks.desk import Desk, now
from tasks.step import step

WAITING = frozenset({Status.PENDING_APPROVAL, Status.HELD_FOR_RELEASE})  # for a person: no flow run has them in hand


@step("expire", retries=3)
async def expire(desk: Desk) -> int:
    """How many were ended. A run that is queued or running is left alone: its own steps know its time."""
    overdue = [record for record in desk.runs.unfinished() if record.status in WAITING and desk.header_of(record).exp < now()]
    for record in overdue:
        Case(desk, record).end_unread(Status.EXPIRED, code="unanswered")
        timeline("expired", run=record.id[:8])
    return len(overdue)
