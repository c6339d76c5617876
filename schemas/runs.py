"""The runs of a pod, their datapoints and results: the truth that Prefect only shows.

A run goes queued → running → released | suppressed | rejected | failed; one of several rounds goes back and forth between running and
waiting (see `schemas.rounds`), one that a custodian must approve goes through pending_approval (see `schemas.approvals`); both may end
expired. Any of them may end cancelled. The last step writes status, result, history and the sealed reply in one transaction; the reply
is sent after it and may be sent again.
"""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, delete, select, update

from podium.contracts import FINAL, Released, Status
from schemas.history import Used, count
from schemas.records import ResultRecord, RoundRecord, RunRecord
from schemas.retention import drop
from schemas.standing import follow
from schemas.stores import PodDatabase

OPEN = tuple(status for status in Status if status not in FINAL and status is not Status.PARTIAL)


class RunStore:
    """Runs by id, each method one transaction."""

    def __init__(self, database: PodDatabase) -> None:
        self.database = database

    def receive(self, run: str, *, mid: str, attempt: int, envelope: bytes) -> RunRecord:
        """Put a leased message on disk as a queued run; a message received before keeps its run and takes the new lease."""
        try:
            with self.database.transaction() as session:
                session.add(
                    RunRecord(id=run, mid=mid, lease_attempt=attempt, envelope=envelope, received_at=int(time.time()), status=Status.QUEUED)
                )
        except IntegrityError:
            self.note(run, lease_attempt=attempt, acknowledged_at=None)
        return self.get(run)

    def get(self, run: str) -> RunRecord:
        """The run. Raises KeyError."""
        with self.database.transaction() as session:
            record = session.exec(select(RunRecord).where(RunRecord.id == run)).first()
        if record is None:
            raise KeyError(run)
        return record

    def note(self, run: str, **fields: Any) -> None:
        """Set fields of a run. One that has ended keeps its end, whatever was still under way: then a `status` sets nothing."""
        which = col(RunRecord.id) == run
        if "status" in fields:
            which &= col(RunRecord.status).in_(OPEN)
        with self.database.transaction() as session:
            session.exec(update(RunRecord).where(which).values(**fields))

    def start(self, run: str) -> RunRecord:
        """A queued run becomes running; one that is final stays as it is."""
        with self.database.transaction() as session:
            record = session.exec(select(RunRecord).where(RunRecord.id == run)).one()
            if not record.status.final:
                record.status = Status.RUNNING
                record.tries += 1
                record.started_at = record.started_at or int(time.time())
        return record

    def finish(
        self,
        run: str,
        status: Status,
        *,
        reply: bytes | None,
        code: str = "",
        released: Released | None = None,
        keep: bool = False,
        used: Used | None = None,
        cells: str = "",
    ) -> RunRecord:
        """End a run: status, result, history and sealed reply in one transaction. The first end of a run is its only one.

        Without `used` its batches do not count, and are gone. Raises TaskError (`overtaken`) where they cannot count any more. `cells`:
        what a standing task keeps of this release.
        """
        with self.database.transaction() as session:
            record = session.exec(select(RunRecord).where(RunRecord.id == run)).one()
            if record.status.final:
                return record
            record.status, record.code, record.reply = status, code, reply
            record.finished_at = int(time.time())
            record.envelope = b""
            if released is not None:
                record.rows_released = released.rows
                if not keep:
                    session.exec(update(RoundRecord).where(col(RoundRecord.run) == run).values(released=""))
                else:
                    session.add(ResultRecord(run=run, released=released.model_dump_json(), at=record.finished_at))
            assert record.no is not None
            if used is not None:
                count(session, record, used)
            else:
                drop(session, record.no)
            follow(session, record, total=used.total if used else None, cells=cells)
        return record

    def begin_again(self, run: str) -> None:
        """Take away what a run has written so far: it starts from its first part."""
        with self.database.transaction() as session:
            record = session.exec(select(RunRecord).where(RunRecord.id == run)).one()
            assert record.no is not None
            drop(session, record.no)

    def unfinished(self) -> list[RunRecord]:
        """Runs that a restart must take up again, oldest first."""
        return self._where(col(RunRecord.status).in_(OPEN))

    def unsent(self) -> list[RunRecord]:
        """Ended runs whose reply is not sent, or whose task is not acknowledged at the hub (one that waited for an approval is)."""
        undone = col(RunRecord.acknowledged_at).is_(None) | col(RunRecord.replied_at).is_(None)
        return self._where(undone & col(RunRecord.status).in_(tuple(FINAL)))

    def recent(self, limit: int = 50) -> list[RunRecord]:
        """The newest runs, newest first."""
        with self.database.transaction() as session:
            return list(session.exec(select(RunRecord).order_by(col(RunRecord.no).desc()).limit(limit)))

    def forget_results(self, *, before: int) -> int:
        """Remove results that are older than that; how many. Their runs, decisions and datapoints stay."""
        with self.database.transaction() as session:
            return int(session.exec(delete(ResultRecord).where(col(ResultRecord.at) < before)).rowcount)

    def _where(self, condition: Any) -> list[RunRecord]:
        with self.database.transaction() as session:
            return list(session.exec(select(RunRecord).where(condition).order_by(col(RunRecord.no))))
