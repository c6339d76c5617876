"""The demo's stage, taken down at odd moments."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from podium.demo.stage import Stage


def broken_off(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_one_that_is_broken_off_while_it_begins_can_be_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the very moment in which Prefect's start was handed to another thread: what it was is in nobody's hands yet."""
    monkeypatch.setenv("PODIUM_HOME", str(tmp_path))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    stage = Stage(tmp_path, keep=False, tell=lambda _: None)
    monkeypatch.setattr(stage.starting, "submit", broken_off)
    with pytest.raises(KeyboardInterrupt):
        stage.begin()
    closing = threading.Thread(target=stage.close, daemon=True)
    closing.start()
    closing.join(30)
    assert not closing.is_alive(), "it waits for what was never begun"
