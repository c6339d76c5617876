"""Request bodies are read here, whole and under a cap, before anything looks at them.

- A body with any Content-Encoding is refused: nothing is ever unpacked.
- A body larger than its cap is refused at the byte that exceeds it (or at once, by its Content-Length).
- A body that dawdles is refused.
"""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from podium.hub.refusal import Refused
from podium.hub.settings import BODY_SECONDS, JSON_BYTES, MESSAGE_BYTES

SEALED = "/v1/messages"


class BodyGuard:
    """ASGI middleware in front of every route."""

    def __init__(self, app: ASGIApp, *, seconds: float = BODY_SECONDS) -> None:
        self._app, self._seconds = app, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._seconds):
                body = await _read(scope, receive)
        except TimeoutError:
            late = Refused(408, "too_slow", "The body did not arrive in time.", headers=_CLOSE)
            await late.response()(scope, receive, send)
        except Refused as refused:
            await refused.response()(scope, receive, send)
        else:
            if body is not None:  # else the caller has left
                await self._app(scope, _Replay(body, receive), send)


_CLOSE = {"Connection": "close"}


class _Replay:
    """Hands the body over in one piece, then waits with the caller for the connection's end."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._first: Message | None = {"type": "http.request", "body": body, "more_body": False}
        self._receive = receive

    async def __call__(self) -> Message:
        first, self._first = self._first, None
        return first or await self._receive()


async def _read(scope: Scope, receive: Receive) -> bytes | None:
    headers = Headers(scope=scope)
    if "content-encoding" in headers:
        raise Refused(415, "content_encoding", "A body must not be encoded.", remedy="Send it as it is.", headers=_CLOSE)
    cap = MESSAGE_BYTES if scope["path"] == SEALED else JSON_BYTES
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
