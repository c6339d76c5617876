"""Record: status, result, datapoints and the sealed reply in one transaction. From here on a crash costs nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from podium.contracts import Reply, SelectReport, Status
from podium.protocols import Send
from tasks.case import Case
from tasks.step import coded

WIDTH = 16


@coded
async def record(case: Case) -> None:
    """End the run with what was released."""
    case.turn(Send, case.released)
    reply = Reply(run=case.run, status=case.released.status, released=case.released)
    keep = case.desk.config.history.pod_db
    used = keep and reply.status is Status.RELEASED  # what was kept back has not been used: it is still new the next time
    case.record = await asyncio.to_thread(
        case.desk.runs.finish,
        case.run,
        reply.status,
        reply=case.sealed(reply),
        released=case.released,
        keep=keep,
        datapoints=_pairs(case.chosen) if used else (),
        task_key=case.task_key,
        new=case.chosen.new,
        changed=case.chosen.changed,
    )


def _pairs(chosen: SelectReport) -> Iterator[tuple[bytes, bytes]]:
    for at in range(0, len(chosen.keys), WIDTH):
        yield chosen.keys[at : at + WIDTH], chosen.fingerprints[at : at + WIDTH]
