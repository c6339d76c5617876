"""Record: status, result, datapoints and the sealed reply in one transaction. From here on a crash costs nothing."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from functools import partial

from podium.contracts import Reply, SelectReport, Status
from podium.protocols import Send
from tasks.case import Case
from tasks.step import coded

WIDTH = 16


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
    await asyncio.to_thread(answered, reference=case.reference, rows=digest(case.chosen))
    case.record, case.rounds = case.desk.runs.get(case.run), case.desk.rounds.every(case.run)


async def end(case: Case) -> None:
    """The run's end. Rows that can no longer be told, since they changed after a restart, are not noted as used."""
    chosen = getattr(case, "chosen", None)
    reply = Reply(run=case.run, status=case.released.status, released=case.released)
    keep = case.desk.config.history.pod_db
    changed, new = (chosen.changed, chosen.new) if chosen else (None, None)
    used = keep and (case.rounds or reply.status is Status.RELEASED)  # what was kept back has not been used: it is still new the next time
    case.record = await asyncio.to_thread(
        case.desk.runs.finish,
        case.run,
        reply.status,
        reply=case.sealed(reply),
        released=case.released,
        keep=keep,
        datapoints=_pairs(chosen) if used and chosen else (),
        task_key=case.task_key,
        new=new,
        changed=changed,
    )


def digest(chosen: SelectReport) -> bytes:
    """Stands for the very rows that were chosen, in this version."""
    return hashlib.sha256(chosen.keys + chosen.fingerprints).digest()


def _pairs(chosen: SelectReport) -> Iterator[tuple[bytes, bytes]]:
    for at in range(0, len(chosen.keys), WIDTH):
        yield chosen.keys[at : at + WIDTH], chosen.fingerprints[at : at + WIDTH]
