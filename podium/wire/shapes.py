"""What the hub's answers look like. An answer that looks otherwise is not a hub's; fields that are not listed here are left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from podium.crypto.header import Fingerprint, Seconds
from podium.names import check_name


def _identifier(value: str) -> str:
    owner, _, name = value.partition("/")
    return f"{check_name(owner)}/{check_name(name)}"


Name = Annotated[str, AfterValidator(check_name)]
Identifier = Annotated[str, AfterValidator(_identifier)]
Word = Annotated[str, Field(pattern="^[!-~]{1,200}$")]  # visible ASCII: such words go to terminals and into headers
Duration = Annotated[float, Field(ge=0, lt=2**53)]


class Health(TypedDict):
    """`hub` is the hub's own id: the same after a restart."""

    status: Word
    hub: Word
    version: Word


Messages = TypedDict("Messages", {"in": int, "out": int, "queued": int, "leased": int, "expired": int})


class PodCount(TypedDict):
    """How many pods there are."""

    registered: int
    online: int


class Counters(TypedDict):
    """What went through the hub since its first start, and who is there."""

    messages: Messages
    people: int
    pods: PodCount


class Enrolled(TypedDict):
    """The API key is shown this once."""

    owner: Name
    key_id: Word
    api_key: Word


class IdentityEntry(TypedDict):
    """A public key (PEM) and its owner, on the hub's word."""

    fingerprint: Fingerprint
    owner: Name
    public_key: str


class PodEntry(TypedDict):
    """A pod as the hub tells of it; `identity` is the fingerprint of `public_key`, `statement` a KeyStatement as JSON."""

    identifier: Identifier
    status: Literal["online", "offline"]
    last_seen: Seconds
    identity: Fingerprint
    public_key: str
    statement: dict[str, Any]
    display_name: str
    description: str
    version: str
    datasources: list[Name]


class PodList(TypedDict):
    """Every registered pod."""

    pods: list[PodEntry]


class Code(TypedDict):
    """A one-time code."""

    code: Word


class Next(TypedDict):
    """Seconds until the next heartbeat."""

    next: Duration


class Until(TypedDict):
    """When a lease ends, in seconds since 1970."""

    until: Duration


class Posted(TypedDict):
    """The id of the message that was handed in."""

    mid: str


MessageState = Literal["queued", "leased", "acked", "expired"]


class StateEntry(TypedDict):
    """Where a message is."""

    state: MessageState


class Reason(TypedDict):
    """Why the hub says no."""

    code: str
    message: str
    remedy: str


class Refusal(TypedDict):
    """The hub's no."""

    error: Reason


@dataclass(frozen=True, slots=True)
class Leased:
    """A sealed message, ours until `until` (seconds since 1970) under this attempt."""

    mid: str
    attempt: int
    until: float
    raw: bytes
