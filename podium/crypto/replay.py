"""What a reader remembers so that no message counts twice or out of order.

1. A (sender, mid) is claimed once. The claimant may claim it again: a restarted run reads its own message a second time.
2. Within one sender and task, `seq` only grows, and by at most MAX_GAP at a time.
3. A claim is kept until a day after the message has expired, and survives a restart where the store is on disk.
"""

from __future__ import annotations

from threading import Lock
from typing import Protocol

MAX_GAP = 64
KEEP_AFTER_EXPIRY = 86_400


class ReplayStore(Protocol):
    """Claims a message for one reader, durably and atomically."""

    def claim(self, *, sender: str, mid: str, task: str, seq: int, expires: int, run: str) -> str | None:
        """None if the message is new or was claimed by this same `run`, else the broken rule: "replay" or "sequence".

        `sender` is the sender's identity fingerprint. A refused claim changes nothing. When it returns None the claim is durable.
        """


def in_order(last: int, seq: int) -> bool:
    """Whether `seq` may follow `last` (0 before the first)."""
    return last < seq <= last + MAX_GAP


class MemoryReplayStore:
    """Claims of one process, for a client that asks again from scratch, and for tests."""

    def __init__(self) -> None:
        self._claims: dict[tuple[str, str], tuple[str, int]] = {}
        self._last: dict[tuple[str, str], int] = {}
        self._lock = Lock()

    def claim(self, *, sender: str, mid: str, task: str, seq: int, expires: int, run: str) -> str | None:
        """See ReplayStore."""
        with self._lock:
            known = self._claims.get((sender, mid))
            if known is not None:
                return None if known[0] == run else "replay"
            if not in_order(self._last.get((sender, task), 0), seq):
                return "sequence"
            self._claims[sender, mid] = (run, expires)
            self._last[sender, task] = seq
            return None

    def prune(self, now: int) -> None:
        """Forget the claims of messages that expired more than a day ago: the clock rule refuses those by itself."""
        with self._lock:
            for key, (_, expires) in list(self._claims.items()):
                if expires + KEEP_AFTER_EXPIRY < now:
                    del self._claims[key]
