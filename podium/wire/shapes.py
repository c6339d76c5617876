"""What the hub's answers look like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypedDict


class Health(TypedDict):
    """`hub` is the hub's own id: the same after a restart."""

    status: str
    hub: str
    version: str


class Enrolled(TypedDict):
    """The API key is shown this once."""

    owner: str
    key_id: str
    api_key: str


class IdentityEntry(TypedDict):
    """A public key (PEM) and its owner, on the hub's word."""

    fingerprint: str
    owner: str
    public_key: str


class PodEntry(TypedDict):
    """A pod as the hub tells of it; `identity` is the fingerprint of `public_key`, `statement` a KeyStatement as JSON."""

    identifier: str
    status: Literal["online", "offline"]
    last_seen: int
    identity: str
    public_key: str
    statement: dict[str, Any]
    display_name: str
    description: str
    version: str
    datasources: list[str]


MessageState = Literal["queued", "leased", "acked", "expired"]


@dataclass(frozen=True, slots=True)
class Leased:
    """A sealed message, ours until `until` (seconds since 1970) under this attempt."""

    mid: str
    attempt: int
    until: float
    raw: bytes
