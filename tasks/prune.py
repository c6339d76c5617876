"""Prune: remove what has been kept for long enough."""

from __future__ import annotations

import asyncio

from podium.crypto.encryption import DAY
from tasks.desk import Desk, now
from tasks.step import step


@step("prune", retries=3)
async def prune(desk: Desk) -> int:
    """Forget messages that no clock would accept, keys whose last message has expired, old results and events; how many results."""
    desk.replay.prune(now())
    desk.ring.prune(now())
    keep = desk.config.history
    await asyncio.to_thread(desk.history.prune, before=now() - keep.keep_events_days * DAY, secret=lambda: desk.secret)
    return await asyncio.to_thread(desk.runs.forget_results, before=now() - keep.keep_days * DAY)
