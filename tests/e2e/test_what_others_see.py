"""What another user of the machine, or a process that a pod starts, can learn: modes of files, command lines, environments, handles."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
from pathlib import Path

import psutil
import pytest
from town import Town, patients

import podium
from podium.contracts import Status
from podium.workers.starting import TOLD

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@linux
def test_of_a_whole_town(town: Town):
    """One town with a Prefect of its own, started under the usual umask of 022; looked at while a run is under way and after it."""
    town.with_own_prefect().env["CANARY_SECRET"] = "canarysecret"
    before = os.umask(0o022)
    try:
        town.start_hub()
        code = json.loads(town.podium("hub", "invite", "demo", "--json").stdout)["code"]
        town.env["PODIUM_HUB_CODE"] = code
        town.start_pod("a", town.csv("a", patients(200)))
        del town.env["PODIUM_HUB_CODE"]
        session = town.session()
        town.grant("a", session)
        answer = session.ask(podium.algorithms.Count(), pods=["demo/a"], datasource="patients", wait=False)
        worker = town.worker("a")
        worker.suspend()
        try:
            given = under_way(town, worker, code)
        finally:
            worker.resume()
        assert answer.wait(60).status is Status.RELEASED
    finally:
        os.umask(before)
    loose = {str(path.relative_to(town.home)): oct(mode) for path, mode in modes(town.home) if mode & 0o077}
    assert not loose, f"others may read: {loose}"
    assert not given, f"Prefect's server was given {given}"


def under_way(town: Town, worker: psutil.Process, code: str) -> list[str]:
    """What of the caller's secrets Prefect's server holds."""
    folder = town.home / "pods" / "demo" / "a"
    credentials = json.loads((town.home / "credentials.json").read_bytes())
    secrets = {
        "hub code": code,
        "admin key": (town.home / "hub" / "admin.key").read_text().strip(),
        "Prefect's password": (town.home / "prefect" / "auth").read_text().partition(":")[2],
        **{f"API key {i}": entry["api_key"] for people in credentials.values() for i, entry in enumerate(people.values())},
    }
    pod = psutil.Process(town.pid("a"))
    prefect = psutil.Process(json.loads((town.home / "prefect" / "server.json").read_bytes())["pid"])
    assert town.hub is not None
    for process in (pod, prefect, worker, psutil.Process(town.hub.pid)):
        line = " ".join(process.cmdline())
        assert not [name for name, secret in secrets.items() if secret in line], line

    held = worker.environ()
    assert set(held) <= {"PATH", "LANG", "TZ", "PYTHONPATH", "LC_CTYPE", *TOLD}, held
    handles = {str(link.readlink()) for link in Path(f"/proc/{worker.pid}/fd").iterdir()}
    assert not [handle for handle in handles if any(word in handle for word in ("keys", "pod.db", "credentials", "socket:", "prefect"))], (
        handles
    )
    assert not worker.net_connections()
    assert Path(f"/proc/{worker.pid}/cwd").resolve().parent == folder / "work"
    assert "canarysecret" not in str(held)

    held = prefect.environ()
    return [name for name in ("PODIUM_HUB_CODE", "CANARY_SECRET") if name in held]


def modes(home: Path) -> list[tuple[Path, int]]:
    found = [(home, stat.S_IMODE(home.stat().st_mode))]
    found += [(path, stat.S_IMODE(path.stat().st_mode)) for path in home.rglob("*") if not path.is_symlink()]
    assert len(found) > 30
    return found


def test_a_home_that_others_may_enter_is_closed_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Somebody made ~/.podium with mkdir, under the usual umask."""
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    home.chmod(0o755)
    monkeypatch.setenv("PODIUM_HOME", str(home))
    from podium import config
    from podium.errors import ConfigError

    with contextlib.suppress(ConfigError):
        config.home()
        assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_the_log_keeps_its_mode_when_it_rotates(tmp_path: Path):
    import logging

    from podium.local_log import local_log

    before = os.umask(0o022)
    logger = logging.getLogger("podium")
    kept = logger.handlers[:], logger.propagate, logger.level
    try:
        local_log(tmp_path / "pod")
        for handler in logger.handlers:
            if isinstance(handler, logging.FileHandler):
                handler.doRollover()  # type: ignore[attr-defined]
        loose = [path.name for path in (tmp_path / "pod").iterdir() if stat.S_IMODE(path.stat().st_mode) & 0o077]
        assert not loose
    finally:
        for handler in logger.handlers:
            if handler not in kept[0]:
                handler.close()
        logger.handlers[:], logger.propagate = kept[0], kept[1]
        logger.setLevel(kept[2])
        os.umask(before)
