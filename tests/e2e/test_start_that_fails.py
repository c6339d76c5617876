"""A pod that cannot start says why, where its custodian will look."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from town import Town, patients


@pytest.fixture
def no_prefect() -> Iterator[str]:
    """Something that says it is well and knows nothing else: a proxy in front of a Prefect that is gone, an older server."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path.endswith("/health") else 404)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"true")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/api"
    server.shutdown()
    server.server_close()


def test_what_prefect_answered_is_in_the_pods_log(town: Town, no_prefect: str):
    town.start_hub()
    town.env |= {"PREFECT_API_URL": no_prefect}
    process = town.start_pod("a", town.csv("a", patients(50)), ready=False)
    assert process.wait(60) == 4
    state = town.state("a")
    assert state["phase"] == "failed"
    log = (town.home / "pods" / "demo" / "a" / "pod.log").read_text()
    assert "404" in log, f"the log does not say why: {log}"
