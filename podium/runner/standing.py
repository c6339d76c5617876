"""The standing tasks of one pod: their repeats are taken up, and Prefect is kept showing when each is due."""

from __future__ import annotations

import time
from typing import Any

from podium.runner.flows import Flows
from podium.runner.health import Health

AGAIN = 30.0  # Prefect may have lost its schedules meanwhile


class Standing:
    """Looks at the tables each time, at Prefect when the tables have changed, and now and then as long as there is a task."""

    def __init__(self, desk: Any, flows: Flows, prefect: Health) -> None:
        self.desk, self.flows, self.prefect = desk, flows, prefect
        self._shown: frozenset[str] | None = None
        self._next = 0.0

    async def look(self) -> None:
        """One look."""
        tasks = await self.flows.attend_standing(self.desk)
        if tasks == self._shown and (not tasks or time.monotonic() < self._next):
            return
        if await self.prefect.answers() and await self.flows.schedule(self.desk):
            self._shown, self._next = tasks, time.monotonic() + AGAIN
