"""Who waits at which address, and how they are woken.

A poll listens *before* it looks, so that a message posted between the look and the wait still wakes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Bell:
    """`ring` wakes everyone at an address; `close` wakes everyone, for good."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self.closed = False

    @contextmanager
    def listen(self, address: str) -> Iterator[asyncio.Event]:
        """An event that the address's next ring sets."""
        event = asyncio.Event()
        if self.closed:
            event.set()
        self._waiting.setdefault(address, set()).add(event)
        try:
            yield event
        finally:
            here = self._waiting[address]
            here.discard(event)
            if not here:
                del self._waiting[address]

    def ring(self, address: str) -> None:
        """Something changed at this address."""
        for event in self._waiting.get(address, ()):
            event.set()

    def close(self) -> None:
        """The hub is leaving: nobody is to wait any longer."""
        self.closed = True
        for here in self._waiting.values():
            for event in here:
                event.set()
