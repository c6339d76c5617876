"""Post again: results of standing tasks that waited at the hub for as long as it keeps them, and that nobody has fetched.

Who asks once a month would lose all but the last of a daily task. The pod keeps every result while the task stands, and seals it anew.
"""

from __future__ import annotations

import asyncio

from podium.contracts import Released, Reply, Status
from podium.crypto.envelope import peek
from podium.crypto.header import MAX_LIFE
from podium.errors import HubError, HubUnavailable
from podium.timeline import timeline
from schemas.records import RunRecord
from tasks.case import Case
from tasks.desk import Desk, now
from tasks.step import step


@step("post_again", retries=3)
async def post_again(desk: Desk) -> int:
    """How many were sealed anew."""
    return await renew(desk)


async def renew(desk: Desk) -> int:
    """The same, where no flow is. A result whose fate the hub does not tell any more is too: the analyst's client takes a result once."""
    posted = 0
    for record, released in await asyncio.to_thread(desk.standings.unfetched, before=now() - MAX_LIFE):
        assert record.reply is not None
        state = await _state(desk, peek(record.reply).mid)
        if state == "acked":
            desk.runs.note(record.id, fetched_at=now())
        elif state == "expired":
            posted += _renewed(desk, record, released)
    return posted


async def _state(desk: Desk, mid: str) -> str:
    try:
        return await desk.mail.message_state(mid)
    except HubUnavailable:
        raise
    except HubError:
        return "expired"


def _renewed(desk: Desk, record: RunRecord, released: Released) -> bool:
    """Seal it anew. The pod sends what is on its disk and was not sent, as after any run."""
    case = Case(desk, record)
    case.header = desk.header_of(record)
    sealed = case.sealed(Reply(run=record.id, status=Status.RELEASED, released=released))
    if sealed is not None:
        desk.runs.note(record.id, reply=sealed, replied_at=None)
        timeline("posted again", run=record.id[:8])
    return sealed is not None
