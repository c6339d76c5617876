"""Sealed messages: in, out under a lease, and done with.

These are most of what a hub is asked, so they are plain Starlette: FastAPI takes longer to read such a request than the hub to answer it.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Annotated

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from podium.crypto.envelope import peek
from podium.errors import MessageRefused
from podium.hub import mailbox
from podium.hub.auth import Caller
from podium.hub.mailbox import Delivery, Nothing
from podium.hub.refusal import Refused, read
from podium.hub.settings import LEASE_SECONDS, WAIT_SECONDS
from podium.hub.state import Hub, known
from podium.plugin import Frozen

OCTETS = "application/octet-stream"
AFTERWARDS = 0.005  # look again just after a lease has ended, never just before
Mid = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


class Poll(BaseModel):
    """A wish for the next message. Query parameters that are not known here are passed over."""

    address: str = Field(max_length=127)
    wait: float = Field(default=25.0, ge=0, le=WAIT_SECONDS)
    seconds: float = Field(default=60.0, gt=0, le=LEASE_SECONDS)
    task: str = Field(default="", pattern="^([0-9a-f]{32})?$")


class Which(Frozen):
    """One message."""

    mid: Mid


class Attempt(Frozen):
    """Which delivery of a message is meant."""

    attempt: int = Field(ge=1)


class Extension(Attempt):
    """How long the lease is to last from now; 0 gives the message back."""

    seconds: float = Field(ge=0, le=LEASE_SECONDS)


async def post(request: Request) -> Response:
    """Take in a sealed message: 201 when it is on disk, 200 when it was already. The body is the message."""
    hub, caller = await known(request)
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


async def lease(request: Request) -> Response:
    """The oldest waiting message, as soon as there is one: 200 with the message, 204 when none came within `wait` seconds."""
    hub, caller = await known(request)
    poll = read(Poll, {**request.query_params, **request.path_params})
    take = partial(mailbox.lease, caller=caller, address=poll.address, task=poll.task, seconds=poll.seconds)
    with hub.bell.listen(poll.address) as rung:
        found = await hub.store.run(partial(take, now=hub.clock()))
        if isinstance(found, Nothing) and poll.wait:
            with hub.presence.waiting(poll.address, hub.clock):
                found = await _wait(hub, take, request, wait=poll.wait, rung=rung, found=found)
    if isinstance(found, Nothing):
        return Response(status_code=204)
    headers = {"X-Message-Id": found.mid, "X-Attempt": str(found.attempt), "X-Lease-Until": f"{found.until:.3f}"}
    return Response(found.body, media_type=OCTETS, headers=headers)


async def state(request: Request) -> Response:
    """Where a message is, for its sender and its recipient."""
    hub, caller = await known(request)
    which = read(Which, request.path_params)
    found = await hub.store.run(partial(mailbox.state, caller=caller, mid=which.mid, now=hub.clock()))
    return JSONResponse({"state": found})


async def extend(request: Request) -> Response:
    """Make a lease last longer, or give it back."""
    hub, caller = await known(request)
    which, wanted = read(Which, request.path_params), read(Extension, await request.body())
    now = hub.clock()
    held = partial(mailbox.extend, caller=caller, mid=which.mid, attempt=wanted.attempt, seconds=wanted.seconds, now=now)
    hub.bell.ring(await hub.store.run(held))
    return JSONResponse({"until": now + wanted.seconds})


async def ack(request: Request) -> Response:
    """The message is dealt with: it will not be delivered again."""
    hub, caller = await known(request)
    which, wanted = read(Which, request.path_params), read(Attempt, await request.body())
    await hub.store.run(partial(mailbox.ack, caller=caller, mid=which.mid, attempt=wanted.attempt))
    return JSONResponse({"state": "acked"})


routes = [  # the busiest first: they are tried in order
    Route("/v1/mailbox/{address:path}/lease", lease, methods=["POST"]),
    Route("/v1/messages", post, methods=["POST"]),
    Route("/v1/messages/{mid}/ack", ack, methods=["POST"]),
    Route("/v1/messages/{mid}/extend", extend, methods=["POST"]),
    Route("/v1/messages/{mid}", state),
]


async def _wait(
    hub: Hub, take: partial[Delivery | Nothing], request: Request, *, wait: float, rung: asyncio.Event, found: Nothing
) -> Delivery | Nothing:
    """Sleep until the bell, the end of another's lease or the caller's leaving, and look; again until `wait` is over."""
    end, leaving = time.monotonic() + wait, asyncio.create_task(_left(request, rung))
    try:
        while (left := end - time.monotonic()) > 0 and not hub.bell.closed and not leaving.done():
            ends = None if found.look_again is None else max(found.look_again - hub.clock(), 0) + AFTERWARDS
            try:
                async with asyncio.timeout(left if ends is None else min(left, ends)):
                    await rung.wait()
            except TimeoutError:
                if ends is None or ends >= left:
                    break  # nothing has happened here: nobody rang, and no lease has ended
            rung.clear()
            looked = await hub.store.run(partial(take, now=hub.clock()))
            if isinstance(looked, Delivery):
                if not leaving.done():
                    return looked
                await _give_back(hub, take.keywords["caller"], looked, take.keywords["address"])
                break
            found = looked
        return Nothing(None)
    finally:
        leaving.cancel()


async def _left(request: Request, rung: asyncio.Event) -> None:
    """Done when the caller has gone; her poll is woken by it."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    rung.set()


async def _give_back(hub: Hub, caller: Caller, found: Delivery, address: str) -> None:
    """A message leased for someone who has left meanwhile goes to the next one at once."""
    await hub.store.run(partial(mailbox.extend, caller=caller, mid=found.mid, attempt=found.attempt, seconds=0.0, now=hub.clock()))
    hub.bell.ring(address)
