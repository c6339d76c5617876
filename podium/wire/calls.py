"""Every request to a hub as a value: what to send, and how to read the answer. No I/O; both clients run these.

Names in an address are checked before they are put there.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from podium.config import split_identifier
from podium.contracts import Card
from podium.errors import ConfigError, HubError
from podium.names import check_name
from podium.wire.shapes import Enrolled, Health, IdentityEntry, Leased, MessageState, PodEntry

if TYPE_CHECKING:
    import httpx

    from podium.crypto.encryption import KeyStatement
    from podium.crypto.keys import RSAKeyPair

T = TypeVar("T")
ENROL = b"podium-enrol/1\n"


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request and its reading. `key` replaces the client's API key; `patience` is added to the client's time limit."""

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    json: Any = None
    content: bytes | None = None
    params: Mapping[str, str | float] = field(default_factory=dict)
    key: str | None = None
    patience: float = 0.0


def health() -> Call[Health]:
    """Whether the hub is there."""
    return Call("GET", "/v1/health", _json)


def invite(owner: str, *, admin_key: str, hours: int = 24) -> Call[str]:
    """A one-time code for this owner. Only the operator has the admin key."""
    return Call("POST", "/v1/invites", lambda response: str(_json(response)["code"]), json={"owner": owner, "hours": hours}, key=admin_key)


def enrol(code: str, *, owner: str, identity: RSAKeyPair) -> Call[Enrolled]:
    """Spend the code on this identity; the answer holds its API key."""
    from podium.crypto.keys import public_pem

    signature = base64.b64encode(identity.sign(ENROL + code.encode())).decode()
    body = {"code": code, "owner": owner, "public_key": public_pem(identity.public_key), "signature": signature}
    return Call("POST", "/v1/enrol", _json, json=body, key="")


def identity(fingerprint: str) -> Call[IdentityEntry]:
    """Whose key this is, on the hub's word."""
    return Call("GET", f"/v1/identities/{fingerprint}", _json)


def register_pod(pod: str, *, statement: KeyStatement, display_name: str = "", description: str = "", version: str = "") -> Call[PodEntry]:
    """Register the pod under our identity, or bring its entry up to date."""
    fields = {"display_name": display_name, "description": description, "version": version}
    return Call("PUT", _pod(pod), _json, json={"statement": statement.model_dump(mode="json"), **fields})


def heartbeat(pod: str) -> Call[float]:
    """Say that the pod is there; returns the seconds until the next time."""
    return Call("POST", f"{_pod(pod)}/heartbeat", lambda response: float(_json(response)["next"]))


def publish_card(pod: str, card: Card) -> Call[None]:
    """Put a datasource in the catalogue, in place of its earlier card."""
    return Call("PUT", _card(pod, card.datasource), _nothing, json=card.model_dump(mode="json"))


def unpublish(pod: str, datasource: str) -> Call[None]:
    """Take a datasource out of the catalogue."""
    return Call("DELETE", _card(pod, datasource), _nothing)


def pods() -> Call[list[PodEntry]]:
    """Every registered pod."""
    return Call("GET", "/v1/pods", lambda response: cast(list[PodEntry], _json(response)["pods"]))


def pod(identifier: str) -> Call[PodEntry]:
    """One pod."""
    return Call("GET", _pod(identifier), _json)


def card(pod: str, datasource: str) -> Call[Card]:
    """A datasource's card."""
    return Call("GET", _card(pod, datasource), lambda response: Card.model_validate(_json(response)))


def post(raw: bytes) -> Call[bool]:
    """Hand in a sealed message. Safe to repeat: True when it was new to the hub, False when it had it already."""
    return Call("POST", "/v1/messages", lambda response: response.status_code == 201, content=raw)


def lease(address: str, *, wait: float = 25.0, seconds: float = 60.0, task: str = "") -> Call[Leased | None]:
    """The oldest message for this address (of this task, if named), as soon as there is one; None after `wait` seconds."""
    params: dict[str, str | float] = {"wait": wait, "seconds": seconds, "task": task}
    return Call("POST", f"/v1/mailbox/{_address(address)}/lease", _leased, params=params, patience=wait)


def extend(mid: str, *, attempt: int, seconds: float = 60.0) -> Call[float]:
    """Keep a leased message `seconds` longer from now (0: give it back); returns until when. HubError `lease_lost` if it is gone."""
    body = {"attempt": attempt, "seconds": seconds}
    return Call("POST", f"/v1/messages/{mid}/extend", lambda response: float(_json(response)["until"]), json=body)


def ack(mid: str, *, attempt: int) -> Call[None]:
    """Say that a message is dealt with. Safe to repeat. HubError `lease_lost` if another attempt has it."""
    return Call("POST", f"/v1/messages/{mid}/ack", _nothing, json={"attempt": attempt})


def message_state(mid: str) -> Call[MessageState]:
    """Where a message is that we sent or are to receive."""
    return Call("GET", f"/v1/messages/{mid}", lambda response: cast(MessageState, _json(response)["state"]))


def _json(response: httpx.Response) -> Any:
    return response.json()


def _nothing(_: httpx.Response) -> None:
    return None


def _leased(response: httpx.Response) -> Leased | None:
    if response.status_code == 204:
        return None
    headers = response.headers
    return Leased(headers["x-message-id"], int(headers["x-attempt"]), float(headers["x-lease-until"]), response.content)


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


def refusal(response: httpx.Response, url: str) -> HubError:
    """The hub's no as an error, with the hub's own code."""
    try:
        error = response.json()["error"]
        return HubError(str(error["message"]), remedy=str(error["remedy"]), code=str(error["code"]))
    except (ValueError, KeyError, TypeError):
        return not_a_hub(url)


def not_a_hub(url: str) -> HubError:
    """Something else answers at the hub's address."""
    return HubError(f"{url} does not answer as a hub does.", remedy="Check the hub's address.", code="not_a_hub")
