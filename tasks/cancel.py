"""Cancel: end a run because a person says so: the custodian in Prefect's UI or on her command line, or the analyst who asked."""

from __future__ import annotations

from podium.contracts import Status
from tasks.case import Case
from tasks.desk import Desk
from tasks.step import log

WAITING = frozenset({Status.PENDING_APPROVAL, Status.HELD_FOR_RELEASE})  # for a person: no flow run has them in hand


def cancel(desk: Desk, run: str) -> bool:
    """Have an open run end as `cancelled`, its analyst told; False where it has ended already. Call it in the pod's own process.

    One that reads rows or waits for its turn is stopped by its own flow run, which frees its worker and its slot.
    """
    record = desk.runs.get(run)
    if record.status.final:
        return False
    log.info("run %s is to be cancelled", run[:8])
    if record.status in WAITING:
        Case(desk, run).end_unread(Status.CANCELLED, code="cancelled")
    else:
        desk.stops.ask(run)
    return True
