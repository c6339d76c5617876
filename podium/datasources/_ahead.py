"""Read on while what was read is looked at."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
WAIT = 0.2


@dataclass(frozen=True)
class _End:
    error: BaseException | None = None


def ahead(items: Iterator[T], *, most: int = 2) -> Generator[T]:
    """The same items; a thread makes the next `most` of them meanwhile. What the thread raises is raised here."""
    ready: queue.Queue[T | _End] = queue.Queue(most)
    unwanted = threading.Event()

    def put(item: T | _End) -> None:
        while not unwanted.is_set():
            with contextlib.suppress(queue.Full):
                ready.put(item, timeout=WAIT)
                return

    def read() -> None:
        try:
            for item in items:
                put(item)
                if unwanted.is_set():
                    break
            put(_End())
        except BaseException as error:  # noqa: BLE001 raised where the items are used
            put(_End(error))

    reader = threading.Thread(target=read, name="reads ahead", daemon=True)
    reader.start()
    try:
        while not isinstance(item := ready.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        unwanted.set()
        reader.join()
