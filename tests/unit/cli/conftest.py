"""The command line in this process: what it prints and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from podium import cli


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, str]:
        return self.data["error"]


@pytest.fixture
def podium(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """`podium("pod", "status")` in an empty home, from an empty folder."""
    for name in ("PODIUM_HUB_URL", "PODIUM_HUB_CODE", "PODIUM_PROJECT", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PODIUM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PODIUM_DEBUG", "1")  # a fault is a failure of the test, with its traceback
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def call(*args: str, code: int = 0) -> Said:
        capsys.readouterr()
        ended = cli.run(list(args))
        said = Said(ended, *capsys.readouterr())
        assert said.code == code, said
        return said

    return call
