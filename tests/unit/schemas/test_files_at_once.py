"""A pod's file of SQLite is opened by several for the first time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from podium import project

project.activate()

from schemas.opening import engine  # noqa: E402


def test_many_that_open_a_new_file_at_once(tmp_path: Path):
    """SQLite turns WAL on for one of them, and tells the others that the file is locked, without waiting."""
    start = threading.Barrier(6)

    def opened(url: str) -> None:
        made = engine(url)
        start.wait()
        with made.begin():
            pass
        made.dispose()

    for attempt in range(30):
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(opened, [f"sqlite:///{tmp_path / f'{attempt}.db'}"] * 6))
