"""The run history: what each question has used, part by part. Every method is one transaction; a part commits with all that belongs to it.

A run's batches count once the run does. A run that goes on after a crash finds its own, and begins behind them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session, SQLModel, col, delete, select
from sqlmodel.sql.expression import SelectOfScalar

from podium.contracts import Outcome, PartReport
from podium.errors import TaskError
from schemas.datapoints import BatchRecord, DatapointRecord, QuarantineRecord, TaskRecord
from schemas.records import RunRecord
from schemas.stores import PodDatabase

WIDTH = 16
AT_ONCE = 10_000
# Where a known datapoint was met last, beside the place of a part that is about to be read: in one that is not, or in none that is left.
ELSEWHERE, LOST = 0x7FFF_FFFF, 0x7FFF_FFFE
QUARANTINED = 0x8000_0000  # a flag beside the place


@dataclass(frozen=True)
class Kept:
    """A part as the newest counted run that read it left it."""

    run_no: int
    no: int
    token: str
    rows: int
    whole: bool
    contract: bytes
    state: dict[str, Any] | None

    def covers(self, contract: bytes) -> bool:
        """Whether the state stands for every row of the part, all of them judged by this contract."""
        return self.whole and self.state is not None and self.contract == contract


@dataclass(frozen=True)
class Standing:
    """A question as the history knows it. `parts` are those of the source at the last counted run."""

    token: str = ""
    total: int = 0
    last_run: int | None = None
    parts: Mapping[str, Kept] = field(default_factory=dict)


@dataclass(frozen=True)
class Used:
    """What a run says of the history when it ends: the question, the last counted run when it began, and the source as it was read.

    `strict`: it was on new data only, so it may not count beside another run that used them meanwhile.
    """

    task_no: int
    after: int | None
    token: str
    total: int
    new: int
    changed: int
    unchanged: int
    quarantined: int
    gone: int
    strict: bool


class HistoryStore:
    """Questions, batches and datapoints."""

    def __init__(self, database: PodDatabase) -> None:
        self.database = database

    def task(self, key: bytes, *, datasource: str, algorithm: str) -> int:
        """The number of the question with that digest of 16 bytes, made when it is asked for the first time."""
        with self.database.transaction() as session:
            record = session.exec(select(TaskRecord).where(TaskRecord.key == key)).first()
            if record is None:
                record = TaskRecord(key=key, datasource=datasource, algorithm=algorithm, first_at=int(time.time()))
                session.add(record)
                session.flush()
            assert record.no is not None
            return record.no

    def standing(self, task_no: int) -> Standing:
        """The question as counted runs have left it."""
        with self.database.transaction() as session:
            task = session.get_one(TaskRecord, task_no)
            parts: dict[str, Kept] = {}
            for batch in session.exec(_counted(task_no)):
                parts[batch.part] = Kept(
                    run_no=batch.run_no,
                    no=batch.no,
                    token=batch.token,
                    rows=batch.rows,
                    whole=batch.whole,
                    contract=batch.contract,
                    state=None if batch.state is None else json.loads(batch.state),
                )
        standing = {part: kept for part, kept in parts.items() if kept.token}
        return Standing(token=task.token, total=task.total, last_run=task.last_run, parts=standing)

    def known(self, task_no: int, *, run_no: int, places: Mapping[str, int]) -> Iterator[bytes]:
        """What counted runs and this run have said of datapoints, oldest first, in chunks of packed records of 36 bytes.

        A record: key, fingerprint (zeros: gone), and four bytes, big-endian: the part it was met in, by its number in `places` (LOST
        where it is not named there), with the flag QUARANTINED. What this run wrote before it was broken off is ELSEWHERE.
        """
        with self.database.transaction() as session:
            batches = [(b.run_no, b.no, b.part) for b in session.exec(_counted(task_no))]
            own = [(b.run_no, b.no, None) for b in session.exec(select(BatchRecord).where(BatchRecord.run_no == run_no))]
        for run, no, part in [*batches, *own]:
            place = ELSEWHERE if part is None else places.get(part, LOST)
            ends = {outcome: (place | (QUARANTINED if outcome == Outcome.QUARANTINED else 0)).to_bytes(4, "big") for outcome in Outcome}
            with self.database.engine.connect() as connection:
                rows = connection.execution_options(yield_per=AT_ONCE).execute(
                    select(DatapointRecord.key, DatapointRecord.fingerprint, DatapointRecord.outcome).where(
                        DatapointRecord.run_no == run, DatapointRecord.batch == no
                    )
                )
                for chunk in rows.partitions():
                    yield b"".join([key + mark + ends[outcome] for key, mark, outcome in chunk])

    def batches(self, run_no: int) -> list[BatchRecord]:
        """What a run has committed so far, in order."""
        with self.database.transaction() as session:
            return list(session.exec(select(BatchRecord).where(BatchRecord.run_no == run_no).order_by(col(BatchRecord.no))))

    def commit(self, run_no: int, no: int, *, part: str, token: str, report: PartReport, whole: bool, contract: bytes = b"") -> None:
        """One part of a run, with its datapoints and state. The first one with that number is the only one."""
        with self.database.transaction() as session:
            if session.get(BatchRecord, (run_no, no)) is not None:
                return
            session.add(
                BatchRecord(
                    run_no=run_no,
                    no=no,
                    part=part,
                    token=token,
                    rows=report.rows,
                    used=report.used,
                    new=report.new,
                    changed=report.changed,
                    unchanged=report.unchanged,
                    quarantined=report.quarantined,
                    failures=json.dumps(report.failures) if report.failures else "",
                    whole=whole,
                    contract=contract,
                    state=None if report.state is None else json.dumps(report.state).encode(),
                    unseen=report.unseen,
                    at=int(time.time()),
                )
            )
            session.flush()
            _write(session, run_no, no, report)


def count(session: Session, record: RunRecord, used: Used) -> None:
    """Let a run's batches count, in the transaction that ends it. Raises TaskError (`overtaken`) where another run was faster."""
    task = session.exec(select(TaskRecord).where(TaskRecord.no == used.task_no).with_for_update()).one()
    overtaken = task.last_run != used.after
    if overtaken and used.strict:
        error = TaskError("Another run of the same question ended meanwhile.", code="overtaken")
        error.transient = True
        raise error
    task.token, task.total = ("" if overtaken else used.token), used.total  # which of two was right about the source is not known
    task.last_run = record.no
    record.counted = True
    record.new, record.changed, record.unchanged = used.new, used.changed, used.unchanged
    record.quarantined, record.gone = used.quarantined, used.gone


def drop(session: Session, run_no: int) -> None:
    """Take away what a run wrote: it does not count, or begins again."""
    session.exec(delete(DatapointRecord).where(col(DatapointRecord.run_no) == run_no))
    session.exec(delete(QuarantineRecord).where(col(QuarantineRecord.run_no) == run_no))
    session.exec(delete(BatchRecord).where(col(BatchRecord.run_no) == run_no))


def _counted(task_no: int) -> SelectOfScalar[BatchRecord]:
    runs = select(RunRecord.no).where(RunRecord.task_no == task_no, col(RunRecord.counted))
    return select(BatchRecord).where(col(BatchRecord.run_no).in_(runs)).order_by(col(BatchRecord.run_no), col(BatchRecord.no))


def _write(session: Session, run_no: int, no: int, report: PartReport) -> None:
    datapoints, quarantine = (SQLModel.metadata.tables[name] for name in ("datapoint", "quarantine"))
    bad = 0
    for start in range(0, len(report.outcomes), AT_ONCE):
        rows, reasons = [], []
        for at in range(start, min(start + AT_ONCE, len(report.outcomes))):
            key, mark = report.keys[at * WIDTH : (at + 1) * WIDTH], report.fingerprints[at * WIDTH : (at + 1) * WIDTH]
            rows.append({"run_no": run_no, "batch": no, "key": key, "fingerprint": mark, "outcome": report.outcomes[at]})
            if report.outcomes[at] == Outcome.QUARANTINED:
                reasons.append({"run_no": run_no, "key": key, "rule": report.rules[report.reasons[bad]]})
                bad += 1
        session.execute(insert(datapoints), rows)
        if reasons:
            session.execute(insert(quarantine), reasons)
