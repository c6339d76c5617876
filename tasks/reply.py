"""Reply: send what was recorded, then acknowledge the task. Both may be done again; the hub knows a message by its id."""

from __future__ import annotations

import contextlib

from podium.errors import HubError, HubUnavailable
from schemas.records import RunRecord
from tasks.case import Case
from tasks.desk import Desk, now
from tasks.step import log, step

# A hub that lost its database, where the analyst will enrol again; and something else that answers at the hub's address.
LATER = frozenset({"unknown_address", "not_a_hub"})


@step("reply", seconds=60)
async def reply(case: Case) -> None:
    """Send the reply now if the hub is there; else it stays on disk, and the pod sends it when the hub is back."""
    try:
        await deliver(case.desk, case.record)
    except HubUnavailable as error:
        log.warning("run %s: its reply is kept until the hub answers: %s", case.id8, error)


async def deliver(desk: Desk, record: RunRecord) -> None:
    """Post the reply of an ended run and acknowledge its task. Raises HubUnavailable; a final no of the hub is logged and kept."""
    if record.replied_at is None:
        try:
            if record.reply is not None:
                await desk.mail.post(record.reply)
        except HubUnavailable:
            raise
        except HubError as error:
            if error.code in LATER:
                raise HubUnavailable(error.message) from None
            log.error("run %s: the hub refuses its reply: %s", record.id[:8], error)
        desk.runs.note(record.id, replied_at=now())
    await acknowledge(desk, record)


async def acknowledge(desk: Desk, record: RunRecord) -> None:
    """Tell the hub that it need not keep the task any more. Raises HubUnavailable."""
    if record.acknowledged_at is None:
        with contextlib.suppress(_LeaseLost):
            await _acknowledge(desk, record)
        desk.runs.note(record.id, acknowledged_at=now())


class _LeaseLost(Exception):
    """The hub has leased the message again; that lease will be acknowledged when it arrives."""


async def _acknowledge(desk: Desk, record: RunRecord) -> None:
    try:
        await desk.mail.ack(record.mid, attempt=record.lease_attempt)
    except HubUnavailable:
        raise
    except HubError:
        raise _LeaseLost from None
