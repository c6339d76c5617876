"""The run history: what each question has used, part by part. Every method is one transaction; a part commits with all that belongs to it.

A run's batches count once the run does. A run that goes on after a crash finds its own, and begins behind them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from sqlalchemy import Select, and_, insert
from sqlalchemy import select as sa_select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select, update

from podium.contracts import Outcome, PartReport
from podium.errors import TaskError
from schemas import bulk, results, retention
from schemas.bulk import WIDTH
from schemas.datapoints import BatchRecord, DatapointRecord, DatapointResultRecord, QuarantineRecord, TaskRecord
from schemas.opening import snapshot
from schemas.records import RunRecord
from schemas.retention import drop as drop
from schemas.stores import PodDatabase

# Where a known datapoint was met last, beside the place of a part that is about to be read: in one that is not, or in none that is left.
ELSEWHERE, LOST = 0x7FFF_FFFF, 0x7FFF_FFFE
QUARANTINED = 0x8000_0000  # a flag beside the place
STRETCH = 1 << 18  # records of a chunk, or so


@dataclass(frozen=True)
class Kept:
    """A part as the newest counted run that read it left it."""

    run_no: int
    no: int
    token: str
    rows: int
    quarantined: int
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
    strict: bool = True


class HistoryStore:
    """Questions, batches and datapoints."""

    def __init__(self, database: PodDatabase) -> None:
        self.database = database

    def task(self, key: bytes, *, datasource: str, algorithm: str) -> int:
        """The number of the question with that digest of 16 bytes, made when it is asked for the first time."""
        try:
            with self.database.transaction() as session:
                record = session.exec(select(TaskRecord).where(TaskRecord.key == key)).first()
                if record is None:
                    record = TaskRecord(key=key, datasource=datasource, algorithm=algorithm, first_at=int(time.time()))
                    session.add(record)
                    session.flush()
        except IntegrityError:  # another run asked it for the first time at this very moment
            return self.task(key, datasource=datasource, algorithm=algorithm)
        assert record.no is not None
        return record.no

    def standing(self, task_no: int) -> Standing:
        """The question as counted runs have left it."""
        with self.database.transaction() as session:
            task = session.get_one(TaskRecord, task_no)
            newest = _counted(task_no, BatchRecord.part, func.max(RunRecord.counted_no).label("counted_no")).group_by(col(BatchRecord.part))
            last = newest.subquery()
            of_last = and_(last.c.part == BatchRecord.part, last.c.counted_no == RunRecord.counted_no)
            batches = session.scalars(_counted(task_no, BatchRecord).join(last, of_last).order_by(col(BatchRecord.no)))
            parts = {batch.part: _kept(batch) for batch in batches}
        standing = {part: kept for part, kept in parts.items() if kept.token}
        return Standing(token=task.token, total=task.total, last_run=task.last_run, parts=standing)

    def known(self, task_no: int, *, run_no: int, places: Mapping[str, int]) -> Iterator[bytes]:
        """What counted runs and this run have said of datapoints, in packed records of 36 bytes.

        A chunk has all of one stretch of keys, oldest first; stretches ascend. A record: key, fingerprint (zeros: gone), and four bytes,
        big-endian: the part it was met in, by its number in `places` (LOST where it is not named there), with the flag QUARANTINED. What
        this run wrote before it was broken off is ELSEWHERE.
        All of it is as it was when the first chunk was taken, and nobody who writes waits for the last.
        """
        in_order = _counted(task_no, BatchRecord.run_no, BatchRecord.no, BatchRecord.part)
        own = select(BatchRecord.run_no, BatchRecord.no).where(BatchRecord.run_no == run_no).order_by(col(BatchRecord.no))
        mine = select(RunRecord.no).where((col(RunRecord.task_no) == task_no) & col(RunRecord.counted) | (col(RunRecord.no) == run_no))
        with snapshot(self.database.engine) as connection:
            counted = connection.execute(in_order.order_by(col(RunRecord.counted_no), col(BatchRecord.no))).all()
            batches = [(run, no, places.get(part, LOST)) for run, no, part in counted]
            batches += [(run, no, ELSEWHERE) for run, no in connection.execute(own)]
            events = connection.scalar(select(func.count()).where(col(DatapointRecord.run_no).in_(mine))) or 0
            for low, high in pairwise(_cuts(events)):
                yield b"".join([bulk.read(connection, run, no, low=low, high=high, **_ends(place)) for run, no, place in batches])

    def batches(self, run_no: int) -> list[BatchRecord]:
        """What a run has committed so far, in order."""
        with self.database.transaction() as session:
            return list(session.exec(select(BatchRecord).where(BatchRecord.run_no == run_no).order_by(col(BatchRecord.no))))

    def written(self, run_no: int) -> set[bytes]:
        """The keys of the datapoints that a run has said something of."""
        with self.database.transaction() as session:
            return set(session.exec(select(DatapointRecord.key).where(DatapointRecord.run_no == run_no)))

    def commit(
        self, run_no: int, no: int, *, part: str, token: str, report: PartReport, whole: bool, contract: bytes = b"", given: bytes = b""
    ) -> None:
        """One part of a run, with its datapoints, state, and sealed, what was `given` them. The first with that number is the only one.

        Nothing is written for a run that has ended: a worker that was late has nobody to take it away again.
        """
        with self.database.transaction() as session:
            run = session.exec(select(RunRecord).where(RunRecord.no == run_no).with_for_update()).one()
            if run.status.final or session.get(BatchRecord, (run_no, no)) is not None:
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
            connection, outcomes = session.connection(), report.outcomes
            bulk.write(connection, run_no, no, keys=report.keys, fingerprints=report.fingerprints, outcomes=outcomes)
            if given:
                count = report.outcomes.count(Outcome.DONE)
                session.add(DatapointResultRecord(run_no=run_no, batch=no, datapoints=count, sealed=given))
            if report.reasons:
                session.execute(insert(QuarantineRecord), _reasons(run_no, no, report))

    def forget_states(self, task_no: int) -> None:
        """No state that is kept of this question can be used any more: its parts are read again."""
        counted = select(RunRecord.no).where(RunRecord.task_no == task_no, col(RunRecord.counted))
        with self.database.transaction() as session:
            session.exec(update(BatchRecord).where(col(BatchRecord.run_no).in_(counted)).values(state=None))

    def prune(self, before: int, *, secret: Callable[[], bytes]) -> int:
        """Forget what newer runs have replaced, of runs that ended before that; how many events. No question stands otherwise then.

        The pod's `secret` is asked for where results of datapoints have to be sealed again, without those.
        """
        removed = retention.prune(self.database, before)
        results.prune(self.database, secret)
        return removed


def count(session: Session, record: RunRecord, used: Used) -> None:
    """Let a run's batches count, in the transaction that ends it. Raises TaskError (`overtaken`) where another run was faster."""
    task = session.exec(select(TaskRecord).where(TaskRecord.no == used.task_no).with_for_update()).one()
    overtaken = task.last_run != used.after
    if overtaken and used.strict:
        error = TaskError("Another run of the same question ended meanwhile.", code="overtaken")
        error.transient = True
        raise error
    before = session.exec(select(func.max(RunRecord.counted_no)).where(RunRecord.task_no == used.task_no)).one()
    task.token, task.total = ("" if overtaken else used.token), used.total  # which of two was right about the source is not known
    task.last_run = record.no
    record.task_no, record.counted, record.counted_no = used.task_no, True, (before or 0) + 1
    record.new, record.changed, record.unchanged = used.new, used.changed, used.unchanged
    record.quarantined, record.gone = used.quarantined, used.gone


def _counted(task_no: int, *what: Any) -> Select[Any]:
    """Batches of the question's counted runs, beside their runs."""
    counted = and_(col(RunRecord.task_no) == task_no, col(RunRecord.counted))
    return sa_select(*what).join(RunRecord, col(RunRecord.no) == BatchRecord.run_no).where(counted)


def _kept(batch: BatchRecord) -> Kept:
    return Kept(
        run_no=batch.run_no,
        no=batch.no,
        token=batch.token,
        rows=batch.rows,
        quarantined=batch.quarantined,
        whole=batch.whole,
        contract=batch.contract,
        state=None if batch.state is None else json.loads(batch.state),
    )


def _cuts(events: int) -> list[bytes]:
    """Where stretches of keys begin, and where the last one ends. Keys are digests: each has as many as the next."""
    stretches = max(1, -(-events // STRETCH))
    begins = [((at << 8 * WIDTH) // stretches).to_bytes(WIDTH, "big") for at in range(stretches)]
    return [*begins, b"\xff" * (WIDTH + 1)]


def _ends(place: int) -> dict[str, bytes]:
    return {"here": place.to_bytes(4, "big"), "in_quarantine": (place | QUARANTINED).to_bytes(4, "big")}


def _reasons(run_no: int, no: int, report: PartReport) -> list[dict[str, object]]:
    bad = (at for at, outcome in enumerate(report.outcomes) if outcome == Outcome.QUARANTINED)
    return [
        {"run_no": run_no, "batch": no, "key": report.keys[at * WIDTH : (at + 1) * WIDTH], "rule": report.rules[reason]}
        for at, reason in zip(bad, report.reasons, strict=True)
    ]
