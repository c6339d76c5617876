"""What a hub does not want to hear again for a while is not sent to it again in that time, and everything else is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from podium.errors import HubUnavailable
from podium.wire import hub
from podium.wire.hub import AsyncHubClient, HubClient

REFUSED = b'{"error": {"code": "mailbox_full", "message": "The mailbox is full.", "field": "", "remedy": "Later."}}'


class Full(ThreadingHTTPServer):
    """Refuses every message, and keeps what was sent."""

    def __init__(self, later: str) -> None:
        self.later, self.heard = later, []
        super().__init__(("127.0.0.1", 0), _Refusing)


class _Refusing(BaseHTTPRequestHandler):
    server: Full

    def do_POST(self) -> None:
        self.server.heard.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(429)
        self.send_header("Retry-After", self.server.later)
        self.send_header("Content-Length", str(len(REFUSED)))
        self.end_headers()
        self.wfile.write(REFUSED)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def full(request: pytest.FixtureRequest) -> Iterator[Full]:
    with Full(request.param) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(hub.time, "monotonic", lambda: now[0])
    return now


def refused(client: HubClient, raw: bytes) -> None:
    with pytest.raises(HubUnavailable, match="mailbox is full") as caught:
        client.post(raw)
    assert (caught.value.code, caught.value.remedy) == ("mailbox_full", "Later.")


@pytest.mark.parametrize("full", ["60"], indirect=True)
def test_the_same_message_waits_and_another_does_not(full: Full, clock: list[float]) -> None:
    with HubClient(f"http://127.0.0.1:{full.server_port}") as client:
        for at in (0, 1, 59):
            clock[0] = 1000.0 + at
            refused(client, b"one")
        assert full.heard == [b"one"]
        refused(client, b"other")
        assert full.heard == [b"one", b"other"]
        clock[0] += 2
        refused(client, b"one")
        assert full.heard == [b"one", b"other", b"one"]


@pytest.mark.parametrize("full", ["60"], indirect=True)
async def test_a_pod_waits_as_well(full: Full, clock: list[float]) -> None:
    async with AsyncHubClient(f"http://127.0.0.1:{full.server_port}") as client:
        for _ in range(3):
            with pytest.raises(HubUnavailable):
                await client.post(b"one")
    assert full.heard == [b"one"]


@pytest.mark.parametrize("full", ["", "soon", "-5", "9999999"], indirect=True, ids=["none", "a word", "negative", "for ever"])
def test_what_it_says_is_read_strictly(full: Full, clock: list[float]) -> None:
    """What is no number of seconds counts as none, and nobody is silenced for longer than an hour."""
    with HubClient(f"http://127.0.0.1:{full.server_port}") as client:
        refused(client, b"one")
        clock[0] += 3601 if full.later.startswith("9") else 0.001
        refused(client, b"one")
    assert len(full.heard) == 2
