"""The approvals of a pod: what its custodian was asked, and what she said. These tables are the truth; Prefect's UI is one way to them.

A run that is asked about goes running → pending_approval; with the answer, or when the time is over, it is queued again, and what it
then comes to is decided where everything else is. The first answer is the only one.
"""

from __future__ import annotations

from typing import Any

from sqlmodel import col, select, update

from podium.contracts import FINAL, Status
from podium.policy.grants import Grant
from podium.policy.statement import Signed
from schemas.records import ApprovalRecord, RunRecord
from schemas.stores import PodDatabase

EXPIRED, CLOCK = "expired", "clock"


class ApprovalStore:
    """Approvals by run, each method one transaction."""

    def __init__(self, database: PodDatabase) -> None:
        self.database = database

    def ask(self, run: str, *, task_digest: str, grant: Grant, expires: int, notice: bytes | None, now: int) -> ApprovalRecord:
        """Ask about a run, once, and let it wait; one that has been answered stays as it is."""
        with self.database.transaction() as session:
            record = session.get(ApprovalRecord, run, with_for_update=True)
            if record is None:
                record = ApprovalRecord(
                    run=run,
                    task_digest=task_digest,
                    grant_id=grant.id,
                    approver=grant.approver,
                    asked_at=now,
                    expires=expires,
                    notice=notice,
                )
                session.add(record)
            if not record.decision:
                at_work = col(RunRecord.status).in_((Status.RUNNING, Status.QUEUED))
                session.exec(update(RunRecord).where(col(RunRecord.id) == run, at_work).values(status=Status.PENDING_APPROVAL, tries=0))
        return record

    def decide(self, run: str, decision: str, *, by: str, now: int, reason: str = "", signed: Signed | None = None) -> bool:
        """Write the answer down and queue the run. False, and nothing is changed, if there is one already or it comes too late."""
        with self.database.transaction() as session:
            record = session.get(ApprovalRecord, run, with_for_update=True)
            if record is None or record.decision or now >= record.expires or not _waits(session, run):
                return False
            _answer(session, record, decision, by=by, now=now)
            record.reason = reason
            if signed is not None:
                record.statement, record.signature = signed.payload, signed.signature
        return True

    def expire(self, now: int) -> None:
        """Give up on what nobody has answered in time."""
        with self.database.transaction() as session:
            over = select(ApprovalRecord).where(ApprovalRecord.decision == "", ApprovalRecord.expires <= now).with_for_update()
            for record in session.exec(over):
                if _waits(session, record.run):
                    _answer(session, record, EXPIRED, by=CLOCK, now=now)

    def get(self, run: str) -> ApprovalRecord | None:
        """What was asked about this run, if anything was."""
        with self.database.transaction() as session:
            return session.get(ApprovalRecord, run)

    def open(self) -> list[ApprovalRecord]:
        """What waits for an answer, oldest first."""
        waiting = col(RunRecord.status) == Status.PENDING_APPROVAL
        return self._of(_RUN, ApprovalRecord.decision == "", waiting)

    def answered(self) -> list[str]:
        """Runs that have their answer and are not taken up yet."""
        return [record.run for record in self._of(_RUN, ApprovalRecord.decision != "", col(RunRecord.status) == Status.QUEUED)]

    def over(self) -> list[ApprovalRecord]:
        """What is asked no more and may still stand in Prefect as if it were."""
        ended = (col(ApprovalRecord.decision) != "") | col(RunRecord.status).in_(tuple(FINAL))
        return self._of(_RUN, ended, ApprovalRecord.flow_run != "", col(ApprovalRecord.closed_at).is_(None))

    def every(self) -> list[tuple[ApprovalRecord, RunRecord]]:
        """Each approval and its run, the newest first."""
        with self.database.transaction() as session:
            query = select(ApprovalRecord, RunRecord).where(_RUN).order_by(col(ApprovalRecord.asked_at).desc(), col(RunRecord.no).desc())
            return list(session.exec(query))

    def note(self, run: str, **fields: Any) -> None:
        """Set fields of an approval."""
        with self.database.transaction() as session:
            session.exec(update(ApprovalRecord).where(col(ApprovalRecord.run) == run).values(**fields))

    def _of(self, *conditions: Any) -> list[ApprovalRecord]:
        with self.database.transaction() as session:
            return list(session.exec(select(ApprovalRecord).where(*conditions).order_by(col(RunRecord.no))))


_RUN = col(RunRecord.id) == col(ApprovalRecord.run)


def _waits(session: Any, run: str) -> bool:
    status = session.exec(select(RunRecord.status).where(RunRecord.id == run)).first()
    return status is not None and status not in FINAL


def _answer(session: Any, record: ApprovalRecord, decision: str, *, by: str, now: int) -> None:
    record.decision, record.by, record.decided_at = decision, by, now
    waiting = col(RunRecord.status) == Status.PENDING_APPROVAL
    session.exec(update(RunRecord).where(col(RunRecord.id) == record.run, waiting).values(status=Status.QUEUED))
