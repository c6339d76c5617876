"""At most four flow runs at once on one Prefect server, however many pods share it: beyond that they only wait for each other.

A slot is a locked file, so that a process that dies gives it back.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from podium.files import private_folder

SLOTS = 4
PAUSE = 0.02


@asynccontextmanager
async def slot(folder: Path, *, slots: int = SLOTS) -> AsyncIterator[None]:
    """Hold one of the slots in `folder`, waiting until one is free."""
    held = await _take(private_folder(folder), slots)
    try:
        yield
    finally:
        os.close(held)


async def _take(folder: Path, slots: int) -> int:
    while True:
        for number in range(slots):
            handle = os.open(folder / f"slot{number}", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return handle
            except OSError:
                os.close(handle)
        await asyncio.sleep(PAUSE)


class Seat:
    """A run's place: one of the pod's own, and one of the slots that all pods share. A run that waits for somebody gives it back."""

    def __init__(self, limit: asyncio.Semaphore, folder: Path) -> None:
        self._limit, self._folder = limit, folder
        self._held: AsyncExitStack | None = None

    async def take(self) -> None:
        """Wait for a place and hold it; one that is held is kept."""
        if self._held is not None:
            return
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._limit)
            await stack.enter_async_context(slot(self._folder))
            self._held = stack.pop_all()

    async def give(self) -> None:
        """Give the place back, if it is held."""
        held, self._held = self._held, None
        if held is not None:
            await held.aclose()
