"""The access manager: a program of the custodian's own that is asked after the grants have said yes. It can only say no."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol, runtime_checkable

from podium.plugin import Frozen
from podium.policy.decide import Request

SAID_NO, FAILED = "access_manager", "access_manager_failed"


class TaskView(Frozen):
    """What an access manager is shown of a task: who asks (her key's fingerprint), for what, of which columns; and the task's digest."""

    analyst: str
    algorithm: str
    datasource: str
    columns: tuple[str, ...]
    digest: str

    @classmethod
    def of(cls, request: Request) -> TaskView:
        """The view of a request."""
        return cls(
            analyst=request.analyst,
            algorithm=request.algorithm,
            datasource=request.datasource,
            columns=request.columns,
            digest=request.task_digest,
        )


@runtime_checkable
class AccessManager(Protocol):
    """Any object with this method, plain or async. Only `True` is a yes."""

    def check(self, task: TaskView) -> bool | Awaitable[bool]:
        """Whether the task may be carried out."""
        ...
