"""Lone pods: each in a process of its own, see `lone_pod`."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("lone_pod.py")
Row = tuple[Any, ...]
NO_SERVER = {"PREFECT_SERVER_EPHEMERAL_ENABLED": "false"}  # or Prefect starts one to show the progress of a run of two seconds


class LonePod:
    """Commands to one lone pod. With `apart` each runs in a child process of its own."""

    def __init__(self, home: Path, sources: list[dict[str, Any]], *, apart: bool = False, **sections: Any) -> None:
        self.home, self.sources = home, sources
        home.mkdir(parents=True, exist_ok=True)
        pod = {"pod": {"name": "lone", "owner": "demo"}, "hub": {"url": "http://127.0.0.1:9"}, "datasources": sources, **sections}
        environment = {**os.environ, "PODIUM_HOME": str(home), "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore"} | NO_SERVER
        self._log = (home / "lone.log").open("a")
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True, env=environment
        )
        self._say({"pod": pod, "apart": apart})

    def do(self, what: str, **fields: Any) -> Any:
        """One command; None when it was killed."""
        self._say({"do": what, **fields})
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith('{"answer"'):
                return json.loads(line)["answer"]
        raise AssertionError((self.home / "lone.log").read_text()[-3000:])

    def ask(self, algorithm: dict[str, Any], *, new: bool = False, datasource: str = "") -> dict[str, Any]:
        """Ask, and what became of it."""
        run: dict[str, Any] = self.do("ask", task=self.task(algorithm, new=new, datasource=datasource))
        return run

    def task(self, algorithm: dict[str, Any], *, new: bool = False, datasource: str = "") -> dict[str, Any]:
        """The body of a task message."""
        return {"datasource": datasource or self.sources[0]["name"], "algorithm": algorithm, "new_data_only": new}

    def rows(self, sql: str) -> list[Row]:
        """What the pod's database says."""
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as database:
            return database.execute(sql).fetchall()

    @property
    def database(self) -> Path:
        return self.home / "pods" / "demo" / "lone" / "pod.db"

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._log.close()

    def _say(self, said: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(said) + "\n")
        self._process.stdin.flush()


Pods = Callable[..., LonePod]


@pytest.fixture
def lone(tmp_path: Path) -> Iterator[Pods]:
    """Makes lone pods, ready to be asked, and ends them."""
    yield from _pods(tmp_path)


@pytest.fixture(scope="module")
def lone_for_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pods]:
    """The same for pods that every test of a file may ask."""
    yield from _pods(tmp_path_factory.mktemp("lone"))


def _pods(folder: Path) -> Iterator[Pods]:
    pods: list[LonePod] = []

    def make(sources: list[dict[str, Any]], *, name: str = "home", prepare: bool = True, **options: Any) -> LonePod:
        pod = LonePod(folder / name, sources, **options)
        pods.append(pod)
        if prepare:
            pod.do("prepare")
        return pod

    yield make
    for pod in pods:
        pod.close()
