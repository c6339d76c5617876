"""Select: what this question has used before, and which parts of the source the run must read."""

from __future__ import annotations

from podium.errors import TaskError
from podium.timeline import timeline
from tasks.case import Case
from tasks.reading import Reading
from tasks.step import step


@step("select")
async def select_datapoints(case: Case) -> None:
    """Raises TaskError (`nothing_new`) where new data are asked for and the source has not changed at all."""
    case.reading = Reading(case)
    if not await case.reading.survey():
        case.note(rows_read=0, unchanged=case.reading.standing.total)
        raise nothing_new()
    await case.reading.begin()
    timeline("datapoints selected", run=case.id8, parts=len(case.reading.plan.read))


def nothing_new() -> TaskError:
    """The end of a run on new data that has found none."""
    return TaskError("There is nothing new since this task last ran.", status="suppressed", code="nothing_new")
