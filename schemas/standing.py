"""The standing tasks of a pod: tasks that are asked again by themselves. This table is the truth; Prefect's schedules show it.

A row is made when the first run is admitted, before a row of data is read. Whatever a run of it comes to is written here in the
transaction that ends that run: so no crash can count a repeat twice, or leave a task standing that has ended. A repeat is a run of its
own, with its decision, whose id follows from the first run and the number: asked for twice, it is one.
"""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import or_
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select, update

from podium.contracts import FINAL, Released, Status
from podium.repeating import repeat_id
from schemas.records import ResultRecord, RunRecord
from schemas.standing_record import StandingRecord
from schemas.stores import PodDatabase

CUSTODIAN, ANALYST, OVER = "custodian", "analyst", "until"  # who, or what, ended it; else the status of the run that did
_NO_NEWS = frozenset({"nothing_new", "not_grown"})
_PASSING = frozenset({"drift", "no_schema"})  # rejected today, and perhaps not the next time


def stands(record: StandingRecord, run: RunRecord, status: Status, code: str, *, now: int) -> bool:
    """Whether the task goes on standing once this run of it ends like that. `code` is the pod's own, not what the analyst is told.

    One that a person has ended is not asked again, but its analyst gets one more reply, so that this is not the last.
    """
    if now >= record.until:
        return False
    if status is Status.REJECTED and code in _PASSING:
        return bool(run.standing)
    lasting = (Status.RELEASED, Status.SUPPRESSED, Status.FAILED) if run.standing else (Status.RELEASED, Status.SUPPRESSED)
    return status in lasting


def told(record: StandingRecord, run: RunRecord, status: Status, code: str) -> bool:
    """Whether the analyst hears of this end, after which the task still stands: of repeats without a release once, until there is one."""
    return not run.standing or status is Status.RELEASED or not (record.noticed or code in _NO_NEWS)


def follow(session: Session, run: RunRecord, *, total: int | None, cells: str = "") -> None:
    """Write down what this run's end means for its standing task, if it is of one; in the transaction that ends the run."""
    record = session.get(StandingRecord, run.standing or run.id, with_for_update=True)
    if record is None or record.told_at is not None:
        return
    now = int(time.time())
    if not stands(record, run, run.status, run.code, now=now):
        record.ended_at, record.ended_by = record.ended_at or now, record.ended_by or (OVER if now >= record.until else run.status.value)
        record.told_at = now
        return
    record.since = record.since or now
    if run.status is Status.RELEASED:
        record.released_at, record.noticed = now, False
        record.total = record.total if total is None else total
        record.cells = cells or record.cells
    else:
        record.noticed = record.noticed or run.reply is not None
    if run.status not in (Status.RELEASED, Status.SUPPRESSED):
        record.token = ""  # the same data may be read the next time


class StandingStore:
    """Standing tasks by their first run, each method one transaction."""

    def __init__(self, database: PodDatabase) -> None:
        self.database = database

    def accept(self, record: StandingRecord) -> StandingRecord:
        """Keep a task whose first run was admitted; one that is there stays as it is."""
        try:
            with self.database.transaction() as session:
                if (known := session.get(StandingRecord, record.run)) is not None:
                    return known
                session.add(record)
        except IntegrityError:
            return self.of(record.run) or record
        return record

    def of(self, run: str) -> StandingRecord | None:
        """The standing task that this run started."""
        with self.database.transaction() as session:
            return session.get(StandingRecord, run)

    def every(self) -> list[StandingRecord]:
        """All that ever stood, the newest first."""
        return self._where(col(StandingRecord.since).is_not(None))[::-1]

    def standing(self) -> list[StandingRecord]:
        """Those that are asked again, oldest first."""
        return self._where(col(StandingRecord.since).is_not(None), col(StandingRecord.ended_at).is_(None))

    def queued(self) -> list[str]:
        """Repeats that wait to be carried out."""
        with self.database.transaction() as session:
            waiting = select(RunRecord.id).where(RunRecord.standing != "", RunRecord.status == Status.QUEUED)
            return list(session.exec(waiting.order_by(col(RunRecord.no))))

    def under_way(self, run: str) -> RunRecord | None:
        """The repeat of this task that has no end yet."""
        with self.database.transaction() as session:
            return _open(session, run)

    def looked(self, run: str, *, now: int) -> None:
        """It was due, and there was nothing to do."""
        with self.database.transaction() as session:
            session.exec(update(StandingRecord).where(col(StandingRecord.run) == run).values(looked_at=now))

    def ask(self, run: str, *, token: str, now: int) -> RunRecord | None:
        """Queue the next repeat; None where one is under way, or the task does not stand any more."""
        try:
            with self.database.transaction() as session:
                record = session.get(StandingRecord, run, with_for_update=True)
                if record is None or record.since is None or record.ended_at is not None or record.until <= now or _open(session, run):
                    return None
                repeat = _repeat(session, record, now=now)
                session.add(repeat)
                record.next_no, record.token, record.looked_at = record.next_no + 1, token, now
                session.flush()
                return repeat
        except IntegrityError:  # another process was faster
            return None

    def end(self, run: str, *, by: str, now: int) -> bool:
        """It is asked no more; False where it had ended. The pod then ends the repeat that is under way, and tells the analyst."""
        with self.database.transaction() as session:
            which = (col(StandingRecord.run) == run) & col(StandingRecord.ended_at).is_(None)
            return bool(session.exec(update(StandingRecord).where(which).values(ended_at=now, ended_by=by)).rowcount)

    def expire(self, now: int) -> None:
        """End what is over. The analyst said herself until when: she is told nothing."""
        over = (col(StandingRecord.until) <= now) & col(StandingRecord.ended_at).is_(None) & col(StandingRecord.since).is_not(None)
        with self.database.transaction() as session:
            session.exec(update(StandingRecord).where(over).values(ended_at=now, ended_by=OVER, told_at=now))

    def untold(self) -> list[StandingRecord]:
        """Those that somebody ended, of which the analyst does not know yet."""
        return self._where(
            col(StandingRecord.since).is_not(None), col(StandingRecord.ended_at).is_not(None), col(StandingRecord.told_at).is_(None)
        )

    def unfetched(self, *, before: int) -> list[tuple[RunRecord, Released]]:
        """Results of tasks that stand, sent before that, of which it is not known that the analyst has them; oldest first."""
        mine = or_(col(StandingRecord.run) == col(RunRecord.standing), col(StandingRecord.run) == col(RunRecord.id))
        sent = (col(RunRecord.replied_at) < before) & col(RunRecord.fetched_at).is_(None) & col(RunRecord.reply).is_not(None)
        stands = col(StandingRecord.since).is_not(None) & col(StandingRecord.ended_at).is_(None)
        with self.database.transaction() as session:
            query = select(RunRecord, ResultRecord.released).join(ResultRecord, col(ResultRecord.run) == col(RunRecord.id))
            found = session.exec(query.join(StandingRecord, mine).where(sent, stands).order_by(col(RunRecord.no))).all()
        return [(run, Released.model_validate_json(released)) for run, released in found]

    def last(self, run: str, *, now: int) -> RunRecord:
        """The repeat that tells of the end: it is over before it begins. Not on disk yet."""
        with self.database.transaction() as session:
            return _repeat(session, session.get_one(StandingRecord, run), now=now)

    def farewell(self, last: RunRecord, *, reply: bytes | None) -> None:
        """Put that repeat on disk with its sealed reply, once."""
        with self.database.transaction() as session:
            record = session.get_one(StandingRecord, last.standing, with_for_update=True)
            if record.told_at is None and record.next_no == last.repeat_no and _open(session, record.run) is None:
                last.status, last.code, last.reply, last.finished_at = Status.CANCELLED, "cancelled", reply, last.received_at
                session.add(last)
                record.next_no, record.told_at = record.next_no + 1, last.received_at

    def _where(self, *conditions: Any) -> list[StandingRecord]:
        with self.database.transaction() as session:
            query = select(StandingRecord).where(*conditions).order_by(col(StandingRecord.since), col(StandingRecord.run))
            return list(session.exec(query))


def _open(session: Session, run: str) -> RunRecord | None:
    open_ones = select(RunRecord).where(RunRecord.standing == run, col(RunRecord.status).not_in(tuple(FINAL)))
    return session.exec(open_ones).first()


def _repeat(session: Session, record: StandingRecord, *, now: int) -> RunRecord:
    """The next repeat. It has no message of its own, so there is nothing to acknowledge."""
    first = session.exec(select(RunRecord).where(RunRecord.id == record.run)).one()
    return RunRecord(
        id=repeat_id(record.run, record.next_no),
        mid="",
        lease_attempt=0,
        envelope=b"",
        received_at=now,
        task=first.task,
        task_json=first.task_json,
        task_digest=first.task_digest,
        analyst=first.analyst,
        alias=first.alias,
        algorithm=first.algorithm,
        datasource=first.datasource,
        standing=record.run,
        repeat_no=record.next_no,
        acknowledged_at=now,
    )
