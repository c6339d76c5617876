"""Sealed messages: in, out under a lease, and done with."""

from __future__ import annotations

import asyncio
import contextlib
import time
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field
from starlette.responses import JSONResponse

from podium.crypto.envelope import peek
from podium.errors import MessageRefused
from podium.hub import mailbox
from podium.hub.auth import Caller
from podium.hub.mailbox import Delivery, Nothing
from podium.hub.refusal import Refused
from podium.hub.settings import LEASE_SECONDS, WAIT_SECONDS
from podium.hub.state import Hub, Known, ThisHub
from podium.plugin import Frozen

routes = APIRouter()
Mid = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
Task = Annotated[str, Query(pattern="^([0-9a-f]{32})?$")]
OCTETS = "application/octet-stream"
AFTERWARDS = 0.005  # look again just after a lease has ended, never just before


class Attempt(Frozen):
    """Which delivery of a message is meant."""

    attempt: int = Field(ge=1)


class Extension(Attempt):
    """How long the lease is to last from now; 0 gives the message back."""

    seconds: float = Field(ge=0, le=LEASE_SECONDS)


@routes.post("/messages", status_code=201)
async def post(hub: ThisHub, caller: Known, request: Request) -> Response:
    """Take in a sealed message: 201 when it is on disk, 200 when it was already. The body is the message."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != OCTETS:
        raise Refused(415, "content_type", f"A message is sent as {OCTETS}.")
    raw = await request.body()
    try:
        header = peek(raw)
    except MessageRefused as error:
        raise Refused(400, error.code, f"This is not a sealed message: {error.rule}.") from None
    new = await hub.store.run(partial(mailbox.post, caller=caller, header=header, raw=raw, now=hub.clock()))
    if new:
        hub.bell.ring(header.to)
    return JSONResponse({"mid": header.mid}, 201 if new else 200)


@routes.post("/mailbox/{address:path}/lease")
async def lease(
    hub: ThisHub,
    caller: Known,
    request: Request,
    address: Annotated[str, Path(max_length=127)],
    wait: Annotated[float, Query(ge=0, le=WAIT_SECONDS)] = 25.0,
    seconds: Annotated[float, Query(gt=0, le=LEASE_SECONDS)] = 60.0,
    task: Task = "",
) -> Response:
    """The oldest waiting message, as soon as there is one: 200 with the message, 204 when none came within `wait` seconds."""
    await request.body()
    take = partial(mailbox.lease, caller=caller, address=address, task=task, seconds=seconds)
    with hub.bell.listen(address) as rung:
        leaving = asyncio.create_task(_left(request, rung))
        try:
            found = await _wait(hub, take, wait=wait, rung=rung, leaving=leaving)
            if found and leaving.done():
                await _give_back(hub, caller, found, address)
                found = None
        finally:
            leaving.cancel()
    if found is None:
        return Response(status_code=204)
    headers = {"X-Message-Id": found.mid, "X-Attempt": str(found.attempt), "X-Lease-Until": f"{found.until:.3f}"}
    return Response(found.body, media_type=OCTETS, headers=headers)


@routes.get("/messages/{mid}")
async def state(hub: ThisHub, caller: Known, mid: Mid) -> dict[str, str]:
    """Where a message is, for its sender and its recipient."""
    return {"state": await hub.store.run(partial(mailbox.state, caller=caller, mid=mid, now=hub.clock()))}


@routes.post("/messages/{mid}/extend")
async def extend(hub: ThisHub, caller: Known, mid: Mid, wanted: Extension) -> dict[str, float]:
    """Make a lease last longer, or give it back."""
    now = hub.clock()
    address = await hub.store.run(partial(mailbox.extend, caller=caller, mid=mid, attempt=wanted.attempt, seconds=wanted.seconds, now=now))
    hub.bell.ring(address)
    return {"until": now + wanted.seconds}


@routes.post("/messages/{mid}/ack")
async def ack(hub: ThisHub, caller: Known, mid: Mid, wanted: Attempt) -> dict[str, str]:
    """The message is dealt with: it will not be delivered again."""
    await hub.store.run(partial(mailbox.ack, caller=caller, mid=mid, attempt=wanted.attempt))
    return {"state": "acked"}


async def _wait(
    hub: Hub, take: partial[Delivery | Nothing], *, wait: float, rung: asyncio.Event, leaving: asyncio.Task[None]
) -> Delivery | None:
    """Look, then sleep until the bell, the end of another's lease or the caller's leaving; again until `wait` is over."""
    end = time.monotonic() + wait
    while True:
        found = await hub.store.run(partial(take, now=hub.clock()))
        if isinstance(found, Delivery):
            return found
        left = end - time.monotonic()
        if left <= 0 or hub.bell.closed or leaving.done():
            return None
        if found.look_again is not None:
            left = min(left, max(found.look_again - hub.clock(), 0) + AFTERWARDS)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left):
                await rung.wait()
        rung.clear()


async def _left(request: Request, rung: asyncio.Event) -> None:
    """Done when the caller has gone; her poll is woken by it."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    rung.set()


async def _give_back(hub: Hub, caller: Caller, found: Delivery, address: str) -> None:
    """A message leased for someone who has left meanwhile goes to the next one at once."""
    await hub.store.run(partial(mailbox.extend, caller=caller, mid=found.mid, attempt=found.attempt, seconds=0.0, now=hub.clock()))
    hub.bell.ring(address)
