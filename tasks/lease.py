"""Lease: take the next sealed message from the hub's mailbox and put it on the pod's own disk."""

from __future__ import annotations

import time

from podium.crypto.envelope import run_id
from podium.errors import HubError
from podium.wire.calls import POLL_SECONDS
from tasks.desk import Desk

LEASE = 90


async def lease(desk: Desk) -> str | None:
    """The run that the next message starts, or None when the mailbox stayed empty for a long poll (50 s)."""
    try:
        leased = await desk.hub.lease(desk.config.identifier, wait=POLL_SECONDS, seconds=LEASE)
    except HubError:
        desk.heard_until = 0.0
        raise
    desk.heard_until = time.monotonic() + desk.hub.timeout + POLL_SECONDS  # to the hub the next poll, while it is open, is a heartbeat
    if leased is None:
        return None
    run = run_id(leased.raw)
    desk.runs.receive(run, mid=leased.mid, attempt=leased.attempt, envelope=leased.raw)
    return run
