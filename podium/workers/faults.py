"""Errors on their way out of a worker: ours as they are, anything else by its type alone, for its text may quote a cell."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from podium.errors import ConfigError, DataSourceError, PodiumError, TaskError, UnknownKind, WorkerError
from podium.plugin import Frozen

_FAMILIES: dict[str, type[PodiumError]] = {cls.__name__: cls for cls in (ConfigError, DataSourceError, TaskError, UnknownKind, WorkerError)}
_MEMORY = ("MemoryError", "ArrowMemoryError", "OutOfMemoryException", "_ArrayMemoryError")


class Fault(Frozen):
    """An error as a frame carries it."""

    family: str
    code: str = Field(pattern=r"^[a-z0-9_]{1,40}$")
    message: str = Field(max_length=1000)
    field: str = Field(default="", max_length=300)
    remedy: str = Field(default="", max_length=1000)
    transient: bool = False


def fault_of(error: BaseException) -> Fault:
    """What may be said of the error outside the worker."""
    if isinstance(error, PodiumError):
        known = next((name for name, cls in _FAMILIES.items() if type(error) is cls), "WorkerError")
        texts = {"message": error.message[:1000], "field": error.field[:300], "remedy": error.remedy[:1000]}
        return Fault(family=known, code=error.code, transient=error.transient, **texts)
    name = type(error).__name__
    if name in _MEMORY or (isinstance(error, OSError) and "out of memory" in str(error).lower()):  # DuckDB's, by way of an Arrow reader
        remedy = "Are there values of many megabytes? Else raise `worker_memory_mb` under limits."
        return Fault(family="WorkerError", code="worker_memory", message="the worker reached its memory limit.", remedy=remedy)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        message, remedy = "there is no room to work in.", "Make room below PODIUM_HOME."
        return Fault(family="WorkerError", code="no_room", message=message, remedy=remedy)
    return Fault(family="WorkerError", code="worker_error", message=f"the worker failed with {name}; its log has the reason.")


def error_of(raw: Any, *, log: Path | None = None) -> PodiumError:
    """The error of a frame, to be raised by the session. A worker is not trusted: what does not fit is nonsense. `log`: the worker's."""
    try:
        fault = Fault.model_validate(raw)
    except ValidationError:
        return WorkerError("the worker's answer cannot be understood.", code="worker_nonsense")
    family = _FAMILIES.get(fault.family, WorkerError)
    remedy = f"Read the end of {log}." if log and fault.code == "worker_error" else _plain(fault.remedy)
    error = family(_plain(fault.message), field=_plain(fault.field), remedy=remedy, code=fault.code)
    error.transient = fault.transient
    return error


def _plain(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)
