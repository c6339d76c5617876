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


def anything(folder):
    """A contract that every row keeps."""
    path = folder / "anything.yaml"
    path.write_text("schema_type: polars_dataframe\ncolumns:\n  nowhere:\n    dtype: Int64\n    required: false\n")
    return path


async def read(worker, contract, *, known=(), new_only=False):
    """A run of the whole source as one part: its report. `known`: reports of runs before."""
    (part,) = (await worker.survey("", contract=contract, by_parts=False)).parts
    chunks = [key + mark + bytes(4) for report in known for key, mark in zip(cut(report.keys), cut(report.fingerprints), strict=True)]
    await worker.begin([part.id], secret=SECRET, known=[b"".join(chunks)], lost=b"", new_only=new_only, contract=contract, algorithm=None)
    return await worker.part(0)


def cut(digests):
    return [digests[at : at + 16] for at in range(0, len(digests), 16)]


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
