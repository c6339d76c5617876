"""The analyst's word that she wants no answer any more: sealed once for every pod that has not ended, and kept until the hub has it."""

from __future__ import annotations

import time

from pydantic import ValidationError

from podium.client.store import Cancelled, Sent, TaskStore, Word
from podium.contracts import Cancel
from podium.crypto.encryption import KeyStatement, decode_public
from podium.crypto.envelope import new_id, reference, seal
from podium.crypto.header import MAX_LIFE
from podium.crypto.keys import load_public
from podium.crypto.replay import MAX_GAP
from podium.errors import HubUnavailable
from podium.wire.hub import HubClient

AHEAD = MAX_GAP // 2  # another process of ours may be saying a round's word just now: it must not come to have the same number


def begin(store: TaskStore, hub: HubClient) -> bool:
    """Put the messages into the outbox; False if the task was cancelled before. Raises HubUnavailable, TrustError."""
    messages: dict[str, bytes] = {}
    words: list[Word] = []
    now = int(time.time())
    for sent in store.asked().sent:
        known = store.received(sent)
        stands = store.stands(sent, now=now)
        if stands or known is None or not known.reply.status.final:
            mid = new_id()
            messages[mid] = _sealed(store, sent, mid, _key(hub, sent, now) if stands else decode_public(sent.recipient))
            words.append(Word(pod=sent.pod, mid=mid, reference=reference(mid, messages[mid])))
    return store.cancel(Cancelled(words=tuple(words)), messages)


def _key(hub: HubClient, sent: Sent, now: int) -> bytes:
    """The pod's encryption key of today, by its accepted identity: a task that stands outlives the one that it was asked with."""
    try:
        statement = KeyStatement.model_validate(hub.pod(sent.pod)["statement"])
    except (HubUnavailable, ValidationError):
        raise HubUnavailable("the hub cannot say to whom the cancel is to be sealed.", remedy="Try again later.") from None
    statement.check(load_public(sent.public_key), now)
    return statement.public_bytes


def _sealed(store: TaskStore, sent: Sent, mid: str, recipient: bytes) -> bytes:
    now, turns = int(time.time()), store.turns()
    return seal(
        typ="cancel",
        mid=mid,
        task=store.task,
        run=sent.run,
        seq=(turns[-1].no if turns else 1) + AHEAD,
        sender=store.asked().owner,
        to=sent.pod,
        iat=now,
        exp=now + MAX_LIFE,
        re=sent.reference,
        body=Cancel().model_dump_json().encode(),
        recipient=recipient,
        identity=store.identity,
    )
