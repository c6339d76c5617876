"""Heed: the analyst's word that a run of hers is to end. Checked by the reading rules, put on disk, acted on; then acknowledged.

The message names the run, which is the hash of her task message, and that message itself in `re`: signed by her key, it can be about no
task but her own. So it counts before its task has come, too; the task is then not run. A standing task it ends between two repeats, too.
"""

from __future__ import annotations

from podium.contracts import Cancel
from podium.crypto.envelope import open_sealed, peek, read_body
from podium.crypto.header import Header
from podium.errors import MessageRefused
from podium.wire.hub import Leased
from schemas.records import RunRecord
from schemas.standing import ANALYST
from tasks.cancel import cancel
from tasks.desk import Desk, now
from tasks.step import log
from tasks.take_in import take_in


async def heed(desk: Desk, leased: Leased) -> None:
    """Cancel the run, or drop the message with a line in the log. Raises HubUnavailable."""
    await take_in(desk, leased, _heed, about="to cancel a run")


async def _heed(desk: Desk, raw: bytes) -> None:
    header = peek(raw)
    record = _known(desk, header.run)
    if record is not None and record.status.final and not _stands(desk, record):
        log.info("run %s had ended as %s before it was cancelled", record.id[:8], record.status)
        return
    if not _of_its_task(desk, header, record):  # before anything is remembered
        raise MessageRefused("reply_to")
    sender = await desk.identity_of(header.from_key)
    opened = open_sealed(
        raw,
        me=desk.config.identifier,
        identity_of=lambda _: sender,
        key_of=desk.ring.private_for,
        replay=desk.replay,
        exchange=lambda header: _of_its_task(desk, header, record),
        now=now(),
        run=header.run,
    )
    read_body(opened.body, Cancel)
    if record is not None and record.status.final:
        desk.standings.end(record.id, by=ANALYST, now=now())  # the pod ends a repeat that is under way, and says that it is over
        return
    desk.cancels.keep(header.run, analyst=header.from_key, expires=header.exp)
    if _known(desk, header.run) is not None:
        cancel(desk, header.run)


def _known(desk: Desk, run: str) -> RunRecord | None:
    try:
        return desk.runs.get(run)
    except KeyError:
        return None


def _stands(desk: Desk, record: RunRecord) -> bool:
    kept = desk.standings.of(record.id)
    return kept is not None and kept.ended_at is None


def _of_its_task(desk: Desk, header: Header, record: RunRecord | None) -> bool:
    """Whether `re` is the message that starts the run; where that is here, whether task, message and analyst are its own."""
    mid, _, digest = header.re.partition(".")
    if not digest.startswith(header.run):
        return False
    if record is None:
        return True
    task = desk.header_of(record)
    return (mid, header.task, header.from_key) == (task.mid, task.task, task.from_key)
