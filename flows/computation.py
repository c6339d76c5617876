"""The story of one task at one pod: who asks, may they, which rows, what leaves."""

from __future__ import annotations

from typing import Any

from prefect import flow

from flows.parameters import PodName, RunId
from tasks.admit import admit
from tasks.approve import approved, put_away
from tasks.case import open_case, rows, to_an_end
from tasks.compute import compute
from tasks.converse import converse
from tasks.finish import finish
from tasks.record import record
from tasks.release import release
from tasks.reply import reply
from tasks.see_through import see_through
from tasks.select_datapoints import select_datapoints
from tasks.show import show_run
from tasks.validate import validate


@flow(name="computation", flow_run_name="compute-{run:.8}", retries=2, retry_delay_seconds=1, persist_result=False, log_prints=False)
async def computation(pod: PodName, run: RunId) -> Any:
    """Carry one run from the sealed task to the sealed reply. Its two ids are all that Prefect is told.

    Every step may be the last before a crash: a run taken up again goes on from what the pod's tables say.

    Args:
        pod: The pod, as name@owner.
        run: The run's id, 32 characters of 0-9 and a-f. One that has ended is shown as it ended, and nothing is done again.
    """
    if (ended := await see_through(pod, run)) is not None:  # a person asked: the pod's own process has the run in hand
        return ended
    case = await open_case(pod, run)
    if case.open:
        async with to_an_end(case):
            await admit(case)  # the decision is on disk before a row is read
            if not await approved(case):  # the custodian is asked: the run goes on with her answer, and holds nothing until then
                return put_away()
            if not case.rounds:  # a run of many rounds that is taken up again has its first behind it
                async with rows(case):  # a child process, which alone reads rows
                    await select_datapoints(case)  # what is known, and what has to be read
                    await compute(case)  # part after part; each is on disk before the next
                    await validate(case)
                await release(case)  # the one gate
                await record(case)  # status, result, history and sealed reply in one transaction
            if case.open:
                await converse(case)  # every further round; waiting for the analyst it holds nothing
    await reply(case)
    await show_run(case)
    return await finish(case)
