"""Results of datapoints, read and pruned. Only counted runs have any that stand; a datapoint's is that of the newest that gave it one."""

from __future__ import annotations

import logging
import math
import struct
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Row, Select, and_, delete, func, select, update
from sqlmodel import Session

from podium.contracts import Outcome
from podium.errors import ConfigError
from podium.history.results import VALUE, WIDTH, Sealer, divided
from schemas.stores import PodDatabase
from schemas.tables import BATCH, DATAPOINT, GIVEN, RUN, TASK, TURN, at_once

NONE = struct.pack("<d", math.inf)  # in the place of a number: nothing stands any more

log = logging.getLogger("podium.database")


def count(session: Session, task_no: int, run_no: int | None = None) -> int:
    """How many results the question has, or one run of it; those that newer ones have replaced among them."""
    every = select(func.coalesce(func.sum(GIVEN.c.datapoints), 0)).join(RUN, RUN.c.no == GIVEN.c.run_no)
    return int(session.execute(_of(every, task_no, run_no)).scalar_one())


def records(session: Session, task_no: int, run_no: int | None = None, *, secret: bytes) -> Iterator[bytes]:
    """What was given, in chunks of packed records of 24 bytes: key and number, the last one of a key counts.

    Of a whole question, oldest first, and with NONE for datapoints that went or fell into quarantine. Raises ConfigError.
    """
    batches = select(RUN.c.id, BATCH.c.run_no, BATCH.c.no).select_from(BATCH).join(RUN, RUN.c.no == BATCH.c.run_no)
    found = session.execute(_of(batches, task_no, run_no).order_by(TURN, BATCH.c.run_no, BATCH.c.no)).all()
    sealer = _sealer(session, task_no, secret)
    for batch in found:
        events = session.execute(_events(batch.run_no, batch.no)).all()
        given = _opened(session, batch, sealer)
        none = NONE if run_no is None else b""
        pairs = [(key, given.get(key, b"") if outcome == Outcome.DONE else none) for key, outcome in events]
        yield b"".join(key + number for key, number in pairs if number)


def result(session: Session, task_no: int, key: bytes, *, secret: bytes) -> dict[str, float | None]:
    """`result`: what the datapoint was given by the question (None: it was used, and has none); nothing where none stands."""
    batches = select(RUN.c.id, TURN.label("turn"), BATCH.c.run_no, BATCH.c.no).join(RUN, RUN.c.no == BATCH.c.run_no)
    places = at_once(_of(batches, task_no), "places").c
    here = and_(DATAPOINT.c.run_no == places.run_no, DATAPOINT.c.batch == places.no, DATAPOINT.c.key == key)
    said = select(places.id, places.run_no, places.no, DATAPOINT.c.outcome).join(DATAPOINT, here)
    said = said.where(DATAPOINT.c.outcome != int(Outcome.MOVED))
    last = session.execute(said.order_by(places.turn.desc(), places.run_no.desc(), places.no.desc()).limit(1)).first()
    if last is None or last.outcome != Outcome.DONE:
        return {}
    number = _opened(session, last, _sealer(session, task_no, secret)).get(key)
    if number is None:
        return {}
    value = struct.unpack("<d", number)[0]
    return {"result": None if math.isnan(value) else value}


def prune(database: PodDatabase, secret: Callable[[], bytes]) -> None:
    """Seal batches again whose datapoints have been forgotten in part, without those. It goes a batch at a time."""
    mine = and_(DATAPOINT.c.run_no == GIVEN.c.run_no, DATAPOINT.c.batch == GIVEN.c.batch, DATAPOINT.c.outcome == int(Outcome.DONE))
    left = select(func.count()).select_from(DATAPOINT).where(mine).scalar_subquery()
    stale = select(GIVEN.c.run_no, GIVEN.c.batch.label("no"), RUN.c.id, RUN.c.task_no).join(RUN, RUN.c.no == GIVEN.c.run_no)
    with database.transaction() as session:
        batches = session.execute(stale.where(RUN.c.counted, left < GIVEN.c.datapoints)).all()
    for batch in batches:
        with database.transaction() as session:
            _seal_again(session, batch, secret)


def _seal_again(session: Session, batch: Row[Any], secret: Callable[[], bytes]) -> None:
    here = and_(GIVEN.c.run_no == batch.run_no, GIVEN.c.batch == batch.no)
    left = [event.key for event in session.execute(_events(batch.run_no, batch.no)) if event.outcome == Outcome.DONE]
    if not left:
        session.execute(delete(GIVEN).where(here))
        return
    sealer = _sealer(session, batch.task_no, secret())
    try:
        given = _opened(session, batch, sealer)
    except ConfigError as error:
        log.warning("results of batch %d of run %s stay as they are: %s", batch.no, batch.id[:8], error)
        return
    kept = [key for key in left if key in given]
    sealed = sealer.seal(b"".join([*kept, *(given[key] for key in kept)]), run=batch.id, batch=batch.no)
    session.execute(update(GIVEN).where(here).values(datapoints=len(kept), sealed=sealed))


def _of(statement: Select[Any], task_no: int, run_no: int | None = None) -> Select[Any]:
    """Of the question's counted runs, or of this one."""
    counted = statement.where(RUN.c.task_no == task_no, RUN.c.counted)
    return counted if run_no is None else counted.where(RUN.c.no == run_no)


def _events(run_no: int, batch: int) -> Select[Any]:
    mine = and_(DATAPOINT.c.run_no == run_no, DATAPOINT.c.batch == batch, DATAPOINT.c.outcome != int(Outcome.MOVED))
    return select(DATAPOINT.c.key, DATAPOINT.c.outcome).where(mine).order_by(DATAPOINT.c.key)


def _sealer(session: Session, task_no: int, secret: bytes) -> Sealer:
    task = session.execute(select(TASK.c.key, TASK.c.datasource).where(TASK.c.no == task_no)).one()
    return Sealer(secret, datasource=task.datasource, question=task.key)


def _opened(session: Session, batch: Row[Any], sealer: Sealer) -> dict[bytes, bytes]:
    """The batch's results by key: the eight bytes of each number."""
    sealed = session.execute(select(GIVEN.c.sealed).where(GIVEN.c.run_no == batch.run_no, GIVEN.c.batch == batch.no)).scalar()
    if sealed is None:
        return {}
    keys, numbers = divided(sealer.open(sealed, run=batch.id, batch=batch.no))
    return {keys[at * WIDTH : (at + 1) * WIDTH]: numbers[at * VALUE : (at + 1) * VALUE] for at in range(len(keys) // WIDTH)}
