"""Stops: how what is being done for a run is broken off, once the run has its end in the tables."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Stops:
    """Kept on the desk. At most one piece of work a run, in this process; whether a run has ended, and why, the tables say."""

    def __init__(self) -> None:
        self._doing: dict[str, asyncio.Task[Any]] = {}
        self._asked: set[str] = set()

    @contextmanager
    def heeded(self, run: str) -> Iterator[None]:
        """Whatever is awaited inside is left at once when somebody asks, and life goes on behind it."""
        task = asyncio.current_task()
        assert task is not None
        self._doing[run] = task
        try:
            yield
        except asyncio.CancelledError:
            if run not in self._asked or task.cancelling() > 1:  # the pod closes
                raise
        finally:
            del self._doing[run]
            if run in self._asked:
                self._asked.remove(run)
                task.uncancel()

    def ask(self, run: str) -> None:
        """Break off what is being done for the run, if anything is."""
        if run in self._doing and run not in self._asked:
            self._asked.add(run)
            self._doing[run].cancel()
