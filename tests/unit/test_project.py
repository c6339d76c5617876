"""Which root the flows are taken from, and a custodian's own copy of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from podium import project
from podium.errors import ConfigError


def test_a_copy_is_whole_and_becomes_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = project.eject(tmp_path / "new" / "mine", version="9.9.9")
    installed = project.installed_root()
    originals = {path.relative_to(installed) for name in project.FOLDERS for path in (installed / name).rglob("*.py")}
    assert {path.relative_to(place) for path in place.rglob("*.py")} == originals
    assert not list(place.rglob("__pycache__"))
    assert project.copied_from(place) == "9.9.9"
    assert project.copied_from(installed) == ""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PODIUM_PROJECT", "new/mine")
    assert project.root() == place
    monkeypatch.setenv("PODIUM_PROJECT", "")
    assert project.root() == installed


def test_its_modules_are_the_ones_that_are_loaded(tmp_path: Path) -> None:
    place = project.eject(tmp_path / "mine", version="1")
    (place / "tasks" / "words.py").write_text("GENERAL = 'mine'\n")
    code = "from podium import project; print(project.load('tasks.words').GENERAL)"
    env = {**os.environ, "PODIUM_PROJECT": str(place)}
    assert subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout == "mine\n"


def test_half_a_root_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = project.eject(tmp_path / "mine", version="1")
    (place / "schemas" / "__init__.py").unlink()
    monkeypatch.setenv("PODIUM_PROJECT", str(place))
    with pytest.raises(ConfigError, match="has no schemas") as caught:
        project.root()
    assert caught.value.field == "PODIUM_PROJECT"


@pytest.mark.parametrize("there", ["a file", "a folder with something in it"])
def test_nothing_is_overwritten(there: str, tmp_path: Path) -> None:
    place = tmp_path / "mine"
    if there == "a file":
        place.write_text("mine")
    else:
        place.mkdir()
        (place / ".hidden").touch()
    with pytest.raises(ConfigError, match="not an empty folder"):
        project.eject(place, version="1")
    assert not (place / "flows").exists()


def test_a_worker_is_told_of_the_root_by_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from podium.workers.starting import scrubbed

    place = project.eject(tmp_path / "mine", version="1")
    monkeypatch.chdir(tmp_path)
    assert "PODIUM_PROJECT" not in scrubbed()
    monkeypatch.setenv("PODIUM_PROJECT", "mine")
    assert scrubbed()["PODIUM_PROJECT"] == str(place)
