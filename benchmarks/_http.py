"""Just enough of an HTTP client to load a hub: requests are bytes made beforehand, so that the load costs little of what is measured."""

from __future__ import annotations

import asyncio
from typing import Self
from urllib.parse import urlsplit


def request(url: str, method: str, path: str, *, key: str = "", body: bytes = b"", kind: str = "application/json") -> bytes:
    """One request as bytes."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {urlsplit(url).netloc}", f"Content-Length: {len(body)}", f"Content-Type: {kind}"]
    return "\r\n".join([*lines, f"Authorization: Bearer {key}", "", ""]).encode() + body


class Connection:
    """One kept-alive connection; one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, url: str) -> Self:
        parts = urlsplit(url)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port))

    async def send(self, request: bytes) -> tuple[int, dict[str, str]]:
        """The answer's status and headers; its body is read and dropped."""
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        await self._reader.readexactly(int(headers.get("content-length", 0)))
        return int(head[0].split()[1]), headers

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._writer.close()
