"""Which results used a datapoint: the custodian's question, answered from what counted runs have said of its key.

A run used a datapoint where it says so (`DONE`). Unchanged datapoints are not written again: a full run, which reads everything, also used
each one that stood as done when it began; a run on new data only did not. One that moved to another part is unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Row, Select, and_, select
from sqlmodel import Session

from podium.contracts import Outcome
from schemas.history_retry import RETRIED
from schemas.tables import BATCH, DATAPOINT, QUARANTINE, RESULT, RUN, TASK, TURN, at_once

SHORT = 8
_TOLD = ("id", "status", "code", "alias", "analyst", "task", "repeat_no", "rows_released", "finished_at")


def uses(session: Session, datasource: str, key: bytes) -> list[dict[str, Any]]:
    """For each question on the datasource that knows the key: in which versions and runs it was used, and how it stands now."""
    events: dict[int, list[Row[Any]]] = {}
    for event in session.execute(_events(datasource, key)):
        events.setdefault(event.task_no, []).append(event)
    return [_use(session, task_no, said, key=key) for task_no, said in events.items()]


def known(session: Session, datasource: str, key: bytes) -> bool:
    """Whether any counted run says something of the key."""
    return session.execute(_events(datasource, key)).first() is not None


def on_new_only(task_json: str) -> bool:
    """Whether a run of this task read only what was new: it was asked so, or it stands and does not cumulate."""
    task = json.loads(task_json or "{}")
    repeat = task.get("repeat")
    return bool(task.get("new_data_only")) or (repeat is not None and not repeat.get("cumulative", False))


def _events(datasource: str, key: bytes) -> Select[Any]:
    """Every batch is probed for the key: a datapoint is found by (run, batch, key), and there is no other way to it."""
    batches = select(RUN.c.task_no, TURN.label("turn"), BATCH.c.run_no, BATCH.c.no, BATCH.c.contract).join(RUN, RUN.c.no == BATCH.c.run_no)
    counted = batches.join(TASK, TASK.c.no == RUN.c.task_no).where(TASK.c.datasource == datasource, RUN.c.counted)
    places = at_once(counted, "places").c
    place = and_(DATAPOINT.c.run_no == places.run_no, DATAPOINT.c.batch == places.no, DATAPOINT.c.key == key)
    events = select(places.task_no, places.run_no, places.contract, DATAPOINT.c.fingerprint, DATAPOINT.c.outcome).join(DATAPOINT, place)
    return events.order_by(places.task_no, places.turn, places.run_no, places.no)


def _use(session: Session, task_no: int, said: Sequence[Row[Any]], *, key: bytes) -> dict[str, Any]:
    task = session.execute(select(TASK).where(TASK.c.no == task_no)).one()
    used = list(_walk(session.execute(_runs(task_no)).all(), said))
    return {
        "no": task_no,
        "question": task.key.hex(),
        "datasource": task.datasource,
        "algorithm": task.algorithm,
        "first_used_at": used[0]["finished_at"] if used else None,
        "versions": list(dict.fromkeys(run["version"] for run in used)),
        "used_in": used,
        **_now(session, key, said[-1]),
    }


def _runs(task_no: int) -> Select[Any]:
    runs = select(RUN.c.no, RUN.c.task_json, *(RUN.c[name] for name in _TOLD), RESULT.c.released)
    counted = runs.outerjoin(RESULT, RESULT.c.run == RUN.c.id).where(RUN.c.task_no == task_no, RUN.c.counted)
    return counted.order_by(TURN, RUN.c.no)


def _walk(runs: Sequence[Row[Any]], events: Sequence[Row[Any]]) -> Iterator[dict[str, Any]]:
    """The runs that used it, oldest first, each with the version that it used."""
    said: dict[int, list[Row[Any]]] = {}
    for event in events:
        said.setdefault(event.run_no, []).append(event)
    version, stands = b"", False  # as done, in that version
    for run in runs:
        done = any(event.outcome == Outcome.DONE for event in said.get(run.no, ()))
        how = ("changed" if stands else "new") if done else "unchanged"
        for event in said.get(run.no, ()):
            stands = event.outcome in (Outcome.DONE, Outcome.MOVED)
            version = event.fingerprint if stands else version
        if done or (stands and not on_new_only(run.task_json)):
            shown = {name: run._mapping[name] for name in _TOLD}
            released = json.loads(run.released) if run.released else None
            yield {**shown, "how": how, "version": version.hex()[:SHORT], "released": released}


def _now(session: Session, key: bytes, last: Row[Any]) -> dict[str, str]:
    if last.outcome == Outcome.QUARANTINED:
        reason = select(QUARANTINE.c.rule).where(QUARANTINE.c.run_no == last.run_no, QUARANTINE.c.key == key)
        return {"now": "quarantined", "rule": session.execute(reason).scalars().first() or ""}
    if last.outcome == Outcome.GONE:
        return {"now": "to be tried again" if last.contract == RETRIED else "gone", "rule": ""}
    return {"now": "known", "rule": ""}
