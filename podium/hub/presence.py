"""Which pods were heard of lately. Kept in memory and written down now and then: a heartbeat need not survive a power cut.

A pod that waits in a poll is there: it sends heartbeats only while it does not poll.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Connection, bindparam, update
from sqlmodel import col

from podium.hub.settings import OFFLINE_SECONDS
from podium.hub.tables import PodRow


class Presence:
    """The last sign of life of each pod, and which of them wait. Told of people's addresses too: nobody asks for those."""

    def __init__(self) -> None:
        self._waiting: Counter[str] = Counter()
        self._seen: dict[str, float] = {}
        self._unwritten: dict[str, float] = {}

    def beat(self, pod: str, now: float) -> None:
        """This pod is alive."""
        self._seen[pod] = self._unwritten[pod] = now

    @contextmanager
    def waiting(self, pod: str, clock: Callable[[], float]) -> Iterator[None]:
        """This pod is in a poll that it may make."""
        self._waiting[pod] += 1
        try:
            yield
        finally:
            self._waiting[pod] -= 1
            if not self._waiting[pod]:
                del self._waiting[pod]
            self.beat(pod, clock())

    def last_seen(self, pod: str, written: float, now: float) -> float:
        """Now, for one who waits; else the newer of what is in memory and what was written down."""
        return now if pod in self._waiting else max(self._seen.get(pod, 0.0), written)

    def take(self) -> dict[str, float]:
        """The heartbeats not yet written down; they count as written from now on."""
        taken, self._unwritten = self._unwritten, {}
        return taken


def online(last_seen: float, now: float) -> bool:
    """Whether a pod last heard of then counts as there."""
    return now - last_seen < OFFLINE_SECONDS


def write_down(db: Connection, beats: Mapping[str, float]) -> None:
    """Keep heartbeats in the database, for the next start of the hub."""
    if beats:
        statement = update(PodRow).where(col(PodRow.identifier) == bindparam("pod")).values(last_seen=bindparam("seen"))
        db.execute(statement, [{"pod": pod, "seen": seen} for pod, seen in beats.items()])
