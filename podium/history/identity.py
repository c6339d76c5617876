"""What makes two tasks the same question, as far as datapoints are concerned."""

from __future__ import annotations

import hashlib

from podium.contracts import Task, canonical
from podium.history import fingerprints

CODE_VERSION = 2  # raise it when an algorithm's arithmetic changes: every datapoint is then new to it


def task_key(task: Task, *, standing: str = "") -> bytes:
    """16 bytes: SHA-256 over datasource, protocol, algorithm with its parameters and columns, code version and version of fingerprints.

    When a task is asked (`new_data_only`, `repeat`) makes it no other question. But `standing`, the first run of a standing task, does: its
    repeats are one question, and no one else's.
    """
    versions = {"code": CODE_VERSION, "fingerprints": fingerprints.VERSION}
    fields = {"datasource": task.datasource, "protocol": task.protocol, "algorithm": task.algorithm, **versions}
    fields |= {"standing": standing} if standing else {}
    return hashlib.sha256(b"podium-task/2\n" + canonical(fields)).digest()[:16]
