"""Asking: look the pods up, check what the catalogue can tell, seal one message for each, keep everything, send.

Nothing is sent before every pod's key has been accepted and every check has passed.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from podium.algorithms import Algorithm
from podium.client.rounds import opening
from podium.client.store import Asked, Outgoing, Sent, TaskStore
from podium.config import split_identifier
from podium.contracts import Card, Status, Task
from podium.crypto.encryption import EncryptionKey, KeyStatement, encode_public
from podium.crypto.envelope import new_id, reference, run_id, seal
from podium.crypto.header import MAX_LIFE
from podium.crypto.keys import PublicKey, RSAKeyPair, fingerprint, load_public, public_pem
from podium.crypto.trust import TrustStore
from podium.errors import ConfigError, HubError, HubUnavailable, TrustError
from podium.plugin import nearest
from podium.protocols import Protocol
from podium.wire.hub import HubClient

_UNDELIVERABLE = {"expired": Status.EXPIRED, "unknown_address": Status.FAILED}


@dataclass(frozen=True)
class Asker:
    """Who asks, through which hub, and whose keys she accepts."""

    owner: str
    identity: RSAKeyPair
    hub: HubClient
    trust: TrustStore
    home: Path


@dataclass(frozen=True)
class Addressee:
    """A pod whose keys were accepted."""

    pod: str
    public: PublicKey
    recipient: bytes


def ask(asker: Asker, task: Task, *, pods: Sequence[str], algorithm: Algorithm, allow_partial: bool) -> TaskStore:
    """Check, seal, keep and send. Raises ConfigError, TrustError or HubError before anything is sent."""
    if isinstance(pods, str) or not pods:
        raise ConfigError("name at least one pod, as a list.", field="pods")
    if len(set(pods)) < len(pods):
        raise ConfigError("a pod is named twice.", field="pods")
    now = int(time.time())
    records = {pod: pod_record(asker, pod) for pod in pods}
    for pod, record in records.items():
        check_card(card_of(asker, pod, task.datasource, record), algorithm, pod)
    addressees = [accept(asker, record, pod, now) for pod, record in records.items()]
    store = keep(asker, task, addressees, now=now, allow_partial=allow_partial)
    for pod, record in records.items():
        if record["status"] != "online":
            warnings.warn(f"{pod} is offline: the message waits for it at the hub, for at most 7 days.", stacklevel=3)
    try:
        send(asker.hub, store)
    except HubUnavailable:
        warnings.warn("the hub went away while the task was sent: the rest is sent when the answer is waited for.", stacklevel=3)
    return store


def pod_record(asker: Asker, pod: str) -> Mapping[str, Any]:
    """The hub's record of the pod. Raises ConfigError, with the nearest name, when there is none."""
    split_identifier(pod)
    try:
        return asker.hub.pod(pod)
    except HubError as error:
        if error.code != "unknown_pod":
            raise
    known = [str(record["identifier"]) for record in asker.hub.pods()]
    raise ConfigError(f"there is no pod {pod}.", field="pods", remedy=nearest(pod, known), code="unknown_pod")


def card_of(asker: Asker, pod: str, datasource: str, record: Mapping[str, Any]) -> Card:
    """The catalogue card. Raises ConfigError, with the nearest name, when the pod has published no such datasource."""
    known = [str(name) for name in record["datasources"]]
    if datasource not in known:
        raise ConfigError(f"{pod} has no datasource {datasource!r}.", field="datasource", remedy=nearest(datasource, known))
    return asker.hub.card(pod, datasource)


def check_card(card: Card, algorithm: Algorithm, pod: str) -> None:
    """Refuse what the catalogue already shows to be impossible: unknown column, wrong type, an algorithm not offered.

    A card that tells names only shows less; the pod checks all of it anyway.
    """
    if card.algorithms and algorithm.kind not in card.algorithms:
        offered = ", ".join(card.algorithms)
        raise ConfigError(f"{pod} does not offer {algorithm.kind!r}.", field="algorithm", remedy=f"It offers: {offered}.")
    try:
        if card.catalogue == "names":
            for name in algorithm.columns():
                card.column(name, field=f"algorithm.{algorithm.kind}")
        else:
            algorithm.check(card)
    except ConfigError as error:
        raise ConfigError(f"at {pod}: {error.message}", field=error.field, remedy=error.remedy, code=error.code) from None


def accept(asker: Asker, record: Mapping[str, Any], pod: str, now: int) -> Addressee:
    """The pod's keys, if its identity is the accepted one and vouches for its encryption key. Raises TrustError."""
    public = load_public(str(record["public_key"]))
    try:
        statement = KeyStatement.model_validate(record["statement"])
    except ValidationError:
        raise TrustError(f"{pod} has published no valid encryption key.", remedy="Its owner must start it again.") from None
    statement.check(public, now)
    asker.trust.check(pod, fingerprint(public))
    return Addressee(pod, public, statement.public_bytes)


def keep(asker: Asker, task: Task, addressees: list[Addressee], *, now: int, allow_partial: bool) -> TaskStore:
    """Seal one message for each pod, to answer to a key of its own, and put all of it on disk."""
    identifier = new_id()
    bodies = opening(Protocol.load(task.protocol), tuple(addressee.pod for addressee in addressees), task)
    outgoing = [_sealed(asker, identifier, bodies[item.pod], item, now) for item in addressees]
    asked = Asked(
        task=identifier,
        hub=asker.hub.url,
        owner=asker.owner,
        identity=asker.identity.fingerprint,
        asked_at=now,
        question=task,
        allow_partial=allow_partial,
        sent=tuple(item.sent for item in outgoing),
    )
    store = TaskStore(asker.home, identifier)
    store.create(asked, outgoing)
    return store


def send(hub: HubClient, store: TaskStore) -> None:
    """Post what the hub may not have yet; a run whose message the hub will never deliver ends here. Raises HubError.

    What was not posted stays in the outbox, for the answer's next `wait` or `refresh`.
    """
    asked = {sent.pod: sent for sent in store.asked().sent}
    runs = {sent.mid: sent for sent in asked.values()} | {word.mid: asked[word.pod] for word in store.words()}
    for mid, raw in store.outbox():
        try:
            hub.post(raw)
        except HubError as error:
            if error.code not in _UNDELIVERABLE:
                raise
            status, now = _UNDELIVERABLE[error.code], int(time.time())
            store.close(runs[mid], status, code=error.code, message=error.message, now=now)
        store.posted(mid)


def _sealed(asker: Asker, task: str, body: Task, addressee: Addressee, now: int) -> Outgoing:
    mid, key, exp = new_id(), EncryptionKey.generate(), now + MAX_LIFE
    raw = seal(
        typ="task",
        mid=mid,
        task=task,
        sender=asker.owner,
        to=addressee.pod,
        iat=now,
        exp=exp,
        body=body.model_dump_json().encode(),
        recipient=addressee.recipient,
        identity=asker.identity,
        reply_key=encode_public(key.public),
    )
    sent = Sent(
        pod=addressee.pod,
        mid=mid,
        run=run_id(raw),
        reference=reference(mid, raw),
        public_key=public_pem(addressee.public),
        reply_key=key.fingerprint,
        exp=exp,
        recipient=encode_public(addressee.recipient),
    )
    return Outgoing(sent, raw, key)
