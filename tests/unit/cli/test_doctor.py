"""The doctor: well where all is well, and for each trouble a line with the remedy and an exit code."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from podium.cli._doctor.install import fits
from podium.state import PodState


def lines(said) -> dict[str, dict[str, str]]:
    return {line["check"]: line for line in said.data["checks"]}


def test_nothing_is_wrong_with_an_empty_home(podium) -> None:
    said = podium("doctor", "--json")
    found = lines(said)
    assert said.data["ok"]
    assert {"python", "podium", "podium[pod]", "podium[hub]", "PODIUM_HOME", "private files", "disk", "Prefect", "pods"} <= set(found)
    assert all(line["remedy"] for line in found.values() if line["state"] != "ok")
    assert podium("doctor").out.startswith("ok   python: Python 3.")


@pytest.mark.parametrize(
    ("installed", "limits", "fit"),
    [
        ("0.150.0", "<0.151,>=0.139", True),
        ("0.151.0", "<0.151,>=0.139", False),
        ("0.138.9", "<0.151,>=0.139", False),
        ("3.8.10", "<3.9,>=3.8.8", True),
        ("3.9.0rc1", "<3.9,>=3.8.8", False),
        ("2.1", "<2.1,>=2.0", False),
        ("50", ">=50", True),
        ("1", "", True),
    ],
)
def test_limits(installed: str, limits: str, fit: bool) -> None:
    assert fits(installed, limits) is fit


def test_versions_that_do_not_hold_together(tmp_path: Path) -> None:
    """A newer FastAPI, found before the installed one, as pip would find it."""
    info = tmp_path / "fastapi-0.165.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fastapi\nVersion: 0.165.0\n")
    env = {**os.environ, "PODIUM_HOME": str(tmp_path / "home"), "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", "from podium.cli import main; main()", "doctor", "--json"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    found = {line["check"]: line for line in json.loads(done.stdout)["checks"]}
    assert done.returncode == 1
    assert "fastapi 0.165.0 (wants <0.151,>=0.139)" in found["podium[pod]"]["said"]
    assert found["podium[hub]"]["state"] == "fail"
    assert "requirements.lock" in found["podium[pod]"]["remedy"]


def test_a_home_that_cannot_be(podium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch(mode=0o600)
    monkeypatch.setenv("PODIUM_HOME", str(tmp_path / "file" / "below"))
    said = podium("doctor", "--json", code=1)
    assert (lines(said)["PODIUM_HOME"]["state"], said.data["ok"]) == ("fail", False)
    assert lines(said)["PODIUM_HOME"]["remedy"]


def test_a_port_that_is_none(podium, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODIUM_PREFECT_PORT", "many")
    assert lines(podium("doctor", "--json", code=1))["PODIUM_PREFECT_PORT"]["remedy"]


def test_a_home_that_was_open(podium, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home").chmod(0o755)
    line = lines(podium("doctor", "--json"))["PODIUM_HOME"]
    assert (line["state"], "755" in line["said"]) == ("warn", True)


def test_a_key_that_others_may_read(podium, tmp_path: Path) -> None:
    podium("keys", "show")
    key = tmp_path / "home" / "analyst" / "identity.pem"
    key.chmod(0o644)
    line = lines(podium("doctor", "--json", code=1))["private files"]
    assert (line["state"], line["remedy"]) == ("fail", f"Run: chmod 600 {key}")
    assert key.stat().st_mode & 0o777 == 0o644  # it mends nothing


def test_a_pod_in_trouble(podium, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "pods" / "clinic" / "north"
    folder.mkdir(parents=True)
    with hub_at(0) as url:
        fields = {
            "pod": {"name": "north", "owner": "clinic"},
            "hub": {"url": url},
            "datasources": [{"name": "a", "kind": "csv", "path": "/a.csv"}],
        }
        (folder / "pod.json").write_text(json.dumps(fields))
        found = lines(podium("doctor", "--json"))
        assert found["pod clinic/north"]["said"] == "not running"
        assert found[f"hub {url}"]["state"] == "ok"
        error = {"code": "x", "message": "the data\x1b[2J are gone.", "field": "", "remedy": "Put them back."}
        (folder / "state.json").write_text(PodState(pid=1, phase="failed", since=1, error=error).model_dump_json())
        line = lines(podium("doctor", "--json", code=1))["pod clinic/north"]
        assert (line["state"], line["remedy"]) == ("fail", "Put them back.")
        assert "\x1b[2J" not in podium("doctor", code=1).out
    assert lines(podium("doctor", "--json", code=1))[f"hub {url}"]["state"] == "fail"  # a pod needs it


@pytest.mark.parametrize(("url", "says"), [("http://127.0.0.1:{free}", "cannot be reached"), ("http://[::1", "http"), ("nonsense", "http")])
def test_a_hub_that_is_not_there(podium, url: str, says: str) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        named = url.format(free=bound.getsockname()[1])
        line = lines(podium("doctor", "--hub", named, "--json", code=1))[f"hub {named}"]
    assert line["state"] == "fail"
    assert says in line["said"]
    assert line["remedy"]


@pytest.mark.parametrize(("ahead", "state", "code"), [(0, "ok", 0), (-120, "warn", 0), (400, "fail", 1), (-400, "fail", 1)])
def test_a_clock_that_is_off(podium, ahead: int, state: str, code: int) -> None:
    with hub_at(ahead) as url:
        found = lines(podium("doctor", "--hub", url, "--json", code=code))
    assert found[f"hub {url}"]["state"] == "ok"
    assert found["clock"]["state"] == state
    if ahead:
        assert ("behind" if ahead > 0 else "ahead") in found["clock"]["said"]  # ours, against a hub that is ahead


@contextmanager
def hub_at(ahead: int) -> Iterator[str]:
    """What a hub on a machine with another clock answers."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"status": "ok", "hub": "x", "version": "0.1.0"}).encode()
            self.send_response_only(200)
            self.send_header("Date", formatdate(time.time() + ahead, usegmt=True))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
