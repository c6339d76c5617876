"""What of the run history goes when it is old: events that newer ones have replaced, with what hung on them. What stands, stays."""

from __future__ import annotations

from sqlalchemy import text
from sqlmodel import Session, col, delete, select

from podium.contracts import FINAL, Outcome
from schemas.datapoints import BatchRecord, DatapointRecord, DatapointResultRecord, QuarantineRecord, TaskRecord
from schemas.opening import snapshot
from schemas.records import RunRecord
from schemas.stores import PodDatabase

AT_ONCE = 10_000

# A datapoint's events, the newest first. What is gone can be forgotten too, but only once nothing older is left that would come back. One
# that has only moved since it was given a result keeps it.
_SUPERSEDED = text("""
    SELECT run_no, batch, "key" FROM (
        SELECT datapoint.run_no, datapoint.batch, datapoint."key", datapoint.outcome, run.finished_at,
            ROW_NUMBER() OVER (PARTITION BY datapoint."key" ORDER BY run.counted_no DESC, datapoint.batch DESC) AS place,
            ROW_NUMBER() OVER (
                PARTITION BY datapoint."key", datapoint.outcome = :moved ORDER BY run.counted_no DESC, datapoint.batch DESC
            ) AS said,
            COUNT(*) OVER (PARTITION BY datapoint."key") AS events
        FROM datapoint JOIN run ON run.no = datapoint.run_no
        WHERE run.task_no = :task_no AND run.counted
    ) AS event
    WHERE finished_at < :before AND (place > 1 OR (outcome = :gone AND events = 1)) AND NOT (
        said = 1 AND outcome = :done
        AND EXISTS (SELECT 1 FROM datapoint_result AS given WHERE given.run_no = event.run_no AND given.batch = event.batch)
    )
""")
_NUMBERS = {"done": int(Outcome.DONE), "gone": int(Outcome.GONE), "moved": int(Outcome.MOVED)}
_TAKE_AWAY = tuple(
    text(f'DELETE FROM {table} WHERE run_no = :run_no AND batch = :batch AND "key" = :key')  # noqa: S608
    for table in ("datapoint", "quarantine")
)
# Batches that are not the last word on their part, by a run that is old enough: their states merge into nothing any more.
_REPLACED = """
    SELECT run_no, no FROM (
        SELECT batch.run_no, batch.no, run.finished_at,
            ROW_NUMBER() OVER (PARTITION BY run.task_no, batch.part ORDER BY run.counted_no DESC, batch.no DESC) AS place
        FROM batch JOIN run ON run.no = batch.run_no
        WHERE run.counted
    ) AS kept
    WHERE place > 1 AND finished_at < :before
"""
_EMPTY = "NOT EXISTS (SELECT 1 FROM datapoint WHERE datapoint.run_no = batch.run_no AND datapoint.batch = batch.no)"
_BATCHES = (
    text(f"DELETE FROM batch WHERE (run_no, no) IN ({_REPLACED}) AND {_EMPTY}"),  # noqa: S608
    text(f"UPDATE batch SET state = NULL, unseen = :nothing WHERE (run_no, no) IN ({_REPLACED}) AND state IS NOT NULL"),  # noqa: S608
)


def drop(session: Session, run_no: int) -> None:
    """Take away what a run wrote: it does not count, or begins again."""
    for table in (DatapointRecord, DatapointResultRecord, QuarantineRecord, BatchRecord):
        session.exec(delete(table).where(col(table.run_no) == run_no))


def prune(database: PodDatabase, before: int) -> int:
    """How many events were removed. It goes a step at a time, so that nobody waits long; what was broken off is done the next day."""
    with database.transaction() as session:
        _sweep(session)
        old = select(TaskRecord.no).join(RunRecord).where(RunRecord.counted, col(RunRecord.finished_at) < before)
        due = session.exec(old.distinct()).all()
    removed = sum(_forget(database, task_no, before) for task_no in due)
    with database.transaction() as session:
        session.execute(_BATCHES[0], {"before": before})
        session.execute(_BATCHES[1], {"before": before, "nothing": b""})
    return removed


def _sweep(session: Session) -> None:
    """What runs wrote that have ended and do not count. They took it away themselves, unless something broke."""
    runs = select(RunRecord.no).where(col(RunRecord.status).in_(FINAL), ~col(RunRecord.counted))
    left = "EXISTS (SELECT 1 FROM batch WHERE batch.run_no = run.no)"
    for run in session.exec(runs.where(text(left))).all():
        assert run is not None
        drop(session, run)


def _forget(database: PodDatabase, task_no: int | None, before: int) -> int:
    removed = 0
    with snapshot(database.engine) as connection:
        which = {"task_no": task_no, "before": before, **_NUMBERS}
        rows = connection.execution_options(stream_results=True).execute(_SUPERSEDED, which)
        for chunk in rows.partitions(AT_ONCE):
            events = [event._asdict() for event in chunk]
            with database.transaction() as session:
                for statement in _TAKE_AWAY:
                    session.connection().execute(statement, events)
            removed += len(events)
    return removed
