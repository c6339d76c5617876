"""The mailbox: what happens to sealed messages, as functions of one connection. Nothing here can open one.

- A message is taken in once: the same bytes again change nothing, other bytes under its id are refused.
- It goes out under a lease: one holder at a time, until the lease ends. Every lease is a new attempt, counted in the row.
- Whoever holds the newest attempt may extend or acknowledge, even late, as long as nobody else was given it meanwhile.
- An acknowledged message is never delivered again. Its body is deleted there and then; its row stays until it expires.
- Only the sender and the recipient can tell that a message exists.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete
from sqlmodel import col

from podium.crypto.header import CLOCK_SKEW, MAX_LIFE, Header
from podium.hub import counters, queries
from podium.hub.auth import Caller
from podium.hub.refusal import Refused
from podium.hub.settings import KEPT_SECONDS
from podium.hub.tables import ApiKey, Invite


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message on its way out."""

    mid: str
    attempt: int
    until: float
    body: bytes


@dataclass(frozen=True, slots=True)
class Nothing:
    """No message is free now; `look_again` is when the next lease ends, if one is running."""

    look_again: float | None


def post(db: Connection, caller: Caller, *, header: Header, raw: bytes, now: float, full: Refused | None = None) -> bool:
    """Take the message in; True if it is new. Raises Refused, and `full` for one that would be new."""
    if header.from_key != caller.fingerprint:
        raise Refused(403, "not_yours", "The message names another sender's key.")
    if not now < header.exp <= now + MAX_LIFE + CLOCK_SKEW:
        raise Refused(422, "expired", "The message has expired, or asks to be kept too long.")
    sha256 = hashlib.sha256(raw).hexdigest()
    known = db.execute(queries.BEFORE_POST, {"of": header.mid, "sender": header.from_, "to": header.to}).one()
    if known.sha256 == sha256:
        return False
    if known.sha256 is not None:
        raise Refused(409, "mid_taken", "Another message has this id.")
    if not _owns(caller, header.from_, holder=known.holder):
        raise Refused(403, "not_yours", f"The address {header.from_} is not the caller's.")
    if not known.addressee:
        raise Refused(404, "unknown_address", f"Nobody is called {header.to}.")
    if full is not None:
        raise full
    row = {"mid": header.mid, "sha256": sha256, "sender_key": header.from_key, "recipient": header.to, "task": header.task}
    db.execute(queries.TAKE_IN, {**row, "expires": header.exp, "body": raw, "attempt": 0, "lease_until": 0.0, "acked": False})
    return True


def lease(db: Connection, caller: Caller, *, address: str, task: str, seconds: float, now: float) -> Delivery | Nothing:
    """The oldest free message of this address (and task, if one is named). Raises Refused for another's address."""
    if not _owns(caller, address, holder=db.scalar(queries.POD_KEY, {"address": address}) if "/" in address else None):
        raise Refused(403, "not_yours", f"The mailbox {address} is not the caller's.", remedy="Register the pod first, with this key.")
    which = {"address": address, "now": now, **({"of_task": task} if task else {})}
    row = db.execute(queries.HAND_OUT_OF_TASK if task else queries.HAND_OUT, {**which, "until": now + seconds}).one_or_none()
    if row is None:
        return Nothing(db.scalar(queries.SOONEST_OF_TASK if task else queries.SOONEST, which))
    return Delivery(row.mid, row.attempt, now + seconds, bytes(row.body))


def extend(db: Connection, caller: Caller, *, mid: str, attempt: int, seconds: float, now: float) -> str:
    """Let the lease end `seconds` from now (0 gives the message back); returns its address. Raises Refused."""
    row = _held(db, caller, mid=mid, attempt=attempt)
    if row.acked:
        raise Refused(409, "acked", "The message was acknowledged already.")
    db.execute(queries.EXTEND, {"of": mid, "until": now + seconds})
    return str(row.recipient)


def ack(db: Connection, caller: Caller, *, mid: str, attempt: int) -> tuple[str, str] | None:
    """The message is dealt with; again is fine. Returns whose it was and where, the first time. Raises Refused."""
    row = _held(db, caller, mid=mid, attempt=attempt)
    if row.acked:
        return None
    db.execute(queries.ACK, {"of": mid})
    return row.sender_key, row.recipient


def state(db: Connection, caller: Caller, *, mid: str, now: float) -> str:
    """queued, leased, acked or expired. Raises Refused for anyone but sender and recipient."""
    row = _row(db, mid)
    if row is None or not (row.sender_key == caller.fingerprint or _owns(caller, row.recipient, holder=row.holder)):
        raise _unknown()
    if row.acked:
        return "acked"
    if row.expires <= now:
        return "expired"
    return "leased" if row.lease_until > now else "queued"


def prune(db: Connection, *, now: float) -> None:
    """Delete expired bodies at once, and a day later what told of them; also codes and keys past their time."""
    old = now - KEPT_SECONDS
    counters.remember(db, before=old)
    db.execute(queries.FORGET, {"before": old})
    db.execute(queries.EMPTY, {"now": now})
    db.execute(delete(Invite).where(col(Invite.expires) <= old))
    db.execute(delete(ApiKey).where(col(ApiKey.expires) <= old))


def _owns(caller: Caller, address: str, *, holder: str | None) -> bool:
    """An owner's address belongs to her keys; a pod's to the one key that it is registered under."""
    return holder == caller.fingerprint if "/" in address else address == caller.owner


def _row(db: Connection, mid: str) -> Row[Any] | None:
    return db.execute(queries.STATE, {"of": mid}).one_or_none()


def _held(db: Connection, caller: Caller, *, mid: str, attempt: int) -> Row[Any]:
    row = _row(db, mid)
    if row is None or not _owns(caller, row.recipient, holder=row.holder):
        raise _unknown()
    if row.attempt != attempt:
        raise Refused(409, "lease_lost", "The lease has gone to another attempt.")
    return row


def _unknown() -> Refused:
    return Refused(404, "unknown_message", "There is no such message.")
