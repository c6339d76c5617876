"""Compute: the protocol's conversation with the algorithm's local half, in the worker, part after part of the source."""

from __future__ import annotations

from podium.contracts import Partial
from podium.errors import TaskError
from podium.privacy.successive import Difference
from podium.protocols import Compute
from tasks.case import Case
from tasks.select_datapoints import nothing_new
from tasks.standing import hold_back
from tasks.step import log, step


@step("compute")
async def compute(case: Case) -> None:
    """The partial of this pod. It stays here until the gate has seen it. Raises TaskError (`nothing_new`) where no datapoint was."""
    case.turns = case.protocol.pod()
    case.turn(Compute)
    await case.reading.read()
    tally, unread = case.reading.tally, case.reading.plan.unread
    case.note(rows_read=tally.rows, unchanged=tally.unchanged + unread)
    hold_back(case, Difference(new=tally.new, changed=tally.changed, gone=case.record.gone or 0), total=tally.rows + unread)
    if case.task.new_data_only and not tally.used:
        raise nothing_new()
    await work_out(case)


async def work_out(case: Case) -> None:
    """From the states of all parts, where they add; else from the rows that the worker keeps, at the parameters of this round."""
    if case.by_parts:
        case.partial = await _merged(case)
    else:
        case.partial = await case.worker.compute(case.asked.dump())


async def _merged(case: Case) -> Partial:
    """Where kept states are of another version, or make no sense, they are forgotten, and the run begins again without them."""
    try:
        return await case.worker.merged(case.algorithm.dump(), case.reading.states())
    except TaskError as error:
        if error.code in ("state_version", "bad_state") and case.reading.plan.states and case.record.task_no is not None:
            log.warning("run %s: what was kept of earlier runs cannot be used; all parts are read again: %s", case.id8, error)
            case.desk.history.forget_states(case.record.task_no)
            error.transient = True
        raise
