"""The questions of the run history, as a reader sees them: what each has read, run by run and part by part. Nothing is written here.

A question's runs are all that came as far as choosing datapoints. Only those that count have parts, and say something of datapoints.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import CTE, Row, Select, and_, func, select
from sqlmodel import Session

from podium.contracts import Outcome
from schemas.history_retry import RETRIED
from schemas.tables import BATCH, DATAPOINT, QUARANTINE, RUN, TASK, TURN, at_once, swept_key

COUNTS = ("new", "changed", "unchanged", "quarantined", "gone")
_RUN = ("no", "id", "status", "code", "alias", "analyst", "task", "standing", "repeat_no", "counted", *COUNTS, "rows_released")
_TIMES = ("received_at", "started_at", "finished_at")
_PART = ("part", "rows", "used", "new", "changed", "unchanged", "quarantined", "at")
_IN_ORDER = (TURN, BATCH.c.run_no, BATCH.c.no)


def questions(session: Session) -> list[dict[str, Any]]:
    """Every question, newest first. `datapoints`: those of the source when it was last asked with success."""
    bad = _pairs(session, _in_quarantine())
    asked = select(RUN.c.task_no, func.count().label("runs"), func.max(RUN.c.no).label("last")).group_by(RUN.c.task_no).subquery()
    tasks = select(TASK, asked.c.runs, RUN.c.id.label("run"), RUN.c.received_at.label("asked_at"))
    tasks = tasks.outerjoin(asked, asked.c.task_no == TASK.c.no).outerjoin(RUN, RUN.c.no == asked.c.last)
    return [
        {
            **_named(task),
            "datapoints": task.total,
            "quarantined": bad.get(task.no, 0),
            "runs": task.runs or 0,
            "last_run": task.run or "",
            "last_run_at": task.asked_at,
        }
        for task in session.execute(tasks.order_by(TASK.c.no.desc()))
    ]


def like(session: Session, wanted: str) -> list[int]:
    """The numbers of the questions that are meant: by number, by an analyst's task, or by the first characters of the digest."""
    tasks = session.execute(select(TASK.c.no, TASK.c.key).order_by(TASK.c.no)).all()
    numbers = [task.no for task in tasks if str(task.no) == wanted]
    asked = select(RUN.c.task_no).where(RUN.c.task == wanted, RUN.c.task_no.is_not(None)).distinct()
    begun = [task.no for task in tasks if wanted and task.key.hex().startswith(wanted.lower())]
    return numbers or list(session.execute(asked).scalars()) or begun


def question(session: Session, no: int) -> dict[str, Any]:
    """One question: its runs (newest first), what they add up to, how its datapoints stand, and its parts."""
    runs, batches = last_runs(session, no), _counted_batches(session, no)
    for run in runs:
        run["broken"] = _broken(batch for batch in batches if batch.run_no == run["no"])
    totals: dict[str, Any] = {name: sum(run[name] or 0 for run in runs if run["counted"]) for name in COUNTS}
    totals["broken"] = _broken(batches)
    totals["statuses"] = dict(Counter(str(run["status"]) for run in runs))
    named = _named(session.execute(select(TASK).where(TASK.c.no == no)).one())
    parts = _parts(batches, {run["no"]: run["id"] for run in runs})
    return {**named, **_standings(session, no), "runs": runs, "totals": totals, "parts": parts}


def last_runs(session: Session, no: int, limit: int | None = None) -> list[dict[str, Any]]:
    """The question's runs with their counts, newest first."""
    columns = [RUN.c[name] for name in (*_RUN, *_TIMES)]
    found = session.execute(select(*columns).where(RUN.c.task_no == no).order_by(RUN.c.no.desc()).limit(limit))
    return [dict(run._mapping) for run in found]


def parts_of_run(session: Session, run_no: int) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """The parts that one run has read, in order, and how many rows broke each rule of the contract."""
    columns = [BATCH.c[name] for name in (*_PART, "failures")]
    mine = select(*columns).where(BATCH.c.run_no == run_no, BATCH.c.contract != RETRIED).order_by(BATCH.c.no)
    found = session.execute(mine).all()
    return [{name: batch._mapping[name] for name in _PART} for batch in found], _broken(found)


def _named(task: Row[Any]) -> dict[str, Any]:
    fields = {"datasource": task.datasource, "algorithm": task.algorithm, "first_at": task.first_at}
    return {"no": task.no, "question": task.key.hex(), **fields}


def _counted_batches(session: Session, no: int) -> list[Row[Any]]:
    columns = [BATCH.c[name] for name in ("run_no", *_PART, "token", "contract", "failures")]
    counted = select(*columns).join(RUN, RUN.c.no == BATCH.c.run_no).where(RUN.c.task_no == no, RUN.c.counted)
    return list(session.execute(counted.order_by(*_IN_ORDER)))


def _broken(batches: Iterable[Row[Any]]) -> dict[str, int]:
    """How many rows broke each rule."""
    broken: Counter[str] = Counter()
    for batch in batches:
        broken.update(json.loads(batch.failures or "{}"))
    return dict(broken)


def _parts(batches: Iterable[Row[Any]], ids: dict[int, str]) -> list[dict[str, Any]]:
    """The parts of the source as they stand. `again`: it holds datapoints that are to be tried again, so it will be read."""
    parts: dict[str, dict[str, Any]] = {}
    for batch in batches:
        if batch.contract == RETRIED:
            parts[batch.part] = {**parts.get(batch.part, {"part": batch.part, "rows": None, "run": "", "at": None}), "again": True}
        elif batch.token:
            parts[batch.part] = {"part": batch.part, "rows": batch.rows, "run": ids[batch.run_no], "at": batch.at, "again": False}
        else:
            parts.pop(batch.part, None)
    return list(parts.values())


def _newest(suspects: CTE | None = None) -> Select[Any]:
    """What counted runs have said of datapoints, or of the suspects alone; each event with its rank from the newest (1) to the oldest."""
    counted = (
        select(RUN.c.task_no, TURN.label("turn"), BATCH.c.run_no, BATCH.c.no).join(RUN, RUN.c.no == BATCH.c.run_no).where(RUN.c.counted)
    )
    places = at_once(counted, "places")
    in_order = (places.c.turn.desc(), places.c.run_no.desc(), places.c.no.desc())
    rank = func.row_number().over(partition_by=(places.c.task_no, DATAPOINT.c.key), order_by=in_order).label("rank")
    here = and_(DATAPOINT.c.run_no == places.c.run_no, DATAPOINT.c.batch == places.c.no)
    events = select(places.c.task_no, DATAPOINT.c.outcome, rank).select_from(places).join(DATAPOINT, here)
    if suspects is None:
        return events
    return events.join(suspects, and_(suspects.c.task_no == places.c.task_no, suspects.c.key == swept_key()))


def _in_quarantine() -> Select[Any]:
    """How many datapoints of each question are in quarantine: of those that ever were, for the rest need not be ranked."""
    ever = select(RUN.c.task_no, QUARANTINE.c.key).join(QUARANTINE, QUARANTINE.c.run_no == RUN.c.no).where(RUN.c.counted).distinct()
    events = _newest(at_once(ever, "ever")).subquery()
    now = select(events.c.task_no, func.count()).where(events.c.rank == 1, events.c.outcome == int(Outcome.QUARANTINED))
    return now.group_by(events.c.task_no)


def _standings(session: Session, no: int) -> dict[str, int]:
    """How many datapoints are known, in quarantine, and gone, by the newest event of each."""
    every = _newest()
    events = every.where(every.selected_columns.task_no == no).subquery()
    found = _pairs(session, select(events.c.outcome, func.count()).where(events.c.rank == 1).group_by(events.c.outcome))
    known = found.get(Outcome.DONE, 0) + found.get(Outcome.MOVED, 0)
    return {"known": known, "in_quarantine": found.get(Outcome.QUARANTINED, 0), "gone": found.get(Outcome.GONE, 0)}


def _pairs(session: Session, statement: Select[Any]) -> dict[int, int]:
    return {int(row[0]): int(row[1]) for row in session.execute(statement)}
