"""What a running pod says of itself to other processes of its custodian: one small JSON file in the pod's folder."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from podium.errors import PodiumError
from podium.plugin import Frozen

Phase = Literal["starting", "serving", "stopped", "failed"]


class PodState(Frozen):
    """`hub` and `prefect` are `reached` or why not; `datasources` maps a name to `checked`, `partial`, `full` or why it is not served."""

    pid: int
    phase: Phase
    since: int
    hub: str = ""
    prefect: str = ""
    prefect_url: str = ""
    datasources: dict[str, str] = {}
    running: int = 0
    error: dict[str, str] = {}


class StateFile:
    """The writer's side. Only the pod's own process writes, after `begin()`; in any other, `set()` does nothing."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "state.json"

    def begin(self) -> None:
        """This process is the pod from now on."""
        self._write(PodState(pid=os.getpid(), phase="starting", since=int(time.time())))

    def set(self, **fields: Any) -> None:
        """Change some fields, in one atomic step."""
        known = _load(self.path)
        if known is not None and known.pid == os.getpid() and (changed := known.model_copy(update=fields)) != known:
            self._write(changed)

    def datasource(self, name: str, state: str) -> None:
        """Say how one datasource stands."""
        known = _load(self.path)
        self.set(datasources={**(known.datasources if known else {}), name: state})

    def failed(self, error: PodiumError) -> None:
        """The pod did not start, or had to stop: say why and what helps."""
        self.set(phase="failed", error={"code": error.code, "message": error.message, "field": error.field, "remedy": error.remedy})

    def _write(self, state: PodState) -> None:
        temporary = self.path.with_suffix(f".{os.getpid()}")
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(state.model_dump(), indent=1))
        temporary.replace(self.path)


def read_state(folder: Path) -> PodState | None:
    """What the pod last said, with `stopped` in place of a process that is gone; None if it never ran."""
    state = _load(folder / "state.json")
    if state is not None and state.phase in ("starting", "serving") and not _alive(state.pid):
        return state.model_copy(update={"phase": "stopped", "running": 0})
    return state


def _load(path: Path) -> PodState | None:
    try:
        return PodState.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
