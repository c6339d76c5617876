"""A hub, or whoever stands in its place, that answers too much, packed, or with text made to harm the reader's terminal."""

from __future__ import annotations

import contextlib
import gzip
import json
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from podium.crypto.envelope import MAX_MESSAGE
from podium.errors import HubError, HubUnavailable
from podium.wire.hub import AsyncHubClient, HubClient

LEASE = {"X-Message-Id": "0" * 32, "X-Attempt": "1", "X-Lease-Until": "1.0"}
Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture
def hub() -> Iterator[Callable[[Answer], str]]:
    """`hub(answer)`: the address of one that gives that answer to everything."""
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                status, headers, body = answer
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # the client has seen enough
                    self.wfile.write(body)

            do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815 the names that http.server looks for

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_stand_in_is_read_like_a_hub(hub: Callable[[Answer], str]) -> None:
    with HubClient(hub((200, LEASE, b"sealed"))) as client:
        assert client.lease("ana", wait=0).raw == b"sealed"


def test_a_packed_answer_is_not_unpacked(hub: Callable[[Answer], str]) -> None:
    """A thousand to one: a few kilobytes on the wire must not become megabytes here."""
    packed = gzip.compress(bytes(20 << 20))
    with HubClient(hub((200, {**LEASE, "Content-Encoding": "gzip"}, packed))) as client:
        tracemalloc.start()
        try:
            with pytest.raises(HubError):
                client.lease("ana", wait=0)
            assert tracemalloc.get_traced_memory()[1] < 4 << 20
        finally:
            tracemalloc.stop()


def test_a_message_larger_than_one_may_be_is_not_read_to_its_end(hub: Callable[[Answer], str]) -> None:
    with HubClient(hub((200, LEASE, bytes(64 << 20)))) as client:
        tracemalloc.start()
        try:
            with pytest.raises(HubError):
                client.lease("ana", wait=0)
            assert tracemalloc.get_traced_memory()[1] < 16 * MAX_MESSAGE
        finally:
            tracemalloc.stop()


async def test_the_pods_client_likewise(hub: Callable[[Answer], str]) -> None:
    async with AsyncHubClient(hub((200, LEASE, bytes(64 << 20)))) as client:
        with pytest.raises(HubError):
            await client.lease("demo/a", wait=0)


@pytest.mark.parametrize(
    "error",
    [
        {"code": "x" * 5000, "message": "no", "remedy": ""},
        {"code": "Not A Code", "message": "no", "remedy": ""},
        {"code": "refused", "message": "no\n\x1b[2Jforged line", "remedy": "\x07"},
        {"code": "refused", "message": "m" * 100_000, "remedy": "r" * 100_000},
        {"code": None, "message": ["a"], "remedy": {}},
    ],
    ids=["long code", "odd code", "control characters", "long text", "no text"],
)
def test_its_words_are_cut_and_made_plain(hub: Callable[[Answer], str], error: dict[str, Any]) -> None:
    """A code goes to Prefect and into replies; a message to a terminal and a log."""
    with HubClient(hub((403, {}, json.dumps({"error": error}).encode()))) as client, pytest.raises(HubError) as caught:
        client.health()
    assert len(caught.value.code) <= 40
    assert caught.value.code.replace("_", "").isalnum()
    assert caught.value.code.islower()
    assert len(str(caught.value)) < 2500
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"5", b'"x"', b"[" * 100_000, b"\xff", b'{"error": 5}', b'{"pods": 5}'], ids=lambda b: repr(b[:12])
)
@pytest.mark.parametrize("status", [200, 403, 500, 302])
def test_nonsense_is_an_error_of_the_hubs(hub: Callable[[Answer], str], body: bytes, status: int) -> None:
    with HubClient(hub((status, {"Location": "http://127.0.0.1:1/"}, body))) as client:
        for ask in (
            lambda: client.pod("demo/a")["identifier"],
            lambda: [p["identifier"] for p in client.pods()],
            lambda: client.identity("0" * 64)["public_key"],
        ):
            with pytest.raises((HubError, HubUnavailable)):
                ask()
