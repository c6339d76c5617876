"""Compute: the protocol's conversation with the algorithm's local half, in the worker, part after part of the source."""

from __future__ import annotations

from podium.privacy.successive import Difference
from podium.protocols import Compute
from tasks.case import Case
from tasks.select_datapoints import nothing_new
from tasks.standing import hold_back
from tasks.step import step


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
        case.partial = await case.worker.merged(case.algorithm.dump(), case.reading.states())
    else:
        case.partial = await case.worker.compute(case.asked.dump())
