"""Every request to a hub as a value: what to send, and how to read the answer. No I/O; both clients run these.

Names in an address are checked before they are put there.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from podium.config import split_identifier
from podium.contracts import Card, CardColumn
from podium.crypto.envelope import MAX_MESSAGE
from podium.errors import ConfigError
from podium.names import check_name
from podium.plugin import Frozen
from podium.wire.answers import JSON_BYTES, Answer
from podium.wire.shapes import (
    Code,
    Counters,
    Enrolled,
    Health,
    IdentityEntry,
    Leased,
    MessageState,
    Next,
    PodEntry,
    PodList,
    Posted,
    StateEntry,
    Until,
)

if TYPE_CHECKING:
    from podium.crypto.encryption import KeyStatement
    from podium.crypto.keys import RSAKeyPair

T = TypeVar("T")
ENROL = b"podium-enrol/1\n"
MID = re.compile("[0-9a-f]{32}")
POLL_SECONDS = 50.0  # a long poll; proxies often close what was silent for 60 s
LIST_BYTES = 16 << 20  # about 8,000 pods


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request and its reading. `key` replaces the client's API key; `patience` is added to the client's time limit.

    `most` is how many bytes a good answer may have. `read` raises ValueError, KeyError or TypeError at what no hub answers.
    """

    method: str
    path: str
    read: Callable[[Answer], T]
    json: Any = None
    content: bytes | None = None
    params: Mapping[str, str | float] = field(default_factory=dict)
    key: str | None = None
    patience: float = 0.0
    most: int = JSON_BYTES


def health() -> Call[Health]:
    """Whether the hub is there."""
    return Call("GET", "/v1/health", lambda answer: answer.json(Health))


def invite(owner: str, *, admin_key: str, hours: int = 24) -> Call[str]:
    """A one-time code for this owner. Only the operator has the admin key."""
    return Call("POST", "/v1/invites", lambda answer: answer.json(Code)["code"], json={"owner": owner, "hours": hours}, key=admin_key)


def counters(*, admin_key: str) -> Call[Counters]:
    """Messages, people and pods. Only the operator has the admin key."""
    return Call("GET", "/v1/counters", lambda answer: answer.json(Counters), key=admin_key)


def enrol(code: str, *, owner: str, identity: RSAKeyPair) -> Call[Enrolled]:
    """Spend the code on this identity; the answer holds its API key."""
    from podium.crypto.keys import public_pem

    signature = base64.b64encode(identity.sign(ENROL + code.encode())).decode()
    body = {"code": code, "owner": owner, "public_key": public_pem(identity.public_key), "signature": signature}
    return Call("POST", "/v1/enrol", lambda answer: answer.json(Enrolled), json=body, key="")


def identity(fingerprint: str) -> Call[IdentityEntry]:
    """Whose key this is, on the hub's word."""
    return Call("GET", f"/v1/identities/{fingerprint}", lambda answer: answer.json(IdentityEntry))


def register_pod(pod: str, *, statement: KeyStatement, display_name: str = "", description: str = "", version: str = "") -> Call[PodEntry]:
    """Register the pod under our identity, or bring its entry up to date."""
    fields = {"display_name": display_name, "description": description, "version": version}
    return Call("PUT", _pod(pod), _entry, json={"statement": statement.model_dump(mode="json"), **fields})


def heartbeat(pod: str) -> Call[float]:
    """Say that the pod is there; returns the seconds until the next time."""
    return Call("POST", f"{_pod(pod)}/heartbeat", lambda answer: answer.json(Next)["next"])


def publish_card(pod: str, card: Card) -> Call[None]:
    """Put a datasource in the catalogue, in place of its earlier card."""
    fields = {"v": card.v, **card.model_dump(mode="json", exclude_defaults=True)}  # a card may be of thousands of columns
    return Call("PUT", _card(pod, card.datasource), _nothing, json=fields)


def unpublish(pod: str, datasource: str) -> Call[None]:
    """Take a datasource out of the catalogue."""
    return Call("DELETE", _card(pod, datasource), _nothing)


def pods() -> Call[list[PodEntry]]:
    """Every registered pod."""
    return Call("GET", "/v1/pods", lambda answer: answer.json(PodList)["pods"], most=LIST_BYTES)


def pod(identifier: str) -> Call[PodEntry]:
    """One pod."""
    return Call("GET", _pod(identifier), _entry)


def card(pod: str, datasource: str) -> Call[Card]:
    """A datasource's card."""
    return Call("GET", _card(pod, datasource), _card_of)


def post(raw: bytes) -> Call[bool]:
    """Hand in a sealed message. Safe to repeat: True when it was new to the hub, False when it had it already."""
    return Call("POST", "/v1/messages", _posted, content=raw)


def lease(address: str, *, wait: float = POLL_SECONDS, seconds: float = 60.0, task: str = "") -> Call[Leased | None]:
    """The oldest message for this address (of this task, if named), as soon as there is one; None after `wait` seconds."""
    params: dict[str, str | float] = {"wait": wait, "seconds": seconds, "task": task}
    return Call("POST", f"/v1/mailbox/{_address(address)}/lease", _leased, params=params, patience=wait, most=MAX_MESSAGE)


def extend(mid: str, *, attempt: int, seconds: float = 60.0) -> Call[float]:
    """Keep a leased message `seconds` longer from now (0: give it back); returns until when. HubError `lease_lost` if it is gone."""
    body = {"attempt": attempt, "seconds": seconds}
    return Call("POST", f"/v1/messages/{mid}/extend", lambda answer: answer.json(Until)["until"], json=body)


def ack(mid: str, *, attempt: int) -> Call[None]:
    """Say that a message is dealt with. Safe to repeat. HubError `lease_lost` if another attempt has it."""
    return Call("POST", f"/v1/messages/{mid}/ack", _nothing, json={"attempt": attempt})


def message_state(mid: str) -> Call[MessageState]:
    """Where a message is that we sent or are to receive."""
    return Call("GET", f"/v1/messages/{mid}", lambda answer: answer.json(StateEntry)["state"])


def _nothing(_: Answer) -> None:
    return None


def _entry(answer: Answer) -> PodEntry:
    return answer.json(PodEntry)


def _posted(answer: Answer) -> bool:
    answer.json(Posted)
    return answer.status == 201


def _card_of(answer: Answer) -> Card:
    """Fields that a later version has added are left out."""
    fields = _known(Card, answer.json(dict[str, Any]))
    return Card.model_validate({**fields, "columns": [_known(CardColumn, column) for column in fields["columns"]]})


def _known(model: type[Frozen], fields: Any) -> dict[str, Any]:
    if not isinstance(fields, dict):
        raise TypeError("not an object")
    return {name: value for name, value in fields.items() if name in model.model_fields}


def _leased(answer: Answer) -> Leased | None:
    if answer.status == 204:
        return None
    mid, attempt, until = (answer.headers[name] for name in ("x-message-id", "x-attempt", "x-lease-until"))
    found = Leased(mid, int(attempt), float(until), answer.body)
    if not (MID.fullmatch(mid) and 0 < found.attempt < 2**31 and 0 < found.until < 2**53):
        raise ValueError("not a lease")
    return found


def _pod(identifier: str) -> str:
    owner, name = split_identifier(identifier)
    return f"/v1/pods/{owner}/{name}"


def _card(identifier: str, datasource: str) -> str:
    return f"{_pod(identifier)}/catalogue/{_named(datasource, 'datasource')}"


def _address(address: str) -> str:
    return "/".join(split_identifier(address)) if "/" in address else _named(address, "owner")


def _named(name: str, what: str) -> str:
    try:
        return check_name(name, what)
    except ValueError as error:
        raise ConfigError(f"{error}.", field=what) from None
