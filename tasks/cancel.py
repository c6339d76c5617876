"""Cancel: end a run because a person says so, the analyst or the custodian. First the tables, then what is being done, then Prefect."""

from __future__ import annotations

from podium.contracts import Status
from podium.timeline import timeline
from schemas.cancels import CUSTODIAN
from tasks.case import Case
from tasks.desk import Desk


def cancel(desk: Desk, run: str) -> bool:
    """End an open run as `cancelled`, wherever it stands; False where it has ended already. Call it in the pod's own process.

    Once this returns, no crash brings the run back. A computation that is under way loses its worker and its place, sends the reply and
    gives its flow run the state Cancelled; where none is, the supervisor does the last two. Raises KeyError when there is no such run.
    """
    case = Case(desk, desk.runs.get(run))
    if not case.open:
        return False
    header = desk.header_of(case.record)
    if case.record.analyst or desk.cancels.wanted(run, analyst=header.from_key):
        case.end_unread(Status.CANCELLED, code="cancelled")
        timeline("cancelled", run=case.id8)
        desk.stops.ask(run)
    else:  # whether she wrote it is not known yet: `admit` looks here when it is
        desk.cancels.keep(run, analyst=CUSTODIAN, expires=header.exp)
    return True
