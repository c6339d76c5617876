"""The hub that pods start where none is named: shared, stopped by the last, never another's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from hub_process import HubProcess, until

from podium.config import home
from podium.runner import hub
from podium.wire.hub import HubClient


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("PODIUM_HOME", str(tmp_path))
    monkeypatch.setattr("podium.config.HUB_PORT", 0)
    yield tmp_path
    hub.leave(0)  # the holders are gone by now, so this ends what is left


@pytest.fixture
def holder() -> Iterator[Callable[[], int]]:
    """Makes processes that may hold the hub."""
    made: list[subprocess.Popen[bytes]] = []

    def make() -> int:
        made.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))
        return made[-1].pid

    yield make
    for process in made:
        process.kill()
        process.communicate()


def ensure(pid: int) -> str:
    told: list[str] = []
    url = hub.ensure(holder=pid, progress=told.append)
    assert url in told[0]
    return url


def hub_pid() -> int:
    return int(json.loads((home() / "hub" / "hub.json").read_text())["pid"])


def healthy(url: str) -> bool:
    with HubClient(url) as client:
        return client.health()["status"] == "ok"


def test_it_is_shared_and_the_last_to_leave_stops_it(holder):
    one, two = holder(), holder()
    url = ensure(one)
    assert ensure(two) == url
    pid = hub_pid()
    assert hub.leave(one) is False
    assert healthy(url)
    assert hub.leave(two) is True
    assert not psutil.pid_exists(pid)
    assert not (home() / "hub" / "hub.json").exists()
    assert hub.leave(two) is False


def test_a_pod_that_died_does_not_keep_it(holder):
    one, two = holder(), holder()
    ensure(one)
    ensure(two)
    os.kill(one, signal.SIGKILL)
    until(lambda: psutil.Process(one).status() == psutil.STATUS_ZOMBIE)
    assert hub.leave(two) is True


def test_one_that_was_killed_is_started_again(holder):
    one = holder()
    ensure(one)
    killed = hub_pid()
    os.kill(killed, signal.SIGKILL)
    until(lambda: not psutil.pid_exists(killed) or psutil.Process(killed).status() == psutil.STATUS_ZOMBIE)
    assert (home() / "hub" / "hub.json").exists(), "a hub that is killed leaves its address"
    url = ensure(holder())
    assert hub_pid() != killed
    assert healthy(url)


def test_a_persons_own_is_used_and_left_running(place: Path, holder):
    theirs = HubProcess(place).start()
    try:
        assert ensure(one := holder()) == theirs.url
        assert hub.leave(one) is False
        assert healthy(theirs.url)
    finally:
        theirs.close()


def test_one_that_cannot_start_says_why(place: Path, holder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PODIUM_HUB_DB", "postgresql+nodriver://h/d")
    with pytest.raises(hub.HubError, match="ended while it started") as caught:
        hub.ensure(holder=holder(), progress=str)
    assert str(place / "hub" / "hub.log") in caught.value.remedy
