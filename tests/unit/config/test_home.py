"""PODIUM_HOME: ours and closed, or refused with what to do about it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from podium.config import home
from podium.errors import ConfigError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_one_is_closed_and_so_is_each_folder_above_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODIUM_HOME", str(tmp_path / "a" / "b"))
    assert mode(home()) == mode(tmp_path / "a") == 0o700


def test_an_open_one_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODIUM_HOME", str(tmp_path))
    tmp_path.chmod(0o755)
    assert mode(home()) == 0o700


def test_somebody_elses_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODIUM_HOME", str(tmp_path))
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(ConfigError, match="belongs to someone else"):
        home()


@pytest.mark.parametrize("shared", ["a folder for everyone", "where the person's own folder lies"])
def test_a_folder_with_other_uses_is_refused_and_stays_open(shared: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODIUM_HOME", str(tmp_path))
    before = 0o1777 if shared == "a folder for everyone" else 0o755
    if before == 0o755:
        monkeypatch.setenv("HOME", str(tmp_path / "me"))
    tmp_path.chmod(before)
    with pytest.raises(ConfigError, match="is for more than Podium"):
        home()
    assert mode(tmp_path) == before


@pytest.mark.parametrize("written", ["~nosuchuser/x", "{tmp}/file", "{tmp}/file/below"])
def test_one_that_cannot_be_is_refused(written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch(mode=0o600)
    monkeypatch.setenv("PODIUM_HOME", written.format(tmp=tmp_path))
    with pytest.raises(ConfigError) as caught:
        home()
    assert caught.value.field == "PODIUM_HOME"
    assert caught.value.remedy
