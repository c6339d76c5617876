"""Registered pods and their cards."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import AfterValidator, ConfigDict, Field

from podium.contracts import Card, CardColumn
from podium.crypto.encryption import KeyStatement
from podium.crypto.keys import load_public
from podium.errors import TrustError
from podium.hub import pods
from podium.hub.refusal import Refused, read
from podium.hub.settings import HEARTBEAT_SECONDS
from podium.hub.state import Known, ThisHub
from podium.names import check_name
from podium.plugin import Frozen

routes = APIRouter(prefix="/pods")
Name = Annotated[str, Path(max_length=63), AfterValidator(check_name)]
Done = dict[str, bool]


class NewerColumn(CardColumn):
    """A column as a pod describes it that may be newer than this hub: what the hub does not know is kept, and shown as it came."""

    model_config = ConfigDict(extra="allow")


class NewerCard(Card):
    """A card of the version that this hub knows, and whatever else a newer pod says in it."""

    model_config = ConfigDict(extra="allow")
    columns: tuple[NewerColumn, ...]


class Registration(Frozen):
    """What a pod says of itself. The statement vouches for its encryption key."""

    statement: KeyStatement
    display_name: str = Field(default="", max_length=200)
    description: str = Field(default="", max_length=4000)
    version: str = Field(default="", max_length=40)


@routes.get("")
async def everyone(hub: ThisHub, _: Known) -> dict[str, list[pods.View]]:
    """Every registered pod."""
    return {"pods": await hub.store.run(partial(pods.views, presence=hub.presence, now=hub.clock()))}


@routes.get("/{owner}/{name}")
async def one(hub: ThisHub, _: Known, owner: Name, name: Name) -> pods.View:
    """One pod."""
    return (await hub.store.run(partial(pods.views, presence=hub.presence, now=hub.clock(), pod=f"{owner}/{name}")))[0]


@routes.put("/{owner}/{name}")
async def register(hub: ThisHub, caller: Known, owner: Name, name: Name, wanted: Registration) -> pods.View:
    """Register the pod under the caller's key, or bring its entry up to date."""
    pod, now = f"{owner}/{name}", hub.clock()
    try:
        wanted.statement.check(load_public(caller.public_key), int(now))
    except TrustError as error:
        raise Refused(422, "bad_statement", error.message, remedy=error.remedy) from None
    await hub.store.run(partial(pods.register, caller=caller, pod=pod, fields=wanted.model_dump(mode="json"), now=now))
    hub.presence.beat(pod, now)
    return (await hub.store.run(partial(pods.views, presence=hub.presence, now=now, pod=pod)))[0]


@routes.post("/{owner}/{name}/heartbeat")
async def heartbeat(hub: ThisHub, caller: Known, owner: Name, name: Name) -> dict[str, int]:
    """The pod is there; `next` is how many seconds it may wait before it says so again."""
    pod = f"{owner}/{name}"
    await hub.store.run(partial(pods.require, caller=caller, pod=pod))
    hub.presence.beat(pod, hub.clock())
    return {"next": HEARTBEAT_SECONDS}


@routes.get("/{owner}/{name}/catalogue/{datasource}")
async def card(hub: ThisHub, _: Known, owner: Name, name: Name, datasource: Name) -> dict[str, Any]:
    """The card of one datasource."""
    return await hub.store.run(partial(pods.card, pod=f"{owner}/{name}", datasource=datasource))


@routes.put("/{owner}/{name}/catalogue/{datasource}")
async def publish(hub: ThisHub, caller: Known, owner: Name, name: Name, datasource: Name, request: Request) -> Done:
    """Publish a card, in place of any earlier one."""
    wanted = read(NewerCard, await request.body())
    if wanted.datasource != datasource:
        raise Refused(422, "invalid", "datasource: the card is of another datasource.")
    fields = wanted.model_dump(mode="json", exclude_unset=True)
    await hub.store.run(partial(pods.publish, caller=caller, pod=f"{owner}/{name}", datasource=datasource, card=fields))
    return {"ok": True}


@routes.delete("/{owner}/{name}/catalogue/{datasource}")
async def unpublish(hub: ThisHub, caller: Known, owner: Name, name: Name, datasource: Name) -> Done:
    """Take a card out of the catalogue."""
    await hub.store.run(partial(pods.unpublish, caller=caller, pod=f"{owner}/{name}", datasource=datasource))
    return {"ok": True}
