"""The standing tasks of a pod, as its custodian sees and ends them. The pod's tables are read and written, whether or not it runs."""

from __future__ import annotations

import re
import time
from typing import Any


def standing_tasks(pod: str) -> list[dict[str, Any]]:
    """The tasks that this pod asks again by itself, the oldest first; none for one that has no tables yet, or none that can be read."""
    from podium.config import saved_pod
    from podium.errors import PodiumError

    try:
        config = saved_pod(pod)
        if not config.history.url and not (config.folder / "pod.db").is_file():
            return []
        tasks, runs = _stores(pod)
    except PodiumError:
        return []
    return [_fields(one, runs.get(one.run)) for one in tasks.standing()]


def end_task(pod: str, prefix: str) -> str:
    """End the standing task whose id begins like this; its id. The pod tells the analyst. Raises ConfigError."""
    from podium.errors import ConfigError

    tasks, _ = _stores(pod)
    good = re.fullmatch("[0-9a-f]{4,32}", prefix)
    found = [one.run for one in tasks.standing() if one.run.startswith(prefix)] if good else []
    if len(found) != 1:
        many = "more than one standing task begins with" if found else "no task stands here whose id begins with"
        raise ConfigError(f"{many} {prefix[:40]!r}.", field="--task", remedy=f"See: podium pod status {pod}")
    tasks.end(found[0], by="custodian", now=int(time.time()))
    return str(found[0])


def line(task: dict[str, Any]) -> str:
    """One of them in a line."""
    return f"  standing task {task['task'][:8]}: {task['algorithm']} on {task['datasource']} for {task['alias']}, {task['repeats']}"


def _fields(one: Any, run: Any) -> dict[str, Any]:
    return {
        "task": one.run,
        "alias": run.alias,
        "algorithm": run.algorithm,
        "datasource": run.datasource,
        "repeats": one.repeat.words,
        "last": one.next_no - 1,
        "released_at": one.released_at,
    }


def _stores(pod: str) -> tuple[Any, Any]:
    from podium import project
    from podium.config import saved_pod

    config = saved_pod(pod)
    database = project.load("schemas.stores").PodDatabase.of(folder=config.folder, url=config.history.url, pod=pod)
    return project.load("schemas.standing").StandingStore(database), project.load("schemas.runs").RunStore(database)
