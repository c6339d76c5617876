"""What a connection may send before it has said anything: uvicorn's httptools protocol, with an end to it.

The parser keeps a request's head (and the trailers after a chunked body) until it is whole, and sets it no limit. Here:

- Bytes that neither end a head nor are part of a body count; at the cap the connection is closed.
- A request has a limited number of headers, for each costs more than its bytes; a connection a limited number of requests in advance.
- A head that dawdles, or never comes on a new connection, closes it.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from podium.hub.settings import HEAD_BYTES, HEAD_SECONDS, HEADERS, REQUESTS_AHEAD


class HeadGuard(HttpToolsProtocol):
    """One connection. The parser's callbacks mark progress; an error raised in one is answered with 400, and the connection closed."""

    _pending = 0  # bytes taken in since the last progress
    _moved = False
    _in_head = False
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._patience = self.loop.call_later(HEAD_SECONDS, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._at_ease()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), HEAD_BYTES):
            part = data[start : start + HEAD_BYTES] if len(data) > HEAD_BYTES else data
            self._moved = False
            super().data_received(part)
            self._pending = 0 if self._moved else self._pending + len(part)
            if self._pending >= HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("Too many bytes that are not a body.")
            if self.transport.is_closing():
                return
        if self._in_head and self._patience is None:
            self._patience = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self.headers) >= HEADERS:
            raise ValueError("too many headers")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= REQUESTS_AHEAD:
            raise ValueError("too many requests at once")
        self._moved, self._in_head = True, False
        self._at_ease()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._moved = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._moved = True
        super().on_message_complete()

    def _at_ease(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
