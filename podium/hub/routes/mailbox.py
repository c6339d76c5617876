"""Sealed messages: in, out under a lease, and done with.

These are most of what a hub is asked, so FastAPI is passed by: it takes longer to read such a request than the hub to answer it.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from functools import partial
from math import inf
from typing import Annotated

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from podium.crypto.envelope import peek
from podium.errors import MessageRefused
from podium.hub import mailbox
from podium.hub.auth import Caller
from podium.hub.bell import Ear
from podium.hub.mailbox import Delivery, Nothing
from podium.hub.refusal import Refused, read
from podium.hub.settings import LEASE_SECONDS, WAIT_SECONDS
from podium.hub.state import Hub, known
from podium.plugin import Frozen
from podium.wire.calls import POLL_SECONDS

OCTETS = "application/octet-stream"
AFTERWARDS = 0.005  # look again just after a lease has ended, never just before
Mid = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


class Poll(BaseModel):
    """A wish for the next message. Query parameters that are not known here are passed over."""

    address: str = Field(max_length=127)
    wait: float = Field(default=POLL_SECONDS, ge=0, le=WAIT_SECONDS)
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
    full = hub.quota.refusal(header.from_key, header.to)
    new = await hub.store.run(partial(mailbox.post, caller=caller, header=header, raw=raw, now=hub.clock(), full=full))
    if new:
        hub.quota.came(header.from_key, header.to)
        hub.bell.ring(header.to)
    return JSONResponse({"mid": header.mid}, 201 if new else 200)


async def lease(request: Request) -> Response:
    """The oldest waiting message, as soon as there is one: 200 with the message, 204 when none came within `wait` seconds."""
    hub, caller = await known(request)
    poll = read(Poll, {**request.query_params, **request.path_params})
    with hub.bell.listen(poll.address) as ear:
        found = await _look(hub, caller, poll)
        hub.presence.beat(poll.address, hub.clock())
        if isinstance(found, Nothing) and poll.wait:
            with hub.presence.waiting(poll.address, hub.clock):
                found = await _wait(hub, caller, poll, request, ear=ear, found=found)
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
    if gone := await hub.store.run(partial(mailbox.ack, caller=caller, mid=which.mid, attempt=wanted.attempt)):
        hub.quota.went(*gone)
    return JSONResponse({"state": "acked"})


Endpoint = Callable[[Request], Awaitable[Response]]
ROUTES: tuple[tuple[re.Pattern[str], str, Endpoint], ...] = (  # the busiest first: they are tried in order
    (re.compile("/v1/mailbox/(?P<address>.+)/lease"), "POST", lease),
    (re.compile("/v1/messages"), "POST", post),
    (re.compile("/v1/messages/(?P<mid>[^/]+)/ack"), "POST", ack),
    (re.compile("/v1/messages/(?P<mid>[^/]+)/extend"), "POST", extend),
    (re.compile("/v1/messages/(?P<mid>[^/]+)"), "GET", state),
)


class Mailroom:
    """ASGI middleware that answers what concerns messages, and hands on all else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        for path, method, endpoint in ROUTES if scope["type"] == "http" else ():
            if found := path.fullmatch(scope["path"]):
                scope["path_params"] = found.groupdict()
                response = await _answer(endpoint if scope["method"] == method else _wrong_method, Request(scope, receive))
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


async def _answer(endpoint: Endpoint, request: Request) -> Response:
    try:
        return await endpoint(request)
    except Refused as refused:
        return refused.response()


async def _wrong_method(_: Request) -> Response:
    raise Refused(405, "method_not_allowed", "Method Not Allowed.")


async def _look(hub: Hub, caller: Caller, poll: Poll) -> Delivery | Nothing:
    if hub.bell.still_empty(poll.address, caller.fingerprint):
        return Nothing(None)
    take = partial(mailbox.lease, caller=caller, address=poll.address, task=poll.task, seconds=poll.seconds, now=hub.clock())
    found = await hub.store.run(take)
    if found == Nothing(None) and not poll.task:
        hub.bell.found_empty(poll.address, caller.fingerprint)
    return found


async def _wait(hub: Hub, caller: Caller, poll: Poll, request: Request, *, ear: Ear, found: Nothing) -> Delivery | Nothing:
    """Sleep until the bell, the end of another's lease or the caller's leaving, and look; again until the poll's time is over."""
    end, leaving = time.monotonic() + poll.wait, asyncio.create_task(_left(request, ear))
    try:
        while (left := end - time.monotonic()) > 0 and not hub.bell.closed and not leaving.done():
            ends = inf if found.look_again is None else max(found.look_again - hub.clock(), 0) + AFTERWARDS
            if not await ear.hear(min(left, ends)) and ends >= left:
                break  # nothing has happened here: nobody rang, and no lease has ended
            looked = await _look(hub, caller, poll)
            if isinstance(looked, Nothing):
                found = looked
            elif leaving.done():
                await _give_back(hub, caller, looked, poll.address)
            else:
                return looked
        return Nothing(None)
    finally:
        leaving.cancel()


async def _left(request: Request, ear: Ear) -> None:
    """Done when the caller has gone; her poll is woken by it."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    ear.ring()


async def _give_back(hub: Hub, caller: Caller, found: Delivery, address: str) -> None:
    """A message leased for someone who has left meanwhile goes to the next one at once."""
    await hub.store.run(partial(mailbox.extend, caller=caller, mid=found.mid, attempt=found.attempt, seconds=0.0, now=hub.clock()))
    hub.bell.ring(address)
