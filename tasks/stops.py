"""Stops: which runs a person wants ended, and how a run under way hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from podium.errors import TaskError


class Stops:
    """Kept on the desk. Asking is remembered, so that a run which still waits for its turn is stopped when it gets it."""

    def __init__(self) -> None:
        self._asked: set[str] = set()
        self._limits: dict[str, asyncio.Timeout] = {}

    def ask(self, run: str) -> None:
        """Have that run stop where it heeds this: now, or when it comes to it."""
        self._asked.add(run)
        if run in self._limits:
            self._limits[run].reschedule(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def heeded(self, run: str) -> AsyncIterator[None]:
        """Raises TaskError (`cancelled`) as soon as somebody asks, wherever the code inside waits."""
        try:
            async with asyncio.timeout(0 if run in self._asked else None) as self._limits[run]:
                yield
        except TimeoutError:
            if not self._limits[run].expired():
                raise
            raise TaskError("A person ended this run.", status="cancelled", code="cancelled") from None
        finally:
            del self._limits[run]
