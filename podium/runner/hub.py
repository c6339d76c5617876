"""The embedded hub: the hub of this PODIUM_HOME, for pods that name none.

The first such pod starts it, on 127.0.0.1:8700 or the next free port; the others share it; the last to leave stops it. One that a
person started (`podium hub start`) is used and never stopped. Every change happens under one file lock, as with Prefect's server.
"""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from podium import config
from podium.errors import HubError, HubUnavailable
from podium.files import private_folder, write_private
from podium.runner.holders import Holders, birth
from podium.runner.process import end, last_error, open_private, runs

START_SECONDS, STOP_SECONDS = 60.0, 6.0
_children: list[subprocess.Popen[bytes]] = []  # started here; polled, so that a dead one does not linger as a zombie


def ensure(*, holder: int, progress: Callable[[str], None], unless: Callable[[], bool] = lambda: False) -> str:
    """The address of the hub, started where none runs and held by that process. Raises HubError. Empty when `unless()` becomes true."""
    with _locked() as folder:
        found = _await(folder, unless)
        if not found:
            return ""
        if any(found["pid"] == child.pid for child in _children):
            write_private(folder / "embedded.json", json.dumps({"pid": found["pid"], "born": birth(found["pid"])}))
            progress(f"No hub was named: the embedded one is started at {found['url']}; the last pod to use it stops it.")
        else:
            progress(f"No hub was named: the pod uses the one of this PODIUM_HOME, at {found['url']}")
        if _embedded(folder) == found["pid"]:
            Holders(folder / "holders").add(holder)
        return str(found["url"])


def leave(pid: int) -> bool:
    """Note that this process needs no hub any more. True when it was the last one and the embedded hub was stopped."""
    if not (config.home() / "hub" / "embedded.json").is_file():
        return False
    with _locked() as folder:
        holders = Holders(folder / "holders")
        holders.remove(pid)
        if holders.pids():
            return False
        ours = _read(folder / "embedded.json")
        if ours:
            end(ours["pid"], ours["born"], seconds=STOP_SECONDS)
        _reap()
        (folder / "embedded.json").unlink(missing_ok=True)
        return bool(ours)


@contextmanager
def _locked() -> Iterator[Path]:
    folder = private_folder(config.home() / "hub")
    with open_private(folder / "embedded.lock") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield folder


def _answers(folder: Path) -> bool:
    """Whether a hub of this PODIUM_HOME runs: it holds `lock` for as long as it does."""
    with open_private(folder / "lock") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _start(folder: Path) -> subprocess.Popen[bytes]:
    if find_spec("uvicorn") is None:
        raise HubError("no hub was named, and none can be started here.", field="hub", remedy="Name one, or: pip install 'podium[hub]'")
    (folder / "hub.json").unlink(missing_ok=True)  # of one that was killed
    with open_private(folder / "hub.log") as log:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "podium.hub", "--port", str(config.HUB_PORT)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C in the terminal of the pod that started it is not for it
        )
    _children.append(child)
    return child


def _await(folder: Path, unless: Callable[[], bool]) -> dict[str, Any]:
    """Where the hub is, once it answers. Started where none runs, also where one that was being killed has just gone."""
    deadline, child = time.monotonic() + START_SECONDS, None
    while time.monotonic() < deadline:
        if unless():
            return {}
        if child is None and not _answers(folder):
            child = _start(folder)
        found = _read(folder / "hub.json")
        if found and birth(found["pid"]) is not None:
            return found
        if child is not None and child.poll() is not None and not _answers(folder):
            raise HubError(
                f"the embedded hub ended while it started: {last_error(folder / 'hub.log')}.", remedy=f"See {folder / 'hub.log'}."
            )
        time.sleep(0.02)
    raise HubUnavailable("the hub of this PODIUM_HOME runs and does not answer.", remedy=f"See {folder / 'hub.log'}.")


def _embedded(folder: Path) -> int:
    """The process of the hub that a pod started; 0 where none runs."""
    ours = _read(folder / "embedded.json")
    return int(ours["pid"]) if ours and runs(ours["pid"], ours["born"]) else 0


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return {}


def _reap() -> None:
    _children[:] = [child for child in _children if child.poll() is None]
