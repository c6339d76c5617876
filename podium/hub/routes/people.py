"""Health, counters, invites, enrolment, identities."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import Field, field_validator

from podium import __version__
from podium.hub import counters, people
from podium.hub.state import Known, ThisHub
from podium.names import check_name
from podium.plugin import Frozen

routes = APIRouter()
Fingerprint = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


class NewInvite(Frozen):
    """Who may enrol, and within how many hours."""

    owner: str
    hours: int = Field(default=24, ge=1, le=720)

    @field_validator("owner")
    @classmethod
    def _named(cls, name: str) -> str:
        return check_name(name, "owner")


class Enrolment(Frozen):
    """A one-time code, and the proof that the sender holds the key."""

    code: str = Field(max_length=100)
    owner: str = Field(max_length=63)
    public_key: str = Field(max_length=8192)
    signature: str = Field(max_length=2048)


@routes.get("/health")
async def health(hub: ThisHub) -> dict[str, str]:
    """Whether the hub and its database are there."""
    await hub.store.run(lambda _: None)
    return {"status": "ok", "hub": hub.id, "version": __version__}


@routes.get("/counters")
async def tell(hub: ThisHub, request: Request) -> dict[str, Any]:
    """Messages in, out and waiting, people, pods. Needs the admin key."""
    hub.door.admin(request.headers.get("authorization", ""))
    return await hub.store.run(partial(counters.counted, presence=hub.presence, now=hub.clock()))


@routes.post("/invites")
async def invite(hub: ThisHub, request: Request, wanted: NewInvite) -> dict[str, str]:
    """A one-time code for this owner. Needs the admin key."""
    hub.door.admin(request.headers.get("authorization", ""))
    expires = int(hub.clock()) + wanted.hours * 3600
    return {"code": await hub.store.run(partial(people.invite, owner=wanted.owner, expires=expires))}


@routes.post("/enrol")
async def enrol(hub: ThisHub, wanted: Enrolment) -> dict[str, str]:
    """Make a public key known and get its API key, which is shown this once."""
    proven = await asyncio.to_thread(partial(people.prove, **wanted.model_dump()))
    key_id, api_key = await hub.store.run(partial(people.enrol, proven=proven, now=int(hub.clock())))
    return {"owner": proven.owner, "key_id": key_id, "api_key": api_key}


@routes.get("/identities/{fingerprint}")
async def identity(hub: ThisHub, _: Known, fingerprint: Fingerprint) -> dict[str, str]:
    """Whose key this is."""
    return await hub.store.run(partial(people.identity, key=fingerprint))
