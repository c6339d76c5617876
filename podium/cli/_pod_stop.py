"""`podium pod stop`."""

from __future__ import annotations

from typing import Annotated

import typer

from podium.cli._frame import JsonFlag, emit

Pod = Annotated[str, typer.Argument(metavar="POD", help="OWNER/NAME, NAME or the pod file.", show_default=False)]


def stop(
    pod: Pod = "",
    every: Annotated[bool, typer.Option("--all", help="Every pod of this PODIUM_HOME.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for the end of it.")] = 30.0,
    task: Annotated[str, typer.Option("--task", metavar="TASK", help="End this standing task only, and let the pod go on.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """End a running pod in good order, and wait until it has ended; or with --task one task that it asks again by itself."""
    from podium.cli._pods import find_pod, known_pods
    from podium.errors import ConfigError, PodRegistrationError
    from podium.runner.stop import ask_to_end, wait_for_end

    if bool(pod) == every:
        raise ConfigError("name one pod, or say --all.", field="POD", remedy="podium pod status shows the pods that are here.")
    if task:
        _end_task(pod, task, as_json=as_json)
        return
    meant = known_pods() if every else [find_pod(pod)]
    failures: list[PodRegistrationError] = []
    asked: list[str] = []
    for one in meant:  # all are asked before the first is waited for
        try:
            asked += [one] if ask_to_end(one) else []
        except PodRegistrationError as error:
            failures.append(error)
    for one in asked:
        try:
            wait_for_end(one, seconds=timeout)
        except PodRegistrationError as error:
            failures.append(error)
    if failures:
        raise failures[0]
    idle = [one for one in meant if one not in asked]
    lines = [f"{one} has stopped." for one in asked] or [f"{one} was not running." for one in idle if not every]
    emit({"stopped": asked, "not_running": idle}, as_json=as_json, human="\n".join(lines) or "No pod of this PODIUM_HOME is running.")


def _end_task(pod: str, task: str, *, as_json: bool) -> None:
    from podium.cli._pod_standing import end_task
    from podium.cli._pods import find_pod
    from podium.errors import ConfigError

    if not pod:
        raise ConfigError("name the pod whose task is meant.", field="POD", remedy="podium pod status shows the pods that are here.")
    one = find_pod(pod)
    ended = end_task(one, task)
    emit({"pod": one, "ended": ended}, as_json=as_json, human=f"Task {ended[:8]} stands no more at {one}; its analyst is told.")
