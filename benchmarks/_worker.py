"""A worker session over a table, and what its process costs while it carries out a command."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Self

import psutil

from benchmarks._measure import Cost
from podium.workers.session import Limits, WorkerSession


def session(path: Path, *, cache: Path | None = None) -> WorkerSession:
    """`async with`: a worker as the pod starts it. Column `patient` is the key. `cache`: where it keeps what it read."""
    source = {"kind": path.suffix[1:], "name": "patients", "path": str(path), "key": ["patient"]}
    return WorkerSession.open(source, limits=Limits(memory_mb=4096, seconds=600), folder=path.parent / "work", cache=cache)


class Watched:
    """The worker's process, from the moment that it has loaded what it needs."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._wall, self._cpu = time.perf_counter(), _cpu(process)

    @classmethod
    async def idle(cls, worker: WorkerSession) -> Self:
        """Wait until it uses no CPU: it is loaded and waits for a command."""
        process, before = psutil.Process(worker.pid), -1.0
        while (now := _cpu(process)) != before or now < 0.1:
            before = now
            await asyncio.sleep(0.4)
        return cls(process)

    def cost(self) -> Cost:
        """Since `idle`."""
        return Cost(time.perf_counter() - self._wall, _cpu(self._process) - self._cpu)

    def peak_mb(self) -> float:
        """The most memory it has held; what it holds now where there is no /proc."""
        status = Path(f"/proc/{self._process.pid}/status")
        found = int(status.read_text().split("VmHWM:")[1].split()[0]) << 10 if status.is_file() else self._process.memory_info().rss
        return found / (1 << 20)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
