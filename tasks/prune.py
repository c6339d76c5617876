"""Prune: remove what has been kept for long enough."""

from __future__ import annotations

import asyncio

from podium.crypto.encryption import DAY
from tasks.desk import Desk, now
from tasks.step import step


@step("prune", retries=3)
async def prune(desk: Desk) -> int:
    """Forget messages that no clock would accept, private keys whose last message has expired, and old results; how many results."""
    desk.replay.prune(now())
    desk.ring.prune(now())
    return await asyncio.to_thread(desk.runs.forget_results, before=now() - desk.config.history.keep_days * DAY)
