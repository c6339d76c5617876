"""How much may wait: so that no one sender fills a mailbox, nor all of them together the hub's disk.

Counted in memory as messages come and go, and anew from the database every minute, when those that have expired stop counting. So a limit
may be passed by what is on its way at one moment, and by no more.
"""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection

from podium.hub import queries
from podium.hub.refusal import Refused
from podium.hub.settings import UPKEEP_SECONDS

Waiting = tuple[Counter[str], Counter[str]]


class Quota:
    """Messages not yet acknowledged, by sender's key and by address."""

    def __init__(self, *, per_sender: int, per_address: int) -> None:
        self._per_sender, self._per_address = per_sender, per_address
        self._of: Counter[str] = Counter()
        self._at: Counter[str] = Counter()

    def refusal(self, sender: str, address: str) -> Refused | None:
        """Why this sender's next message to this address is not taken in, if it is not."""
        if self._of[sender] >= self._per_sender:
            return _later("too_many_waiting", f"You have {self._per_sender} messages waiting at the hub.")
        if self._at[address] >= self._per_address:
            return _later("mailbox_full", f"The mailbox of {address} is full.")
        return None

    def came(self, sender: str, address: str) -> None:
        """A message was taken in."""
        self._of[sender] += 1
        self._at[address] += 1

    def went(self, sender: str, address: str) -> None:
        """A message was acknowledged."""
        self._of[sender] -= 1
        self._at[address] -= 1

    def set(self, waiting: Waiting) -> None:
        """What was counted in the database just now."""
        self._of, self._at = waiting


def waiting(db: Connection, *, now: float) -> Waiting:
    """All that waits, by sender's key and by address."""
    of: Counter[str] = Counter()
    at: Counter[str] = Counter()
    for row in db.execute(queries.WAITING, {"now": now}):
        of[row.sender_key] += row.messages
        at[row.recipient] += row.messages
    return of, at


def _later(code: str, message: str) -> Refused:
    headers = {"Retry-After": str(int(UPKEEP_SECONDS))}
    return Refused(429, code, message, remedy="Try again later: when some were fetched, or have expired.", headers=headers)
