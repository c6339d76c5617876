"""Receiving: a pod's reply is opened, kept, and only then acknowledged.

1. It must be sealed to the reply key of that very task and pod, be signed by the identity key accepted when we asked, come from that
   pod, and answer a message that we sent to it; a round's reply the message that asked for that round.
2. A reply that breaks a rule is dropped with a warning; it can neither end a run nor change one. Only the clock rule stops the wait:
   it means that one of the two clocks is wrong, and the reply stays at the hub.
3. A reply delivered again is acknowledged again and changes nothing.
4. Each repeat of a standing task is an exchange of its own, for months: its `seq` is its number and one, and its run follows from the
   first run and that number. So it counts once, whatever came before it or did not; how long a message lives holds for each by itself.
"""

from __future__ import annotations

import logging
import time

from podium.client.store import Received, Sent, TaskStore
from podium.contracts import Reply, Status
from podium.crypto.envelope import open_sealed, peek, read_body
from podium.crypto.keys import load_public
from podium.errors import HubError, MessageRefused, TrustError
from podium.repeating import FIRST, repeat_id
from podium.wire.hub import HubClient

_log = logging.getLogger(__name__)
_ENDS = {
    "accept": frozenset(status for status in Status if not status.final and status != Status.PARTIAL),
    "share": frozenset({Status.WAITING}),
    "reject": frozenset({Status.REJECTED}),
    "result": frozenset({Status.RELEASED, Status.SUPPRESSED, Status.FAILED, Status.CANCELLED, Status.EXPIRED}),
}


def receive(hub: HubClient, store: TaskStore, *, wait: float) -> bool:
    """Take one message of this task from the mailbox, waiting up to `wait` seconds. True if a run's state changed by it."""
    asked = store.asked()
    leased = hub.lease(asked.owner, wait=wait, seconds=60, task=store.task)
    if leased is None:
        return False
    try:
        changed = accept_reply(store, leased.raw, now=int(time.time()))
    except MessageRefused as error:
        if error.rule == "clock":
            raise TrustError(
                "a reply is dated more than five minutes off this clock.", remedy="Set the clocks right, then wait again."
            ) from None
        _log.warning("A message about task %s was dropped: %s.", store.task, error.rule)
        changed = False
    try:
        hub.ack(leased.mid, attempt=leased.attempt)
    except HubError as error:
        if error.code != "lease_lost":  # another process of ours has it now, and will find it kept
            raise
    return changed


def accept_reply(store: TaskStore, raw: bytes, *, now: int) -> bool:
    """Open a reply and keep it; False if there is nothing new in it. Raises MessageRefused."""
    asked = store.asked()
    header = peek(raw)
    if header.re not in (exchanges := store.exchanges()):
        raise MessageRefused("reply_to")
    sent, no = exchanges[header.re]
    if header.run != sent.run and asked.question.repeat is not None:
        return _accept_repeat(store, raw, sent, header.seq - 1, now=now)
    known = store.received(sent)
    if known is not None and (known.reply.status.final or known.mid == header.mid):
        return False
    public, key = load_public(sent.public_key), store.key(sent)
    opened = open_sealed(
        raw,
        me=asked.owner,
        identity_of=lambda _: public,
        key_of=lambda _: key,
        replay=store,
        exchange=lambda header: (header.from_, header.task, header.run) == (sent.pod, store.task, sent.run),
        now=now,
        run=sent.run,
    )
    reply = read_body(opened.body, Reply)
    if reply.run != sent.run or reply.status not in _ENDS.get(header.typ, ()) or not _whole(reply, no if header.typ == "share" else 0):
        raise MessageRefused("body")
    return store.receive(sent, Received(mid=header.mid, seq=header.seq, digest=opened.digest, at=now, reply=reply))


class _Once:
    """The reading rules' replay store for one repeat: what is kept of it already is the claim."""

    def __init__(self, known: Received | None) -> None:
        self._known = known

    def claim(self, *, sender: str, mid: str, task: str, seq: int, expires: int, run: str) -> str | None:
        """See ReplayStore."""
        return None if self._known is None or self._known.mid == mid else "replay"


def _accept_repeat(store: TaskStore, raw: bytes, sent: Sent, no: int, *, now: int) -> bool:
    if no <= FIRST:
        raise MessageRefused("reply_to")
    run, known = repeat_id(sent.run, no), store.repeat(sent, no)
    if known is not None and known.mid == peek(raw).mid:
        return False
    public, key = load_public(sent.public_key), store.key(sent)
    opened = open_sealed(
        raw,
        me=store.asked().owner,
        identity_of=lambda _: public,
        key_of=lambda _: key,
        replay=_Once(known),
        exchange=lambda header: (header.from_, header.task, header.run) == (sent.pod, store.task, run),
        now=now,
        run=run,
    )
    reply, header = read_body(opened.body, Reply), opened.header
    if reply.run != run or not reply.status.final or reply.status not in _ENDS.get(header.typ, ()) or not _whole(reply, 0):
        raise MessageRefused("body")
    return store.receive_repeat(sent, no, Received(mid=header.mid, seq=header.seq, digest=opened.digest, at=now, reply=reply))


def close_expired(hub: HubClient, store: TaskStore, *, now: int) -> bool:
    """Close the runs whose task message expired before the pod took it. True if there were any."""
    changed = False
    for sent in store.asked().sent:
        known = store.received(sent)
        if now > sent.exp and (known is None or not known.reply.status.final) and _unread(hub, sent):
            message = "The pod did not take the message before it expired."
            changed |= store.close(sent, Status.EXPIRED, code="expired", message=message, now=now)
    return changed


def _whole(reply: Reply, no: int) -> bool:
    """Whether the reply carries what its status promises; of round `no`, or with 0 of none."""
    if reply.round != no:
        return False
    if no or reply.status == Status.RELEASED:
        return reply.released is not None and reply.released.status == Status.RELEASED
    return reply.released is None or reply.status == reply.released.status == Status.SUPPRESSED


def _unread(hub: HubClient, sent: Sent) -> bool:
    try:
        return hub.message_state(sent.mid) == "expired"
    except HubError as error:
        if error.code == "unknown_message":  # the hub keeps no trace of what expired long ago
            return True
        raise
