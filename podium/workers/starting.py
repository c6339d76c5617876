"""How a worker's process comes to be: by itself, or as a fork of one that has loaded the libraries. Either is driven the same way."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Protocol

import podium
from podium import project

BUFFER = 1 << 20
TOLD = {"MIMALLOC_ALLOW_THP": "0"}  # Arrow's allocator: no pages of 2 MiB, which cost a tenth of a scan's memory and save no time


class Process(Protocol):
    """What a session needs of it. `pid` leads a process group that nobody else is in; `stdin` closed, it ends."""

    pid: int
    stdin: asyncio.StreamWriter | None
    stdout: asyncio.StreamReader | None

    @property
    def returncode(self) -> int | None:
        """None while it runs; -N where signal N ended it."""

    async def wait(self) -> int:
        """Wait for its end; the same code."""


async def started(place: Path, *, log: int) -> Process:
    """A worker of its own that works in `place` and writes its log to the open file `log`."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "podium.workers"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=log,
        cwd=place,
        env=scrubbed(),
        start_new_session=True,
        limit=BUFFER,
    )


def scrubbed() -> dict[str, str]:
    """PATH, LANG, TZ, the custodian's own project, what a library is told; PYTHONPATH only where this podium is not an installed one."""
    kept = TOLD | {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
    if os.environ.get(project.ROOT):
        kept[project.ROOT] = str(project.root())  # absolute: a worker works in a folder of its own
    home = Path(podium.__file__).resolve().parent.parent
    return kept if home.name in ("site-packages", "dist-packages") else {**kept, "PYTHONPATH": str(home)}
