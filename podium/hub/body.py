"""Request bodies are read here, whole and under a cap, before anything looks at them.

- A body with any Content-Encoding is refused: nothing is ever unpacked.
- A body larger than its cap is refused at the byte that exceeds it (or at once, by its Content-Length).
- A body that dawdles is refused.
- Only a catalogue card may be longer than a message, and only from someone the hub knows.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from podium.hub.refusal import Refused
from podium.hub.settings import BODY_SECONDS, CARD_BYTES, JSON_BYTES, MESSAGE_BYTES

SEALED = "/v1/messages"
CARD = re.compile("/v1/pods/[^/]+/[^/]+/catalogue/[^/]+")
Known = Callable[[str], Awaitable[object]]


class BodyGuard:
    """ASGI middleware in front of every route. `known` raises Refused for an Authorization header that the hub does not know."""

    def __init__(self, app: ASGIApp, *, known: Known | None = None, seconds: float = BODY_SECONDS) -> None:
        self._app, self._known, self._seconds = app, known, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._seconds):
                body = await _read(receive, Headers(scope=scope), cap=await self._cap(scope))
        except TimeoutError:
            late = Refused(408, "too_slow", "The body did not arrive in time.", headers=_CLOSE)
            await late.response()(scope, receive, send)
        except Refused as refused:
            await refused.response()(scope, receive, send)
        else:
            if body is not None:  # else the caller has left
                await self._app(scope, _Replay(body, receive), send)

    async def _cap(self, scope: Scope) -> int:
        if scope["path"] == SEALED:
            return MESSAGE_BYTES
        if self._known is None or scope["method"] != "PUT" or not CARD.fullmatch(scope["path"]):
            return JSON_BYTES
        await self._known(Headers(scope=scope).get("authorization", ""))
        return CARD_BYTES


_CLOSE = {"Connection": "close"}


class _Replay:
    """Hands the body over in one piece, then waits with the caller for the connection's end."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._first: Message | None = {"type": "http.request", "body": body, "more_body": False}
        self._receive = receive

    async def __call__(self) -> Message:
        first, self._first = self._first, None
        return first or await self._receive()


async def _read(receive: Receive, headers: Headers, *, cap: int) -> bytes | None:
    if "content-encoding" in headers:
        raise Refused(415, "content_encoding", "A body must not be encoded.", remedy="Send it as it is.", headers=_CLOSE)
    too_large = Refused(413, "too_large", f"The body is larger than {cap} bytes.", headers=_CLOSE)
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > cap:
        raise too_large
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > cap:
            raise too_large
        if not message.get("more_body", False):
            return bytes(body)
