"""Converse: all rounds after the first, as one step. While the analyst thinks, the run holds neither a worker nor a slot.

Each round reads the rows anew, and they must be the very rows of the first: else the figures would not belong together. Its reply is on
disk before it is sent, and a run taken up again after a crash goes on from the last round that is.
"""

from __future__ import annotations

import asyncio
import json

from podium.contracts import Released, Round, Status
from podium.errors import HubError, HubUnavailable, TaskError
from podium.protocols import Await, Compute, Release, Send
from podium.timeline import timeline
from schemas.records import RoundRecord
from tasks.case import Case, rows
from tasks.compute import work_out
from tasks.desk import now
from tasks.reading import Reading
from tasks.record import answer, end
from tasks.release import let_out
from tasks.step import log, step

LOOK_AGAIN, TRY_AGAIN = 30.0, 1.0


@step("converse")
async def converse(case: Case) -> None:
    """Until the analyst says that there is no further round, a round is kept back whole, or she is silent for too long."""
    if not hasattr(case, "turns"):
        _rejoin(case)
    while case.open:
        case.turn(Await)
        word = await _next_word(case)
        case.rounds = case.desk.rounds.every(case.run)
        following = case.proceed(_said(word))
        if isinstance(following, Send):
            await end(case)
            return
        if not isinstance(following, Compute):
            raise TaskError(f"protocol {case.protocol.kind} does not go on with a round.", code="protocol")
        async with rows(case):
            await _read_again(case)
            await work_out(case)
        await let_out(case)
        if case.turn(Send, case.released).last:
            await end(case)
        else:
            await answer(case)


def _rejoin(case: Case) -> None:
    """Bring the protocol's generator to where the tables say it was: behind the reply to the last answered round."""
    case.turns = case.protocol.pod()
    case.turn(Compute)
    for past in case.rounds[: case.answered]:
        if past.no > 1:
            case.turn(Await)
            case.turn(Compute, _said(past))
        case.turn(Release)
        case.released = Released.model_validate_json(past.released)
        case.turn(Send, case.released)


async def _next_word(case: Case) -> RoundRecord:
    """The analyst's next message, as soon as it is on disk. Raises TaskError (`expired`)."""
    desk, last = case.desk, case.rounds[case.answered - 1]
    until = now() + desk.config.limits.wait_seconds
    timeline("waiting for the analyst", run=case.id8, round=last.no)
    await asyncio.to_thread(desk.runs.note, case.run, status=Status.WAITING)
    async with desk.away(case.run):
        sent = last.replied_at is not None
        while True:
            bell = desk.bell(case.run)
            bell.clear()
            sent = sent or await _sent(case, last)
            known = await asyncio.to_thread(desk.rounds.every, case.run)
            if len(known) > last.no:
                break
            left = until - now()
            if left <= 0:
                raise TaskError("The analyst's next round did not come in time.", status="expired", code="expired")
            await _either(bell, min(left, LOOK_AGAIN if sent else TRY_AGAIN))
    await asyncio.to_thread(desk.runs.note, case.run, status=Status.RUNNING)
    return known[-1]


async def _sent(case: Case, last: RoundRecord) -> bool:
    """Send the round's reply; False if the hub is away. A final no of the hub is logged: the wait then ends in time."""
    assert last.reply is not None
    try:
        await case.desk.mail.post(last.reply)
    except HubUnavailable as error:
        log.warning("run %s: its reply is kept until the hub answers: %s", case.id8, error)
        return False
    except HubError as error:
        log.error("run %s: the hub refuses its reply: %s", case.id8, error)
    await asyncio.to_thread(case.desk.rounds.note, case.run, last.no, replied_at=now())
    return True


async def _either(bell: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await bell.wait()
    except TimeoutError:
        return


async def _read_again(case: Case) -> None:
    case.reading = Reading(case, again=True)
    await case.reading.survey()
    await case.reading.begin()
    await case.reading.read()
    if case.reading.rows_read != case.rounds[0].rows:
        raise TaskError("The data changed between two rounds.", code="data_changed")


def _said(word: RoundRecord) -> Round:
    return Round(no=word.no, parameters=json.loads(word.parameters) if word.parameters else None)
