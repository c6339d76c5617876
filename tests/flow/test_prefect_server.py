"""The life of the one Prefect server: started once, shared, guarded, stopped by the last, started again when it died."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from podium.errors import PrefectUnavailable
from podium.runner import server


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh PODIUM_HOME without settings of Prefect; no process of it is left afterwards."""
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PODIUM_HOME", str(tmp_path))
    monkeypatch.setenv("PODIUM_PREFECT_PORT", "0")
    yield tmp_path
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    server.stop()
    left = [process.pid for process in psutil.process_iter(["cwd"]) if str(process.info["cwd"] or "").startswith(str(tmp_path))]
    assert left == []


@pytest.fixture
def sleepers() -> Iterator[list[int]]:
    """Two processes that do nothing: pods, as far as the server is concerned."""
    pods = [subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) for _ in range(2)]
    yield [pod.pid for pod in pods]
    for pod in pods:
        pod.kill()
        pod.wait()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_two_processes_that_start_together_get_one_server_and_it_is_guarded(home: Path) -> None:
    code = "from podium.runner import server; print(server.ensure().pid)"
    pods = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    first, second = (pod.communicate(timeout=150)[0] for pod in pods)
    started = server.ensure()
    assert first == second == f"{started.pid}\n" == f"{server.status()['pid']}\n"
    folder = home / "prefect"
    assert (mode(folder), mode(folder / "auth"), mode(folder / "server.json")) == (0o700, 0o600, 0o600)
    assert (mode(folder / "prefect.db"), mode(folder / "server.log")) == (0o600, 0o600)

    listening = [each.laddr for each in psutil.Process(started.pid).net_connections() if each.status == psutil.CONN_LISTEN]
    assert [(each.ip, each.port) for each in listening] == [("127.0.0.1", started.port)]
    assert psutil.Process(started.pid).children() == []
    assert os.getsid(started.pid) == started.pid != os.getsid(0)

    with httpx.Client(base_url=started.ui, trust_env=False) as client:
        assert client.get("/api/health").json() is True
        assert client.post("/api/flows/filter", json={}).status_code == 403  # no CSRF token
        assert client.get("/api/admin/version").status_code == 401
        client.auth = tuple(started.auth.split(":"))  # type: ignore[assignment]
        assert client.get("/api/admin/version").status_code == 200
        assert client.post("/api/flows/filter", json={}).status_code == 403  # the password alone is not enough
        settings = client.get("/ui-settings").json()
        assert (settings["api_url"], settings["available_uis"], settings["csrf_enabled"]) == (started.url, ["v1"], True)
        page = {"accept": "text/html"}
        assert "<html" in client.get("/", headers=page).text
        assert "sr-client-cfg" not in client.get("/v2/", headers=page).text
        elsewhere = client.get("/api/health", headers={"origin": "http://elsewhere.example"})
        assert "access-control-allow-origin" not in elsewhere.headers
        same = [client.get("/api/csrf-token", params={"client": "one"}).json()["token"] for _ in range(2)]
        assert same[0] == same[1]  # or a client's parallel requests refuse each other


def gone(pid: int) -> None:
    """It has ended; the system may take a moment to say so."""
    deadline = time.monotonic() + 30
    while psutil.pid_exists(pid):
        server.status()  # reaps
        assert time.monotonic() < deadline, "it is still there"
        time.sleep(0.05)


def begun(**more: Any) -> server.Server:
    """A server that runs and is not waited for: enough where nobody asks it anything."""
    return server.ensure(unless=lambda: True, **more)


def test_the_last_to_leave_stops_it(home: Path, sleepers: list[int]) -> None:
    one, two = sleepers
    pid = begun(holder=one).pid
    server.hold(two)
    assert server.status()["holders"] == sorted(sleepers)
    assert server.leave(one) is False
    assert psutil.pid_exists(pid)
    assert server.leave(two) is True
    gone(pid)
    assert not (home / "prefect" / "server.json").exists()
    assert server.status() == {"state": "stopped"}

    server.ensure(holder=one)  # started by a person this time: it outlives the pods
    server.keep()
    assert server.leave(one) is False
    assert server.status()["state"] == "running"
    assert server.stop() is True


def test_a_pod_that_was_killed_holds_it_no_longer(home: Path, sleepers: list[int]) -> None:
    one, two = sleepers
    begun(holder=one)
    server.hold(two)
    psutil.Process(one).kill()
    psutil.Process(one).wait(10)
    assert server.leave(two) is True


def test_a_taken_port_is_avoided_and_said_aloud(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = taken.getsockname()[1]
        monkeypatch.setenv("PODIUM_PREFECT_PORT", str(wanted))
        said: list[str] = []
        started = begun(progress=said.append)
        assert started.port > wanted
        assert started.notes == (f"Port {wanted} is taken: Prefect is on port {started.port}.",)
        assert said[-1] == started.notes[0]


def test_after_kill_9_it_comes_back_at_its_address_with_its_database_and_still_ends_in_time(home: Path) -> None:
    before = server.ensure()
    headers = {"Prefect-Csrf-Client": "tests"}
    with httpx.Client(base_url=before.url, auth=tuple(before.auth.split(":")), trust_env=False) as client:  # type: ignore[arg-type]
        headers["Prefect-Csrf-Token"] = client.get("/csrf-token", params={"client": "tests"}).json()["token"]
        assert client.post("/flows/", json={"name": "survivor"}, headers=headers).status_code == 201
    os.kill(before.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while server.status()["state"] != "died" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.status()["state"] == "died"
    with pytest.raises(PrefectUnavailable):
        server.current()
    told: list[tuple[str, bool]] = []
    after = server.ensure(meanwhile=lambda found: told.append((found.url, server.wait_ready(found.url, 0))))
    assert told == [(after.url, False)]  # its address is known, and used, before it answers
    assert (after.url, after.auth) == (before.url, before.auth)
    assert after.pid != before.pid
    with closing(sqlite3.connect(f"file:{home / 'prefect' / 'prefect.db'}?mode=ro", uri=True)) as connection:
        assert connection.execute("SELECT name FROM flow").fetchall() == [("survivor",)]

    stops_with_a_client_that_hangs_on(after)


def stops_with_a_client_that_hangs_on(started: server.Server) -> None:
    with socket.create_connection(("127.0.0.1", started.port)) as idle:
        idle.sendall(b"POST /api/flows/filter HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")  # a body that never comes
        began = time.monotonic()
        os.kill(started.pid, signal.SIGTERM)
        while server.status()["state"] != "died" and time.monotonic() - began < 20:
            time.sleep(0.05)
        assert time.monotonic() - began < 10  # the promise is 5 s; this machine may be busy


def test_a_server_that_cannot_start_says_why(home: Path) -> None:
    (home / "prefect").mkdir(mode=0o700)
    (home / "prefect" / "prefect.db").write_bytes(b"no database, but long enough to be looked at" * 100)
    with pytest.raises(PrefectUnavailable, match="file is not a database") as raised:
        server.ensure()
    assert "server.log" in raised.value.remedy
    assert server.status() == {"state": "stopped"}


def test_somebody_elses_server_is_asked_for_and_never_started(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/api"
    monkeypatch.setenv("PREFECT_API_URL", url)
    monkeypatch.setattr(server, "EXTERNAL_SECONDS", 0.2)
    with pytest.raises(PrefectUnavailable, match=url) as raised:
        server.ensure()
    assert raised.value.field == "PREFECT_API_URL"
    assert server.status()["state"] == "silent"
    assert not (home / "prefect" / "server.json").exists()
