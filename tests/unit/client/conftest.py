"""A real hub process for the folder of one test run; each test has a PODIUM_HOME of its own, which shares the hub's admin key."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from scripted_pod import ScriptedPod

import podium
from podium.client import Session
from podium.crypto.keys import RSAKeyPair


@pytest.fixture(scope="session")
def hub_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    home = tmp_path_factory.mktemp("hubhome")
    command = [sys.executable, "-m", "podium.hub", "--port", "0", "--lifeline", "--json"]
    hub = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PODIUM_HOME": str(home)})
    assert hub.stdout is not None
    yield json.loads(hub.stdout.readline())["url"], home
    hub.terminate()
    hub.communicate(timeout=10)


@pytest.fixture(scope="session")
def analyst_key() -> RSAKeyPair:
    return RSAKeyPair.generate()


@pytest.fixture
def home(tmp_path: Path, hub_process: tuple[str, Path], analyst_key: RSAKeyPair, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    (folder / "hub").mkdir(parents=True, mode=0o700)
    for name in ("hub.json", "admin.key"):
        (folder / "hub" / name).symlink_to(hub_process[1] / "hub" / name)
    analyst_key.save(folder / "analyst" / "identity.pem")
    monkeypatch.setenv("PODIUM_HOME", str(folder))
    monkeypatch.delenv("PODIUM_HUB_URL", raising=False)
    monkeypatch.delenv("PODIUM_HUB_CODE", raising=False)
    return folder


@pytest.fixture
def session(home: Path) -> Iterator[Session]:
    with podium.connect(user="ann") as session:
        yield session


@pytest.fixture
def pod(session: Session, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[str], ScriptedPod]]:
    """Makes a pod of that name, made unique for the test."""
    unique = str(abs(hash(request.node.nodeid)))[:8]
    made: list[ScriptedPod] = []

    def make(name: str) -> ScriptedPod:
        made.append(ScriptedPod(session.hub.url, tmp_path / "pods", f"{name}-{unique}"))
        return made[-1]

    yield make
    for one in made:
        one.hub.close()
