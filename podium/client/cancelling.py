"""The analyst's word that she wants no answer any more: sealed once for every pod that has not ended, and kept until the hub has it."""

from __future__ import annotations

import time

from podium.client.store import Cancelled, Sent, TaskStore, Word
from podium.contracts import Cancel
from podium.crypto.encryption import decode_public
from podium.crypto.envelope import new_id, reference, seal
from podium.crypto.header import MAX_LIFE
from podium.crypto.replay import MAX_GAP

AHEAD = MAX_GAP // 2  # another process of ours may be saying a round's word just now: it must not come to have the same number


def begin(store: TaskStore) -> bool:
    """Put the messages into the outbox; False if the task was cancelled before."""
    messages: dict[str, bytes] = {}
    words: list[Word] = []
    for sent in store.asked().sent:
        known = store.received(sent)
        if known is None or not known.reply.status.final:
            mid = new_id()
            messages[mid] = _sealed(store, sent, mid)
            words.append(Word(pod=sent.pod, mid=mid, reference=reference(mid, messages[mid])))
    return store.cancel(Cancelled(words=tuple(words)), messages)


def _sealed(store: TaskStore, sent: Sent, mid: str) -> bytes:
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
        recipient=decode_public(sent.recipient),
        identity=store.identity,
    )
