"""Who waits at which address, and how they are woken.

- A poll listens *before* it looks, so that a message posted between the look and the wait still wakes it.
- An address where nothing was found, not even a message on lease, stays empty until it is rung: the next poll need not look.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Ear:
    """One who listens at an address."""

    __slots__ = ("_rung", "_sleep")

    def __init__(self, *, rung: bool = False) -> None:
        self._rung = rung
        self._sleep: asyncio.Future[None] | None = None

    def ring(self) -> None:
        """Wake this one, now or when it next listens."""
        self._rung = True
        self._wake()

    async def hear(self, seconds: float) -> bool:
        """Sleep until it rings, but so long at most; whether it rang."""
        if not self._rung:  # a timer and a future: asyncio.timeout costs several times as much, and thousands sleep here
            loop = asyncio.get_running_loop()
            self._sleep = loop.create_future()
            timer = loop.call_later(seconds, self._wake)
            try:
                await self._sleep
            finally:
                timer.cancel()
        rung, self._rung = self._rung, False
        return rung

    def _wake(self) -> None:
        if self._sleep and not self._sleep.done():
            self._sleep.set_result(None)


class Bell:
    """`ring` wakes everyone at an address; `close` wakes everyone, for good."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[Ear]] = {}
        self._empty: dict[str, str] = {}
        self.closed = False

    @contextmanager
    def listen(self, address: str) -> Iterator[Ear]:
        """An ear that hears the address's next ring."""
        ear = Ear(rung=self.closed)
        self._waiting.setdefault(address, set()).add(ear)
        try:
            yield ear
        finally:
            here = self._waiting[address]
            here.discard(ear)
            if not here:
                del self._waiting[address]

    def ring(self, address: str) -> None:
        """Something changed at this address. Called when the change is in the database, and before anything else is awaited."""
        self._empty.pop(address, None)
        for ear in self._waiting.get(address, ()):
            ear.ring()

    def found_empty(self, address: str, reader: str) -> None:
        """This reader may look at this address, and there was nothing. Said at once after the look."""
        self._empty[address] = reader

    def still_empty(self, address: str, reader: str) -> bool:
        """Whether this reader was the last to find nothing, and it has not rung since."""
        return self._empty.get(address) == reader

    def close(self) -> None:
        """The hub is leaving: nobody is to wait any longer."""
        self.closed = True
        for here in self._waiting.values():
            for ear in here:
                ear.ring()
