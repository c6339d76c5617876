"""Trying quarantined datapoints of a question again: the custodian's word that they are worth another look.

History is appended to, also here. For each part that holds such datapoints the last counted run gets one more batch, whose events say that
they are gone: so they are unknown, and new to the next run. The batch has no token, so that its part stands as never read, and the question
loses its own: else a source that has not changed would not be read. The part's kept state goes with it, and is made again.
"""

from __future__ import annotations

import time

from sqlalchemy import and_, insert, select, text
from sqlmodel import Session

from podium.contracts import FINAL, Outcome
from podium.errors import TaskError
from schemas.datapoints import TaskRecord
from schemas.stores import PodDatabase
from schemas.tables import BATCH, DATAPOINT, QUARANTINE, RUN, TURN, at_once, swept_key

RETRIED = b"retried"  # in the place of the contract's digest: what tells such a batch from others


def retry(database: PodDatabase, task_no: int, key: bytes | None = None) -> int:
    """Make the quarantined datapoints of a question unknown, or the one with this key; how many. One transaction.

    Raises TaskError (`at_work`) while a run of the question is open: it knows them as they were, and would go on without them.
    """
    with database.transaction() as session:
        if session.get_bind().dialect.name == "postgresql":  # on SQLite every transaction is alone anyhow
            session.execute(text("LOCK TABLE run IN SHARE ROW EXCLUSIVE MODE"))
        task = session.get_one(TaskRecord, task_no)
        _check_idle(session, task_no)
        by_part = _quarantined(session, task_no, key)
        counted = select(RUN.c.no).where(RUN.c.task_no == task_no, RUN.c.counted)
        last = session.execute(counted.order_by(TURN.desc(), RUN.c.no.desc())).scalars().first()
        if not by_part or last is None:
            return 0
        task.token = ""
        taken = session.execute(select(BATCH.c.no).where(BATCH.c.run_no == last).order_by(BATCH.c.no.desc())).scalars().first()
        for no, (part, keys) in enumerate(by_part.items(), start=0 if taken is None else taken + 1):
            _write(session, last, no, part=part, keys=keys)
        return sum(len(keys) for keys in by_part.values())


def _check_idle(session: Session, task_no: int) -> None:
    still_open = select(RUN.c.id).where(RUN.c.task_no == task_no, RUN.c.status.not_in(tuple(FINAL)))
    run = session.execute(still_open).scalars().first()
    if run is not None:
        remedy = "Wait for its end, or cancel it, and try again."
        raise TaskError(f"run {run[:8]} of this question is still open.", field="--task", remedy=remedy, code="at_work")


def _quarantined(session: Session, task_no: int, key: bytes | None) -> dict[str, list[bytes]]:
    """The keys of those whose newest event is the quarantine, by the part that they were met in last."""
    batches = select(TURN.label("turn"), BATCH.c.run_no, BATCH.c.no, BATCH.c.part).join(RUN, RUN.c.no == BATCH.c.run_no)
    places = at_once(batches.where(RUN.c.task_no == task_no, RUN.c.counted), "places")
    here = and_(DATAPOINT.c.run_no == places.c.run_no, DATAPOINT.c.batch == places.c.no)
    events = select(DATAPOINT.c.key, DATAPOINT.c.outcome, places.c.part).select_from(places).join(DATAPOINT, here)
    if key is not None:
        events = events.where(DATAPOINT.c.key == key)
    else:
        ever = select(QUARANTINE.c.key).join(RUN, RUN.c.no == QUARANTINE.c.run_no).where(RUN.c.task_no == task_no, RUN.c.counted)
        suspects = at_once(ever.distinct(), "ever")
        events = events.join(suspects, suspects.c.key == swept_key())
    events = events.order_by(places.c.turn, places.c.run_no, places.c.no)
    newest = {event.key: event for event in session.execute(events)}
    by_part: dict[str, list[bytes]] = {}
    for each, event in sorted(newest.items()):
        if event.outcome == Outcome.QUARANTINED:
            by_part.setdefault(event.part, []).append(each)
    return by_part


def _write(session: Session, run_no: int, no: int, *, part: str, keys: list[bytes]) -> None:
    none = dict.fromkeys(("rows", "used", "new", "changed", "unchanged", "quarantined"), 0)
    batch = {"run_no": run_no, "no": no, "part": part, "token": "", "contract": RETRIED, "at": int(time.time()), **none}
    session.execute(insert(BATCH).values(**batch, failures="", whole=False, unseen=b""))
    gone = {"run_no": run_no, "batch": no, "fingerprint": bytes(16), "outcome": int(Outcome.GONE)}
    session.execute(insert(DATAPOINT), [{**gone, "key": key} for key in keys])
