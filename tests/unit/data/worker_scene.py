"""What the tests of workers share."""

import asyncio
import gzip
import os
import time
from pathlib import Path

from podium.workers.session import Limits, WorkerSession

SECRET = bytes(range(32))
MEAN = {"kind": "mean", "column": "mean_area", "by": "diagnosis"}


def endless(folder):
    """A small file that takes minutes to read: 16 GiB of rows, packed a thousand times."""
    path = folder / "t.csv.gz"
    path.write_bytes(gzip.compress(b"a\n") + gzip.compress(b"1\n" * (8 << 20), 1) * 1000)
    return path


ENDLESS = {"max_ratio": 1_000_000}  # or it is refused


def opened(path, folder, *, seconds=60, memory_mb=2048, warm=None, **fields):
    """A session on a CSV."""
    source = {"kind": "csv", "name": "cancer", "path": str(path), **fields}
    return WorkerSession.open(source, limits=Limits(seconds=seconds, memory_mb=memory_mb), folder=folder, warm=warm)


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


async def until_gone(pid):
    deadline = time.monotonic() + 10
    while not gone(pid):
        assert time.monotonic() < deadline, "the process is still there"
        await asyncio.sleep(0.05)
