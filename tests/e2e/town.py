"""A whole town for end-to-end tests: real processes for hub, pods and analyst, in one PODIUM_HOME, beside a shared Prefect server."""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import pandas as pd
import psutil
import pytest
import yaml

from podium import cli

T = TypeVar("T")
PODIUM = [str(Path(sys.executable).parent / "podium")]


def until(what: Callable[[], T | None], *, seconds: float = 60, why: Callable[[], str] = str) -> T:
    """The first true value of `what()`; fails with `why` when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {why() or what}")


def patients(rows: int = 400, *, seed: int = 0) -> pd.DataFrame:
    """A table whose every text value is recognisable, so that it can be searched for where it must not be."""
    ages = [20 + (i * 37 + seed) % 60 for i in range(rows)]
    sexes = ["canaryfemale" if (i + seed) % 2 else "canarymale" for i in range(rows)]
    return pd.DataFrame({"patient": [f"canaryid{seed}x{i:06d}" for i in range(rows)], "age": ages, "sex": sexes})


def halves() -> tuple[pd.DataFrame, pd.DataFrame]:
    """What the pods `a` and `b` of the shared town hold: `kind` has a level with three rows here and thirty there, `few` three ones."""
    found = patients(400), patients(300, seed=1)
    for table, rare in zip(found, (3, 30), strict=True):
        table["smoker"] = ["yes" if age % 3 else "no" for age in table["age"]]
        table["kind"] = ["canaryrare" if row < rare else "canarycommon" for row in range(len(table))]
        table["few"] = [1 if row < 3 else 0 for row in range(len(table))]
    return found


class Town:
    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        self.env = {**os.environ, "PODIUM_HOME": str(self.home), "COLUMNS": "200"}
        self.processes: list[subprocess.Popen[str]] = []
        self.pods: dict[str, subprocess.Popen[str]] = {}
        self.hub: subprocess.Popen[str] | None = None
        self.url = ""

    def with_own_prefect(self) -> Town:
        """Its pods start a Prefect server, instead of using the one of all tests."""
        for name in [name for name in self.env if name.startswith("PREFECT_")]:
            del self.env[name]
        self.env["PODIUM_PREFECT_PORT"] = "0"
        return self

    # the hub

    def start_hub(self, port: int = 0) -> str:
        self.hub = self.spawn([sys.executable, "-P", "-m", "podium.hub", "--port", str(port)], "hub.log")
        note = self.home / "hub" / "hub.json"
        pid = self.hub.pid
        found = until(lambda: note.is_file() and (n := json.loads(note.read_text()))["pid"] == pid and n, why=lambda: self.log("hub.log"))
        self.url = str(found["url"])
        return self.url

    def newcomer(self) -> Any:
        """A session of an analyst whom nobody knows yet. Her home is `folder / user`."""
        import podium
        from podium.wire.hub import HubClient

        user = f"ana-{secrets.token_hex(4)}"
        with HubClient(self.url) as hub:
            code = hub.invite(user, admin_key=(self.home / "hub" / "admin.key").read_text().strip())
        return podium.connect(self.url, user=user, home=self.folder / user, code=code)

    def kill_hub(self) -> int:
        """SIGKILL; the port it had."""
        assert self.hub is not None
        self.hub.kill()
        self.hub.wait()
        return int(self.url.rsplit(":", 1)[1])

    # pods

    def pod_file(self, name: str, *sources: dict[str, Any], **sections: Any) -> Path:
        path = self.folder / f"{name}.yaml"
        fields = {"pod": {"name": name, "owner": "demo"}, "hub": {"url": self.url}, "datasources": list(sources), **sections}
        path.write_text(yaml.safe_dump(fields))
        return path

    def csv(self, name: str, frame: pd.DataFrame) -> dict[str, Any]:
        path = self.folder / f"{name}.csv"
        frame.to_csv(path, index=False)
        return {"name": "patients", "kind": "csv", "path": str(path), "key": ["patient"]}

    def start_pod(self, name: str, *sources: dict[str, Any], ready: bool = True, **sections: Any) -> subprocess.Popen[str]:
        process = self.spawn([*PODIUM, "pod", "start", str(self.pod_file(name, *sources, **sections))], f"{name}.log")
        self.pods[name] = process
        if ready:
            self.ready(name)
        return process

    def start_again(self, name: str) -> None:
        """The pod with the file that it had."""
        self.pods[name] = self.spawn([*PODIUM, "pod", "start", str(self.folder / f"{name}.yaml")], f"{name}.log")

    def leave(self, name: str) -> None:
        """End the pod, and do not start it again."""
        self.pods.pop(name).terminate()

    def mend(self) -> None:
        """Start again, where it was, whatever a test has ended."""
        if self.hub is not None and self.hub.poll() is not None:
            self.start_hub(int(self.url.rsplit(":", 1)[1]))
        ended = [name for name, process in self.pods.items() if process.poll() is not None]
        for name in ended:
            self.start_again(name)
        for name in ended:
            self.ready(name)

    def ready(self, name: str) -> dict[str, Any]:
        def settled() -> dict[str, Any] | None:
            assert self.pods[name].poll() is None, self.log(f"{name}.log")
            state = self.state(name)
            waits = {"checked", "partial"} & set(state.get("datasources", {}).values())
            serves = state.get("phase") == "serving" and psutil.pid_exists(state["pid"])  # not what a killed one has left behind
            return state if serves and not waits else None

        return until(settled, seconds=180, why=lambda: f"pod {name} is not ready: {self.state(name)} {self.log(f'{name}.log')}")

    def state(self, name: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.home / "pods" / "demo" / name / "state.json").read_text())
        except FileNotFoundError:  # the next one that starts takes away what a killed pod has left
            return {}
        return found

    def pid(self, name: str) -> int:
        return int(self.state(name)["pid"])

    def kill_pod(self, name: str, process: subprocess.Popen[str]) -> None:
        """SIGKILL to the pod's own process; its workers must go by themselves."""
        os.kill(self.pid(name), signal.SIGKILL)
        process.wait(30)

    def worker(self, name: str) -> psutil.Process:
        """The worker process of a run that is under way."""
        return until(
            lambda: next(iter(self.workers(name)), None), seconds=30, why=lambda: f"{name} has no worker: {self.log(f'{name}.log')}"
        )

    def workers(self, name: str) -> list[psutil.Process]:
        """Every worker process of the pod. A fork of the process that warm workers come from has its command line, and is its child."""
        pod, found = self.pid(name), []
        for child in psutil.Process(pod).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                words = " ".join(child.cmdline())
                if "podium.workers" in words and not ("podium.workers.forkserver" in words and child.ppid() == pod):
                    found.append(child)
        return found

    def rows(self, name: str, query: str) -> list[tuple[Any, ...]]:
        """What the pod's database says."""
        with sqlite3.connect(f"file:{self.home / 'pods' / 'demo' / name / 'pod.db'}?mode=ro", uri=True) as database:
            return database.execute(query).fetchall()

    # people

    def session(self, user: str = "ana") -> Any:
        import podium

        return podium.connect(self.url, user=user, home=self.home)

    def grant(self, pod: str, session: Any, *, algorithms: tuple[str, ...] = ("count", "mean"), more: tuple[str, ...] = ()) -> None:
        parts = [part for algorithm in algorithms for part in ("--algorithm", algorithm)]
        fixed = ["--datasource", "patients", "--column", "age", "--column", "sex", "--alias", "Ana"]
        self.verb("grant", "create", "--pod", f"demo/{pod}", "--analyst", session.fingerprint, *fixed, *parts, *more)

    def verb(self, *args: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """As `podium`, in this process with the town's environment: for what the command does, where its process is no part of the test."""
        out, err, before = io.StringIO(), io.StringIO(), os.umask(0o077)  # as the command sets it
        try:
            with (
                mock.patch.dict(os.environ, self.env, clear=True),
                contextlib.chdir(self.folder),
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(err),
            ):
                ended = cli.run(list(args))
        finally:
            os.umask(before)
        assert ended == code, f"{args}: exit {ended}\n{out.getvalue()}\n{err.getvalue()}"
        return subprocess.CompletedProcess(args, ended, out.getvalue(), err.getvalue())

    def podium(self, *args: str, code: int = 0, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """The command, as a person runs it."""
        done = subprocess.run([*PODIUM, *args], env=self.env, cwd=self.folder, capture_output=True, text=True, timeout=timeout, check=False)
        assert done.returncode == code, f"{args}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    # processes

    def spawn(self, command: list[str], log: str) -> subprocess.Popen[str]:
        with (self.folder / log).open("a") as out:
            process = subprocess.Popen(command, env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, text=True)
        self.processes.append(process)
        return process

    def log(self, name: str) -> str:
        path = self.folder / name
        return path.read_text()[-4000:] if path.is_file() else ""

    def close(self) -> list[psutil.Process]:
        """End everything; what had to be killed because it would not go."""
        children = [child for process in self.processes if process.poll() is None for child in _family(process.pid)]
        for process in self.processes:
            process.terminate()
        _, alive = psutil.wait_procs(children, timeout=10)
        for process in alive:
            process.kill()
        for process in self.processes:
            process.wait(10)
        return alive


@contextmanager
def opened(folder: Path) -> Iterator[Town]:
    """A town whose home is this process's too; everything in it has ended afterwards."""
    made = Town(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PODIUM_HOME", str(made.home))
        try:
            yield made
        finally:
            stubborn = made.close()
    assert not stubborn, f"these did not end within 10 s of SIGTERM: {stubborn}"


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
