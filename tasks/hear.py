"""Hear: the analyst's word on a run's next round. Checked by the reading rules, put on disk, acknowledged; then the run is woken."""

from __future__ import annotations

from podium.contracts import Round, canonical
from podium.crypto.envelope import open_sealed, peek, read_body, reference
from podium.errors import MessageRefused
from podium.wire.hub import Leased
from schemas.records import RunRecord
from tasks.desk import Desk, now
from tasks.take_in import take_in


async def hear(desk: Desk, leased: Leased) -> None:
    """Take the message in, or drop it with a line in the log: it cannot touch a run that it does not answer. Raises HubUnavailable."""
    await take_in(desk, leased, _hear, about="about a round")


async def _hear(desk: Desk, raw: bytes) -> None:
    """Put it on disk and wake the run. Its analyst alone may write, and only in answer to our last reply. Raises MessageRefused."""
    header = peek(raw)
    record = _open_run(desk, header.run)
    rounds = desk.rounds.every(record.id)
    if rounds and rounds[-1].mid == header.mid:
        desk.bell(record.id).set()
        return
    reply = rounds[-1].reply if rounds else None
    if reply is None or header.from_key != record.analyst:
        raise MessageRefused("reply_to")
    last = reference(peek(reply).mid, reply)
    sender = await desk.identity_of(header.from_key)
    opened = open_sealed(
        raw,
        me=desk.config.identifier,
        identity_of=lambda _: sender,
        key_of=desk.ring.private_for,
        replay=desk.replay,
        exchange=lambda header: (header.re, header.task, header.run) == (last, record.task, record.id),
        now=now(),
        run=record.id,
    )
    word = read_body(opened.body, Round)
    if word.no != rounds[-1].no + 1:
        raise MessageRefused("body")
    parameters = canonical(word.parameters).decode() if word.parameters is not None else ""
    ends = word.parameters is None
    if not desk.rounds.hear(record.id, word.no, mid=header.mid, reference=opened.reference, parameters=parameters, last=ends):
        raise MessageRefused("sequence")
    desk.bell(record.id).set()


def _open_run(desk: Desk, run: str) -> RunRecord:
    try:
        record = desk.runs.get(run)
    except KeyError:
        raise MessageRefused("reply_to") from None
    if record.status.final:
        raise MessageRefused("reply_to")
    return record
