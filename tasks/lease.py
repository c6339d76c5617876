"""Lease: take the next sealed message from the hub's mailbox and put it on the pod's own disk."""

from __future__ import annotations

import time

from podium.crypto.envelope import peek, run_id
from podium.errors import HubError, MessageRefused
from tasks.desk import Desk
from tasks.hear import hear

LEASE = 90


async def lease(desk: Desk) -> str | None:
    """The run that the next message starts, or None: the mailbox stayed empty for a long poll, or it was a run's next round."""
    wait = desk.config.message_service.poll_seconds
    try:
        leased = await desk.mail.lease(desk.config.identifier, wait=wait, seconds=LEASE)
    except HubError:
        desk.heard_until = 0.0
        raise
    if desk.mail is desk.hub:  # to the hub the next poll, while it is open, is a heartbeat
        desk.heard_until = time.monotonic() + desk.hub.timeout + wait
    if leased is None:
        return None
    if _typ(leased.raw) == "share":
        await hear(desk, leased)
        return None
    run = run_id(leased.raw)
    desk.runs.receive(run, mid=leased.mid, attempt=leased.attempt, envelope=leased.raw)
    return run


def _typ(raw: bytes) -> str:
    """What the message says it is; one that cannot be read is refused as a task, on record."""
    try:
        return peek(raw).typ
    except MessageRefused:
        return ""
