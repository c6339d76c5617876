"""End a pod's process from elsewhere: asked in good order, and only after it was seen to be that pod's process.

The pod's lock says that a process of this pod lives, its state file says which. A pid alone is never believed: the file may be left
over, and the number may be somebody else's by now.
"""

from __future__ import annotations

import time
from pathlib import Path

import psutil  # type: ignore[import-untyped, unused-ignore]

from podium.config import pod_folder
from podium.errors import PodRegistrationError
from podium.state import read_state, runs

FOUND_SECONDS = 3.0  # a pod that has just begun has its lock before it has written its state


def ask_to_end(identifier: str) -> bool:
    """Send SIGTERM to the pod's process. False when none runs. Raises PodRegistrationError when it cannot be told which one it is."""
    folder = pod_folder(identifier)
    deadline = time.monotonic() + FOUND_SECONDS
    while runs(folder):
        try:
            if (process := _process(identifier, folder)) is not None:
                process.terminate()  # psutil looks once more whether the pid still is that process
                return True
        except psutil.NoSuchProcess:
            pass
        except psutil.AccessDenied:
            raise PodRegistrationError(f"{identifier} runs as another user.", field="POD", remedy="Stop it as that user.") from None
        if time.monotonic() > deadline:
            raise PodRegistrationError(
                f"{identifier} is running, and its state file does not name its process.",
                field="POD",
                remedy="End the process that it was started in.",
            )
        time.sleep(0.05)
    return False


def wait_for_end(identifier: str, *, seconds: float) -> None:
    """Wait until the pod's lock is free. Raises PodRegistrationError after so many seconds."""
    folder = pod_folder(identifier)
    deadline = time.monotonic() + seconds
    while runs(folder):
        if time.monotonic() > deadline:
            state = read_state(folder)
            raise PodRegistrationError(
                f"{identifier} has been asked to end, and did not within {seconds:g} s.",
                field="POD",
                remedy=f"Wait longer (--timeout), or end it the hard way: kill -9 {state.pid if state else 'PID'}. "
                "What it was doing is taken up when it starts again.",
            )
        time.sleep(0.05)


def _process(identifier: str, folder: Path) -> psutil.Process | None:
    """The process that the state file names, if its command line is that of this pod."""
    state = read_state(folder)
    if state is None or state.phase not in ("starting", "serving"):
        return None
    process = psutil.Process(state.pid)
    words = process.cmdline()
    return process if "podium.runner" in words and identifier in words else None
