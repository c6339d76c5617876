"""The hub's tables. They have a registry of their own, so that the pod's tables never end up in this database.

Of secrets only SHA-256 digests are kept: every one of them is random and long, so that a slow hash would add nothing.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, LargeBinary, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

LAYOUT = "1"
_COUNTED = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up by itself only in an INTEGER column


class HubTable(SQLModel, registry=registry()):
    """Base of the hub's tables."""


class Fact(HubTable, table=True):
    """Something there is one of: the hub's id, the layout of these tables, the admin key's digest."""

    __tablename__ = "hub_facts"
    name: str = Field(primary_key=True, max_length=40)
    value: str


class Invite(HubTable, table=True):
    """A one-time enrolment code, by its digest. `used_at` is set once, by the enrolment that spent it."""

    __tablename__ = "hub_invites"
    code_sha256: str = Field(primary_key=True, max_length=64)
    owner: str = Field(max_length=63)
    expires: int = Field(sa_type=BigInteger)
    used_at: int | None = Field(default=None, sa_type=BigInteger)


class Identity(HubTable, table=True):
    """A public key that enrolled, and the owner that its code was made for."""

    __tablename__ = "hub_identities"
    fingerprint: str = Field(primary_key=True, max_length=64)
    owner: str = Field(max_length=63, index=True)
    public_key: str


class ApiKey(HubTable, table=True):
    """An API key, by the digest of its secret half."""

    __tablename__ = "hub_api_keys"
    id: str = Field(primary_key=True, max_length=32)
    secret_sha256: str = Field(max_length=64)
    fingerprint: str = Field(foreign_key="hub_identities.fingerprint", max_length=64)
    expires: int = Field(sa_type=BigInteger)


class PodRow(HubTable, table=True):
    """A registered pod. Its name belongs to the identity key that registered it first."""

    __tablename__ = "hub_pods"
    identifier: str = Field(primary_key=True, max_length=127)
    fingerprint: str = Field(foreign_key="hub_identities.fingerprint", max_length=64)
    statement: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    display_name: str = ""
    description: str = ""
    version: str = ""
    last_seen: float = 0.0


class CardRow(HubTable, table=True):
    """A published catalogue card."""

    __tablename__ = "hub_cards"
    pod: str = Field(foreign_key="hub_pods.identifier", primary_key=True, max_length=127)
    datasource: str = Field(primary_key=True, max_length=63)
    card: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class Message(HubTable, table=True):
    """A sealed message. Its row outlives its body: a message acknowledged or expired is known, but no longer held."""

    __tablename__ = "hub_messages"
    id: int | None = Field(default=None, sa_type=_COUNTED, primary_key=True)
    mid: str = Field(unique=True, max_length=64)
    sha256: str = Field(max_length=64)
    sender_key: str = Field(max_length=64)
    recipient: str = Field(max_length=127)
    task: str = Field(max_length=64)
    expires: int = Field(sa_type=BigInteger, index=True)
    body: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    attempt: int = 0
    lease_until: float = 0.0
    acked: bool = False

    # Only messages still to be delivered are indexed, in the order they came in.
    __table_args__ = tuple(
        Index(name, *columns, sqlite_where=text("acked = 0"), postgresql_where=text("NOT acked"))
        for name, columns in {"hub_queue": ("recipient", "id"), "hub_queue_task": ("recipient", "task", "id")}.items()
    )
