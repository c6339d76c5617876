"""What a running pod says of itself to other processes of its custodian: one small JSON file in the pod's folder."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from podium.errors import PodiumError, PodRegistrationError
from podium.files import private_opener
from podium.plugin import Frozen

LOCK = "lock"
REFRESH = "refresh"  # the file that asks a running pod to bring its schemas up to date
Phase = Literal["starting", "serving", "stopped", "failed"]


class RunPace(Frozen):
    """How far a run is: datapoints done, of how many where that is known, how many a second lately, and the seconds left at that pace."""

    done: int
    of: int | None = None
    rate: float = 0.0
    left: int | None = None

    @property
    def percent(self) -> int | None:
        """Whole percents, where it is known of how many."""
        return None if self.of is None else min(100, 100 * self.done // max(1, self.of))

    def __str__(self) -> str:
        far = f"{self.done:,} datapoints" if self.percent is None else f"{self.percent} % of {self.of:,} datapoints"
        left = "" if self.left is None else f", about {self.left:,} s left"
        return f"{far}, {self.rate:,.0f} a second{left}"


class PodState(Frozen):
    """`hub` and `prefect` are `reached` or why not; `datasources` maps a name to `checked`, `partial`, `full` or why it is not served.

    `drift` maps the name of a datasource whose data have changed, which nobody has accepted yet, to `drift` or `break`.
    `scanning`: how far the full schema of a datasource is, while it is being taken.
    `under_way`: how far each run is that takes its time, by its id.
    `refreshed`: when the last refresh of all schemas that was asked for and is done began, in nanoseconds of this machine's own clock.
    """

    pid: int
    phase: Phase
    since: int
    hub: str = ""
    prefect: str = ""
    prefect_url: str = ""
    datasources: dict[str, str] = {}
    drift: dict[str, str] = {}
    scanning: dict[str, str] = {}
    under_way: dict[str, RunPace] = {}
    running: int = 0
    refreshed: int = 0
    error: dict[str, str] = {}


class StateFile:
    """The writer's side. The pod's own process writes, after `begin()`; any other may only say how datasources stand."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "state.json"

    @property
    def mine(self) -> bool:
        """Whether this process is the pod, and not one that Prefect started beside it."""
        known = _load(self.path)
        return known is not None and known.pid == os.getpid()

    def begin(self) -> None:
        """This process is the pod from now on."""
        self._write(PodState(pid=os.getpid(), phase="starting", since=int(time.time())))

    def set(self, **fields: Any) -> None:
        """Change some fields, in one atomic step."""
        with self._one_writer():
            known = _load(self.path)
            if known is not None and known.pid == os.getpid() and (changed := known.model_copy(update=fields)) != known:
                self._write(changed)

    def datasource(self, name: str, state: str) -> None:
        """Say how one datasource of a pod that is up stands."""
        self._say("datasources", name, state)

    def scanning(self, name: str, how_far: str) -> None:
        """Say how far the full schema of one datasource is; nothing when it is done."""
        self._say("scanning", name, how_far)

    def drifted(self, name: str, level: str) -> None:
        """Say how gravely the data of one datasource have changed; empty: not, or it was accepted."""
        self._say("drift", name, level)

    def pace(self, run: str, pace: RunPace | None) -> None:
        """Say how far a run is; None when it is not under way any more."""
        with self._one_writer():
            known = _load(self.path)
            if known is not None and known.under_way.get(run) != pace and runs(self.path.parent):
                others = {name: value for name, value in known.under_way.items() if name != run}
                self._write(known.model_copy(update={"under_way": others if pace is None else {**others, run: pace}}))

    def _say(self, field: Literal["datasources", "scanning", "drift"], name: str, text: str) -> None:
        with self._one_writer():
            known = _load(self.path)
            said: dict[str, str] = getattr(known, field) if known is not None else {}
            if known is not None and said.get(name, "") != text and runs(self.path.parent):
                changed = {key: value for key, value in {**said, name: text}.items() if value}
                self._write(known.model_copy(update={field: changed}))

    def failed(self, error: PodiumError) -> None:
        """The pod did not start, or had to stop: say why and what helps."""
        self.set(phase="failed", error={"code": error.code, "message": error.message, "field": error.field, "remedy": error.remedy})

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        with open(self.path.with_suffix(".lock"), "a", opener=private_opener) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _write(self, state: PodState) -> None:
        temporary = self.path.with_suffix(f".{os.getpid()}")
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(state.model_dump(), indent=1))
        temporary.replace(self.path)


def read_state(folder: Path) -> PodState | None:
    """What the pod last said, with `stopped` in place of a process that is gone; None if it never ran."""
    state = _load(folder / "state.json")
    if state is not None and state.phase in ("starting", "serving") and not runs(folder):
        return state.model_copy(update={"phase": "stopped", "running": 0, "under_way": {}})
    return state


def _load(path: Path) -> PodState | None:
    try:
        return PodState.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the one process of this pod. Raises PodRegistrationError when another is; the kernel drops the lock with the process."""
    with (folder / LOCK).open("a") as lock:
        for last in (*[False] * 10, True):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if last:
                    name, remedy = "/".join(folder.parts[-2:]), "Stop it first, or give this one another name."
                    raise PodRegistrationError(f"{name} is running already.", field="pod", remedy=remedy) from None
                time.sleep(0.05)  # somebody may only be looking
        yield


def runs(folder: Path) -> bool:
    """Whether a process of this pod is alive."""
    try:
        with (folder / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
