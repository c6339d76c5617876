"""What a Prefect task is here: one step that a person wants to see in the timeline.

Prefect keeps the text of exceptions in seven columns, so a step lets out a code and nothing else; what happened goes to the pod's
own log. Results are never persisted, inputs never hashed, prints never shipped.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.tasks import exponential_backoff

from podium.errors import PodiumError, TaskError

P = ParamSpec("P")
R = TypeVar("R")
log = logging.getLogger("podium.pod")


class StepFailed(Exception):
    """All that Prefect learns of a failure is `code`; `message` and `remedy` stay local; `status` is what the run becomes in the end."""

    def __init__(self, code: str, *, transient: bool = False, status: str = "failed", message: str = "", remedy: str = "") -> None:
        self.code, self.transient, self.status = code, transient, status
        self.message, self.remedy = message, remedy
        super().__init__(code)


def step(name: str, *, retries: int = 0, seconds: float | None = None) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]:
    """Make an async function a Prefect task. Retries follow on transient codes only, with exponential back-off and jitter."""

    def wrap(body: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        made: Any = task(
            name=name,
            task_run_name=name,
            retries=retries,
            retry_delay_seconds=exponential_backoff(1) if retries else 0,
            retry_jitter_factor=0.5 if retries else None,
            retry_condition_fn=_worth_another_try,
            timeout_seconds=seconds,
            persist_result=False,
            cache_policy=NO_CACHE,
            log_prints=False,
        )
        return made(coded(body))  # type: ignore[no-any-return]

    return wrap


def coded(body: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Let only `StepFailed` out of an async function, and no cause behind it."""

    @functools.wraps(body)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await body(*args, **kwargs)
        except StepFailed:
            raise
        except PodiumError as error:
            log.warning("%s: %s: %s", body.__name__, error.code, error)
            status = error.status if isinstance(error, TaskError) else "failed"
            failed = StepFailed(error.code, transient=error.transient, status=status, message=error.message, remedy=error.remedy)
        except Exception:
            log.exception("%s failed", body.__name__)
            failed = StepFailed("internal")
        raise failed from None

    return guarded


def _worth_another_try(_task: Any, _task_run: Any, state: Any) -> bool:
    return isinstance(state.data, StepFailed) and state.data.transient
