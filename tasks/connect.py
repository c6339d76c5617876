"""Connect: does the hub answer?"""

from __future__ import annotations

from podium.errors import HubUnavailable
from tasks.desk import Desk
from tasks.step import log, step


@step("connect", retries=5)
async def connect(desk: Desk) -> None:
    """Raises HubUnavailable, which is tried again with growing pauses."""
    try:
        await desk.hub.health()
    except HubUnavailable as error:
        desk.state.set(hub=str(error))
        log.warning("%s", error)
        raise
    desk.state.set(hub="reached")
