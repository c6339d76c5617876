"""Record: status, result, datapoints and the sealed reply in one transaction. From here on a crash costs nothing."""

from __future__ import annotations

import asyncio
import hashlib
from functools import partial

from podium.contracts import PartReport, Reply, SelectReport, Status
from podium.protocols import Send
from schemas.history import Used
from tasks.case import Case
from tasks.step import coded


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
    used = None
    if chosen and keep and (case.rounds or reply.status is Status.RELEASED):  # what was kept back is still new the next time
        report = PartReport(
            rows=chosen.total,
            new=chosen.new,
            changed=chosen.changed,
            unchanged=chosen.total - chosen.chosen,
            quarantined=0,
            used=chosen.chosen,
            keys=chosen.keys,
            fingerprints=chosen.fingerprints,
            outcomes=bytes(chosen.chosen),
        )
        no, task_no = case.record.no, case.desk.runs.get(case.run).task_no
        assert no is not None
        assert task_no is not None
        await asyncio.to_thread(partial(case.desk.history.commit, no, 0, part="all", token="1", report=report, whole=False))  # noqa: S106
        used = Used(
            task_no=task_no,
            after=case.standing.last_run,
            token="",
            total=chosen.total,
            new=chosen.new,
            changed=chosen.changed,
            unchanged=chosen.total - chosen.chosen,
            quarantined=0,
            gone=0,
        )
    finish = partial(case.desk.runs.finish, case.run, reply.status, reply=case.sealed(reply), released=case.released, keep=keep, used=used)
    case.record = await asyncio.to_thread(finish)


def digest(chosen: SelectReport) -> bytes:
    """Stands for the very rows that were chosen, in this version."""
    return hashlib.sha256(chosen.keys + chosen.fingerprints).digest()
