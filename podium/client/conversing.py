"""The next word of a conversation in rounds: said when every pod that was asked has answered, from what is on disk alone.

It is on disk before it is posted, and a round is begun once: whichever of our processes comes first has begun it for all.
"""

from __future__ import annotations

import time

from podium.client.rounds import going_on
from podium.client.store import TaskStore, Turn, Word
from podium.contracts import Round
from podium.crypto.encryption import decode_public
from podium.crypto.envelope import new_id, reference, seal
from podium.crypto.header import MAX_LIFE
from podium.errors import TaskError
from podium.protocols import Outcome, Protocol

_MISTAKES = (LookupError, ValueError, TypeError, ArithmeticError)


def outcome(store: TaskStore) -> Outcome | None:
    """The end of the conversation, once every pod has answered to the last round; None before. Raises TaskError (`shape`)."""
    found = _following(store)
    return found if isinstance(found, Outcome) else None


def go_on(store: TaskStore) -> bool:
    """Seal the next round's messages where a round is complete, and put them into the outbox; whether there were any.

    A cancelled task has no next round.
    """
    if store.cancelled() is not None:
        return False
    words = _following(store)
    return _begin(store, words) if isinstance(words, dict) else False


def _following(store: TaskStore) -> dict[str, Round] | Outcome | None:
    asked, rounds = store.asked(), store.replies()
    pods = tuple(sent.pod for sent in asked.sent)
    wanted = [pods, *(tuple(word.pod for word in turn.words) for turn in store.turns())]
    if any(set(replies) != set(who) for replies, who in zip(rounds, wanted, strict=True)):
        return None
    try:
        return going_on(Protocol.load(asked.question.protocol), pods, asked.question, rounds)
    except _MISTAKES:
        message = "the figures of the pods do not fit the question or each other."
        raise TaskError(message, remedy="Ask the pods one by one to find the one that answers otherwise.", code="shape") from None


def _begin(store: TaskStore, words: dict[str, Round]) -> bool:
    asked, identity, now = store.asked(), store.identity, int(time.time())
    every = {sent.pod: sent for sent in asked.sent}
    messages: dict[str, bytes] = {}
    said: list[Word] = []
    for pod, word in words.items():
        sent, last = every[pod], store.received(every[pod])
        assert last is not None
        mid = new_id()
        messages[mid] = seal(
            typ="share",
            mid=mid,
            task=asked.task,
            run=sent.run,
            seq=word.no,
            sender=asked.owner,
            to=pod,
            iat=now,
            exp=now + MAX_LIFE,
            re=f"{last.mid}.{last.digest}",
            body=word.model_dump_json().encode(),
            recipient=decode_public(sent.recipient),
            identity=identity,
        )
        said.append(Word(pod=pod, mid=mid, reference=reference(mid, messages[mid])))
    no = next(iter(words.values())).no
    return store.begin(Turn(no=no, words=tuple(said)), messages)
