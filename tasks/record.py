"""Record: status, result, history and the sealed reply in one transaction. From here on a crash costs nothing."""

from __future__ import annotations

import asyncio
from functools import partial

from podium.contracts import Reply, Status
from podium.protocols import Send
from tasks.case import Case
from tasks.standing import last_cells
from tasks.step import coded
from tasks.tally import used


@coded
async def record(case: Case) -> None:
    """End the run with what was released, or the round, if the protocol goes on."""
    if case.turn(Send, case.released).last:
        await end(case)
    else:
        await answer(case)


async def answer(case: Case) -> None:
    """The round's sealed reply and what it says, and that the run now waits."""
    no = case.answered + 1
    reply = case.sealed(Reply(run=case.run, status=Status.WAITING, round=no, released=case.released))
    assert reply is not None
    answered = partial(case.desk.rounds.answer, case.run, no, released=case.released, reply=reply)
    await asyncio.to_thread(answered, reference=case.reference, rows=case.reading.rows_read)
    case.record, case.rounds = case.desk.runs.get(case.run), case.desk.rounds.every(case.run)


async def end(case: Case) -> None:
    """The run's end. What it has committed counts from now on; what was kept back whole has not been used, and is still new next time."""
    reply = Reply(run=case.run, status=case.released.status, released=case.released)
    counts = bool(case.rounds) or reply.status is Status.RELEASED
    finish = partial(case.desk.runs.finish, case.run, reply.status, reply=case.sealed(reply), released=case.released, keep=case.keeps)
    seen = used(case.desk, case.run, strict=case.task.new_data_only) if counts else None
    case.record = await asyncio.to_thread(finish, used=seen, cells=last_cells(case))
