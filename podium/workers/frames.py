"""One frame on the pipe: four bytes of header length, a JSON header, then the binary parts whose lengths the header gives.

Both ends hold a frame to these sizes before they take memory for it.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from podium.errors import WorkerError

MAX_HEADER = 16 << 20
MAX_PARTS = 8
MAX_BINARY = 1 << 30
PIECE = 4 << 20  # bytes of a frame, where many follow one another
MAX_PIECES = 8 << 30  # bytes of an answer in pieces
Frame = tuple[dict[str, Any], list[bytes]]


def encode(header: dict[str, Any], parts: Sequence[bytes] = ()) -> list[bytes]:
    """The frame as pieces to write one after the other."""
    text = json.dumps({**header, "parts": [len(part) for part in parts]}, allow_nan=False).encode()
    if len(text) > MAX_HEADER or len(parts) > MAX_PARTS or sum(map(len, parts)) > MAX_BINARY:
        raise WorkerError("the answer is larger than a frame may be.", code="worker_too_large")
    return [struct.pack(">I", len(text)), text, *parts]


def streamed(header: dict[str, Any], parts: Sequence[bytes]) -> Iterator[list[bytes]]:
    """An answer as one frame, or as many: a `piece` of the part with that number in each, and at last the header with empty parts."""
    if sum(map(len, parts)) > PIECE:
        for place, part in enumerate(parts):
            for start in range(0, len(part), PIECE):
                yield encode({"id": header["id"], "piece": place}, [part[start : start + PIECE]])
        parts = [b""] * len(parts)
    yield encode(header, parts)


def read(stream: BinaryIO) -> Frame | None:
    """The next frame; None at the end of the stream, also in the middle of a frame."""
    size = stream.read(4)
    if len(size) < 4:
        return None
    text = stream.read(_header_size(size))
    header, lengths = _header(text)
    parts = [stream.read(length) for length in lengths]
    return (header, parts) if all(len(part) == length for part, length in zip(parts, lengths, strict=True)) else None


async def read_async(stream: asyncio.StreamReader) -> Frame:
    """The next frame. Raises asyncio.IncompleteReadError at the end of the stream, WorkerError for one that breaks the sizes."""
    header, lengths = _header(await stream.readexactly(_header_size(await stream.readexactly(4))))
    return header, [await stream.readexactly(length) for length in lengths]


def _header_size(raw: bytes) -> int:
    size = int(struct.unpack(">I", raw)[0])
    if size > MAX_HEADER:
        raise _nonsense()
    return size


def _header(text: bytes) -> tuple[dict[str, Any], list[int]]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        raise _nonsense() from None
    lengths = header.pop("parts", None) if isinstance(header, dict) else None
    if not isinstance(lengths, list) or len(lengths) > MAX_PARTS or not all(type(n) is int and n >= 0 for n in lengths):
        raise _nonsense()
    if sum(lengths) > MAX_BINARY:
        raise _nonsense()
    return header, lengths


def _nonsense() -> WorkerError:
    return WorkerError("the worker's answer cannot be understood.", code="worker_nonsense")
