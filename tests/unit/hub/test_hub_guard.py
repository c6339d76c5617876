"""The guard in front of the routes, and the bell."""

from __future__ import annotations

import asyncio
import json

import pytest

from podium.hub.bell import Bell
from podium.hub.body import BodyGuard


async def answer(headers=(), parts=(b"",), *, path="/v1/enrol", seconds=30.0, more_to_come=False):
    """The status, and how many parts were read before it."""
    queue = [{"type": "http.request", "body": part, "more_body": more_to_come or i < len(parts) - 1} for i, part in enumerate(parts)]
    sent, read = [], 0

    async def receive():
        nonlocal read
        if read == len(queue):
            await asyncio.sleep(60)
        read += 1
        return queue[read - 1]

    async def send(message):
        sent.append(message)

    async def app(scope, receive, send):
        body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    scope = {"type": "http", "method": "POST", "path": path, "headers": [(k.encode(), v.encode()) for k, v in headers]}
    await BodyGuard(app, seconds=seconds)(scope, receive, send)
    return sent[0]["status"], sent[1]["body"], read


async def test_a_body_is_cut_off_at_its_cap_and_not_read_on():
    part = b"x" * 16_384
    assert (await answer(parts=[part] * 4))[::2] == (200, 4)
    status, body, read = await answer(parts=[part] * 100)
    assert (status, json.loads(body)["error"]["code"], read) == (413, "too_large", 5)
    assert (await answer(parts=[part] * 100, path="/v1/messages"))[::2] == (413, 17)


async def test_a_declared_length_over_the_cap_is_refused_unread():
    assert (await answer([("content-length", "65537")]))[::2] == (413, 0)
    assert (await answer([("content-length", "-1")]))[::2] == (413, 0)


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity", ""])
async def test_every_content_encoding_is_refused_unread(encoding):
    assert (await answer([("content-encoding", encoding)]))[::2] == (415, 0)


async def test_a_body_that_dawdles_is_refused():
    status, body, read = await answer(parts=[b"x"], seconds=0.2, more_to_come=True)
    assert (status, json.loads(body)["error"]["code"], read) == (408, "too_slow", 1)


async def test_a_ring_wakes_that_address_and_a_close_everyone():
    bell = Bell()
    with bell.listen("a") as first, bell.listen("a") as second, bell.listen("b") as other:
        bell.ring("a")
        assert [await ear.hear(0.01) for ear in (first, second, other)] == [True, True, False]
        assert await first.hear(0.01) is False  # one ring is heard once
        asyncio.get_running_loop().call_later(0.01, bell.close)
        assert await other.hear(60) is True
    assert bell._waiting == {}
    with bell.listen("c") as late:
        assert await late.hear(60) is True


async def test_an_address_found_empty_stays_so_for_that_reader_until_it_is_rung():
    bell = Bell()
    bell.found_empty("a", "me")
    assert [bell.still_empty("a", "me"), bell.still_empty("a", "another"), bell.still_empty("b", "me")] == [True, False, False]
    bell.ring("b")
    assert bell.still_empty("a", "me")
    bell.ring("a")
    assert not bell.still_empty("a", "me")
