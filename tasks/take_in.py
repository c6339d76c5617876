"""Take in: a message about a run that is here already. It acts, or is dropped with a line in the log; either way it is acknowledged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from podium.errors import HubError, HubUnavailable, MessageRefused, TrustError
from podium.wire.hub import Leased
from tasks.desk import Desk
from tasks.step import log


async def take_in(desk: Desk, leased: Leased, act: Callable[[Desk, bytes], Awaitable[None]], *, about: str) -> None:
    """`act` checks the message and puts what it says on disk. Raises HubUnavailable: the message then comes again."""
    try:
        await act(desk, leased.raw)
    except (MessageRefused, TrustError) as error:
        log.warning("a message %s was dropped: %s", about, getattr(error, "rule", error.code))
    try:
        await desk.mail.ack(leased.mid, attempt=leased.attempt)
    except HubUnavailable:
        raise
    except HubError as error:
        log.warning("a message %s was not acknowledged: %s", about, error.code)
