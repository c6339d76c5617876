"""The worker process: `python -P -m podium.workers`, started by a session and by nobody else.

Three threads: one takes commands from stdin and ends the process the moment it closes, whatever is being computed; one ends it when its
parent is gone or its memory is used up; the main one works. Loading begins at once, before the first command is read.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import resource
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

from podium.workers.limits import OVER_MEMORY

WATCH_SECONDS = 0.1
RESERVED = 4 << 30  # address space that the libraries map and never touch
_ALLOWED: list[int] = []


def main() -> None:
    """Serve commands until stdin closes."""
    parent = os.getppid()
    os.umask(0o077)
    place = Path.cwd()
    os.environ["POLARS_MAX_THREADS"] = "2"
    tempfile.tempdir = str(place)
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    commands = os.fdopen(os.dup(0), "rb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # a stray print must not end up in a frame
    logging.basicConfig(level=logging.INFO, format="%(asctime)s worker %(process)d %(message)s")
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_take, args=(commands, waiting, place), daemon=True).start()
    threading.Thread(target=_watch, args=(parent, place), daemon=True).start()
    _load()
    _serve(waiting, answers)


def _serve(waiting: queue.SimpleQueue[Any], answers: BinaryIO) -> None:
    from podium.workers.faults import fault_of
    from podium.workers.frames import streamed
    from podium.workers.inside import Inside
    from podium.workers.memory import give_back

    def send(header: dict[str, Any], parts: list[bytes]) -> None:
        for frame in streamed(header, parts):
            for piece in frame:
                view = memoryview(piece)
                while view:
                    view = view[os.write(answers.fileno(), view[: 1 << 20]) :]

    inside = Inside(progress=lambda scanned: send({"progress": list(scanned)}, []))
    warming = _Warming()
    while True:
        fields, parts = waiting.get()
        if fields.get("do") == "begin":
            warming.start_once()
        try:
            if fields.get("do") == "open":
                limit(fields["limits"])
            result, out = inside.do(fields, parts)
            send({"id": fields["id"], "ok": result}, out)
        except BaseException as error:
            logging.getLogger("podium").exception("command %s failed", fields.get("do"))
            send({"id": fields.get("id"), "error": fault_of(error).model_dump()}, [])
        if fields.get("do") == "profile":
            give_back()
            warming.start_once()


class _Warming:
    """Pandera takes most of a second to load: while the first rows are read, or after a profile, never in the way of either."""

    def __init__(self) -> None:
        self._started = False

    def start_once(self) -> None:
        if not self._started:
            self._started = True
            threading.Thread(target=_load_pandera, daemon=True).start()


def limit(limits: dict[str, Any]) -> None:
    """CPU seconds, and no core dump: it would hold rows. Memory is `_watch`'s business, for libraries reserve far more than they use."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if limits["cpu_seconds"]:
        resource.setrlimit(resource.RLIMIT_CPU, (int(limits["cpu_seconds"]), int(limits["cpu_seconds"]) + 1))
    memory = int(limits["memory_mb"]) << 20
    with contextlib.suppress(ValueError, OSError):  # macOS does not hold RLIMIT_AS
        resource.setrlimit(resource.RLIMIT_AS, (memory + RESERVED, memory + RESERVED))
    _ALLOWED.append(memory)


def resident() -> int:
    """Bytes of memory in use; their peak where there is no /proc."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _take(commands: BinaryIO, waiting: queue.SimpleQueue[Any], place: Path) -> None:
    from podium.workers.frames import read

    try:
        while (frame := read(commands)) is not None:
            waiting.put(frame)
    finally:
        _end(place)


def _watch(parent: int, place: Path) -> None:
    while os.getppid() == parent:
        if _ALLOWED and resident() > _ALLOWED[0]:
            os._exit(OVER_MEMORY)  # at once: what misses its files would be told as an error of the data. The session removes them
        time.sleep(WATCH_SECONDS)
    _end(place)


def _end(place: Path) -> None:
    if place.name.startswith("worker-"):
        shutil.rmtree(place, ignore_errors=True)
    os._exit(0)


def _load() -> None:
    import duckdb  # noqa: F401
    import numpy as np  # noqa: F401
    import pyarrow.compute  # noqa: F401


def _load_pandera() -> None:
    from podium.project import load

    try:
        load("schemas.datasource").warm()
    except ImportError:
        logging.getLogger("podium").exception("the contract's library cannot be loaded")


if __name__ == "__main__":
    main()
