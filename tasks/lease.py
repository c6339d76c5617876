"""Lease: take the next sealed message from the hub's mailbox and put it on the pod's own disk."""

from __future__ import annotations

from podium.crypto.envelope import run_id
from tasks.desk import Desk

LEASE = 90


async def lease(desk: Desk) -> str | None:
    """The run that the next message starts, or None when the mailbox stayed empty for a long poll."""
    leased = await desk.mail.lease(desk.config.identifier, wait=desk.config.message_service.poll_seconds, seconds=LEASE)
    if leased is None:
        return None
    run = run_id(leased.raw)
    desk.runs.receive(run, mid=leased.mid, attempt=leased.attempt, envelope=leased.raw)
    return run
