"""The story of a question to the custodian: may this task run? Suspended in Prefect's UI, it holds nothing until she answers."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.flow_runs import asuspend_flow_run

from tasks.brief import form, open_question
from tasks.take_down import take_down
from tasks.to_do import ending


@flow(name="approval", flow_run_name="approve-{run:.8}", persist_result=False, log_prints=False)
async def approval(pod: str, run: str) -> Any:
    """Ask whether the run `run` of the pod `name@owner` may go on. Prefect starts this again, from the top, when somebody has answered."""
    desk, asked = await open_question(pod, run)
    if not asked.decision:
        said = await asuspend_flow_run(wait_for_input=form(desk, asked))
        asked = await take_down(desk, asked, said)  # into the pod's tables, where the pod finds it
    return ending(asked)
