"""The demo's processes: one hub, one Prefect server, two pods, all in a home of their own. None outlives the stage unless kept.

A kept stage is a file of process ids with their birth times, so that `--clean` ends these processes and never another's.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from podium.config import HUB_PORT, PodConfig, home, parse_pod
from podium.errors import ConfigError, PodiumError, PodRegistrationError
from podium.files import private_folder, write_private
from podium.pod import PodProcess
from podium.wire.credentials import local_hub

OWNER, PODS = "demo", ("clinic-a", "clinic-b")
HUB_SECONDS, POD_SECONDS, STOP_SECONDS = 60.0, 180.0, 6.0


class Stage:
    """`begin()`, then `open()`; `close()` takes everything down. `tell` shows progress."""

    def __init__(self, folder: Path, *, keep: bool, tell: Callable[[str], None]) -> None:
        self.folder, self.keep, self.tell = folder, keep, tell
        self.prefect: Future[Any] = Future()
        self.hub: subprocess.Popen[bytes] | None = None
        self.pods: list[PodProcess] = []
        self.starting, self.closing = ThreadPoolExecutor(1), threading.Event()
        self.starting.submit(int).result()  # its thread is there: a Ctrl-C while it starts would lose sight of what it does

    def begin(self) -> None:
        """Start what takes longest, Prefect's server, in the background, and the hub."""
        from podium.runner import server

        self.tell("Starting Prefect's server (new database) and the hub")
        self.prefect = self.starting.submit(server.ensure, holder=os.getpid(), unless=self.closing.is_set)
        self.url = self._start_hub()
        self.tell(f"Hub at {self.url}")

    def open(self, sources: dict[str, dict[str, str]]) -> str:
        """Start the pods for these datasources (pod name → plugin fields) and wait until they serve; the hub's address."""
        url = self.url
        self.pods = [PodProcess(_config(name, url, sources[name]), show=self._log(name)) for name in PODS]
        for pod in self.pods:
            pod.spawn(detached=self.keep)
        self._note()
        self.tell("Two pods are starting")
        self.tell(f"Prefect at {self.prefect.result().ui}")
        self._wait_for_pods()
        return url

    def _wait_for_pods(self) -> None:
        """Until all of them serve; the first that dies ends the wait, whichever it is. Raises PodRegistrationError."""
        waiting, deadline = list(self.pods), time.monotonic() + POD_SECONDS
        while waiting:
            for pod in [pod for pod in waiting if pod.ready() is not None]:
                waiting.remove(pod)
                self.tell(f"Pod {pod.config.identifier} is serving")
            if waiting and time.monotonic() > deadline:
                late = waiting[0]
                raise PodRegistrationError(
                    f"{late.config.identifier} was not ready after {POD_SECONDS:.0f} s.", remedy=f"See {late.folder / 'pod.log'}."
                )
            time.sleep(0.05)

    def close(self) -> None:
        """End every process that this stage started."""
        from podium.runner import server

        self.closing.set()  # a server that is still starting is not waited for
        self.starting.shutdown()
        with contextlib.suppress(PodiumError):
            server.leave(os.getpid())
        for pod in self.pods:
            pod.stop()
        if self.hub is not None:
            _end(self.hub)
        with contextlib.suppress(PodiumError):
            server.stop()

    def leave_running(self) -> None:
        """Keep everything: Prefect, too, when no pod holds it."""
        from podium.runner import server

        server.keep()
        server.leave(os.getpid())

    def _start_hub(self) -> str:
        private_folder(self.folder / "hub")
        log = (self.folder / "hub" / "hub.log").open("ab")
        lifeline = [] if self.keep else ["--lifeline"]
        self.hub = subprocess.Popen(
            [sys.executable, "-P", "-m", "podium.hub", "--port", str(HUB_PORT), *lifeline],
            stdin=subprocess.DEVNULL if self.keep else subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        deadline = time.monotonic() + HUB_SECONDS
        while time.monotonic() < deadline and self.hub.poll() is None:
            found = local_hub()
            if found.get("pid") == self.hub.pid:
                return str(found["url"])
            time.sleep(0.02)
        raise ConfigError("the hub did not start.", remedy=f"See {self.folder / 'hub' / 'hub.log'}.")

    def _log(self, name: str) -> Callable[[str], None]:
        path = self.folder / f"{name}.log"

        def write(line: str) -> None:
            with path.open("a") as out:
                out.write(line + "\n")

        return write

    def _note(self) -> None:
        from podium.runner.holders import birth

        pids = [process.pid for process in (self.hub, *(pod.child for pod in self.pods)) if process is not None]
        write_private(self.folder / "kept.json", json.dumps([[pid, birth(pid)] for pid in pids]))


def demo_home() -> Path:
    """Where the demo lives: a folder of its own inside PODIUM_HOME."""
    return home() / "demo"


def fresh(folder: Path) -> Path:
    """An empty home for a new demo. Raises ConfigError when a kept one is there."""
    if (folder / "kept.json").is_file() and _alive(folder):
        raise ConfigError("a demo was kept and is still running.", remedy="Run: podium demo --clean")
    shutil.rmtree(folder, ignore_errors=True)
    return private_folder(folder)


def clean(folder: Path) -> int:
    """End a kept demo's processes and remove its folder; how many were ended."""
    from podium.runner import server
    from podium.runner.holders import alive

    ended = 0
    for pid, born in _alive(folder):
        os.kill(pid, signal.SIGTERM)
        ended += 1
        deadline = time.monotonic() + STOP_SECONDS
        while alive(pid, born) and time.monotonic() < deadline:
            time.sleep(0.05)
        if alive(pid, born):
            os.kill(pid, signal.SIGKILL)
    if folder.is_dir():
        os.environ["PODIUM_HOME"] = str(folder)
        ended += server.stop()
    shutil.rmtree(folder, ignore_errors=True)
    return ended


def _alive(folder: Path) -> list[tuple[int, float]]:
    from podium.runner.holders import alive

    path = folder / "kept.json"
    noted = json.loads(path.read_bytes()) if path.is_file() else []
    return [(pid, born) for pid, born in noted if born is not None and alive(pid, born)]


def _config(name: str, hub: str, source: dict[str, str]) -> PodConfig:
    fields = {"pod": {"name": name, "owner": OWNER}, "hub": {"url": hub}, "datasources": [{"name": "tumours", "key": ["case"], **source}]}
    return parse_pod(fields)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
