"""Lease: take the next sealed message from the hub's mailbox and put it on the pod's own disk."""

from __future__ import annotations

import contextlib
import time

from podium.crypto.envelope import peek, run_id
from podium.errors import HubError, MessageRefused
from podium.wire.hub import Leased
from tasks.desk import Desk
from tasks.hear import hear
from tasks.heed import heed

LEASE = 90


async def lease(desk: Desk) -> list[str]:
    """The runs that the next message starts: none when the mailbox stayed empty for a long poll, or when it was about a run.

    What else has come about the same task is taken in with it: who was away for a while must not run what was cancelled meanwhile.
    """
    leased = await _poll(desk)
    run = await _take_in(desk, leased) if leased is not None else None
    if leased is None or run is None:
        return []
    return [run, *await meanwhile(desk, leased.raw)]


async def _poll(desk: Desk) -> Leased | None:
    wait = desk.config.message_service.poll_seconds
    try:
        leased = await desk.mail.lease(desk.config.identifier, wait=wait, seconds=LEASE)
    except HubError:
        desk.heard_until = 0.0
        raise
    if desk.mail is desk.hub:  # to the hub the next poll, while it is open, is a heartbeat
        desk.heard_until = time.monotonic() + desk.hub.timeout + wait
    return leased


async def meanwhile(desk: Desk, task: bytes) -> list[str]:
    """Take in all that waits at the hub about the task of this message; the runs that it starts. A hub that is away holds nothing up."""
    runs: list[str] = []
    with contextlib.suppress(HubError, MessageRefused):
        about = peek(task).task
        while (leased := await desk.mail.lease(desk.config.identifier, wait=0, seconds=LEASE, task=about)) is not None:
            if (run := await _take_in(desk, leased)) is not None:
                runs.append(run)
    return runs


async def _take_in(desk: Desk, leased: Leased) -> str | None:
    """The run that the message starts; None when it is about one that was started before. Raises HubUnavailable."""
    match _typ(leased.raw):
        case "share":
            await hear(desk, leased)
            return None
        case "cancel":
            await heed(desk, leased)
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
