"""What makes two tasks the same question, as far as datapoints are concerned."""

from __future__ import annotations

import hashlib

from podium.contracts import Task, canonical

CODE_VERSION = 1  # raise it when an algorithm's arithmetic changes: every datapoint is then new to it


def task_key(task: Task, *, standing: str = "") -> bytes:
    """16 bytes: SHA-256 over datasource, protocol, algorithm with its parameters and columns, and the code version.

    `standing`: the first run of a standing task, whose repeats are one question, and no one else's.
    """
    fields = {"datasource": task.datasource, "protocol": task.protocol, "algorithm": task.algorithm, "code": CODE_VERSION}
    fields |= {"standing": standing} if standing else {}
    return hashlib.sha256(b"podium-task/1\n" + canonical(fields)).digest()[:16]
