"""The story of a standing task that is due: has anything come since it was last answered? Then it is asked again, as a run of its own."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.states import Completed

from flows.parameters import PodName, RunId
from tasks.standing import ask_again


@flow(name="standing-task", flow_run_name="repeat-{task:.8}", persist_result=False, log_prints=False)
async def standing_task(pod: PodName, task: RunId) -> Any:
    """Begin the next repeat of a standing task, if there is something to do. Its schedule starts this; so may a person.

    Args:
        pod: The pod, as name@owner.
        task: The standing task's id, which is that of its first run: 32 characters of 0-9 and a-f. `podium pod status` shows them.
    """
    return Completed(name=await ask_again(pod, task))  # the repeat itself is a `computation`
