"""The story of a question to the custodian: may this task run? Suspended in Prefect's UI, it holds nothing until she answers."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.flow_runs import asuspend_flow_run

from flows.parameters import PodName, RunId
from tasks.brief import form, open_question
from tasks.take_down import take_down
from tasks.to_do import last_state


@flow(name="approval", flow_run_name="approve-{run:.8}", persist_result=False, log_prints=False)
async def approval(pod: PodName, run: RunId) -> Any:
    """Ask whether a run may go on. Prefect starts this again, from the top, when somebody has answered.

    Args:
        pod: The pod, as name@owner.
        run: The run's id, 32 characters of 0-9 and a-f. The pod asks about it by itself; a second question changes nothing.
    """
    desk, asked = await open_question(pod, run)
    if not asked.decision:
        said = await asuspend_flow_run(wait_for_input=form(desk, asked))
        asked = await take_down(desk, asked, said)  # into the pod's tables, where the pod finds it
    return last_state(asked)
