"""The rounds of runs that have several: what was asked and answered, so that a restart goes on from the last one.

A round is heard (the analyst's message is on disk), then answered (what the gate let out, the sealed reply and the run's status in one
transaction), then replied. A run has released as many rounds as are answered here, whatever happened to the process meanwhile.
"""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select, update

from podium.contracts import Released, Status
from schemas.records import RoundRecord, RunRecord
from schemas.stores import PodDatabase


class RoundStore:
    """Rounds by run and number, each method one transaction."""

    def __init__(self, database: PodDatabase) -> None:
        self.database = database

    def every(self, run: str) -> list[RoundRecord]:
        """The run's rounds in order; all but the last are answered."""
        with self.database.transaction() as session:
            return list(session.exec(select(RoundRecord).where(RoundRecord.run == run).order_by(col(RoundRecord.no))))

    def hear(self, run: str, no: int, *, mid: str, reference: str, parameters: str, last: bool) -> bool:
        """Put the analyst's word on the round on disk; False if another message asked for it before."""
        fields: dict[str, Any] = {"mid": mid, "reference": reference, "parameters": parameters, "last": last, "heard_at": int(time.time())}
        try:
            with self.database.transaction() as session:
                session.add(RoundRecord(run=run, no=no, **fields))
        except IntegrityError:
            with self.database.transaction() as session:
                known = session.get(RoundRecord, (run, no))
                return known is not None and known.mid == mid
        return True

    def answer(self, run: str, no: int, *, reference: str, rows: bytes, released: Released, reply: bytes) -> None:
        """The round is answered and the run waits. The first answer of a round is its only one; a run that has ended answers none."""
        with self.database.transaction() as session:
            if session.exec(select(RunRecord).where(RunRecord.id == run)).one().status.final:
                return
            record = session.get(RoundRecord, (run, no)) or RoundRecord(run=run, no=no, reference=reference)
            if record.answered_at is None:
                record.rows, record.released, record.reply = rows, released.model_dump_json(), reply
                record.answered_at = int(time.time())
                session.add(record)
            session.exec(update(RunRecord).where(col(RunRecord.id) == run).values(status=Status.WAITING, tries=0))

    def note(self, run: str, no: int, **fields: Any) -> None:
        """Set fields of a round."""
        with self.database.transaction() as session:
            session.exec(update(RoundRecord).where(col(RoundRecord.run) == run, col(RoundRecord.no) == no).values(**fields))
