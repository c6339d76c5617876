"""What one worker session may use."""

from __future__ import annotations

from pydantic import Field

from podium.plugin import Frozen

OVER_MEMORY = 77  # the exit status of a worker that used up its memory


class Limits(Frozen):
    """Wall seconds of one command, CPU seconds of the session (0: no limit), and resident memory of the process in MiB."""

    memory_mb: int = Field(default=4096, ge=64)
    seconds: float = Field(default=3600, gt=0)
    cpu_seconds: int = Field(default=0, ge=0)
