"""Register: publish who the pod is, which key seals to it, and that it is alive."""

from __future__ import annotations

import podium
from podium.errors import HubError, HubUnavailable, PodRegistrationError
from podium.timeline import timeline
from tasks.desk import Desk, now
from tasks.step import step


@step("register", retries=5)
async def register(desk: Desk) -> None:
    """Raises PodRegistrationError when the hub refuses, say because the name belongs to another key."""
    if desk.ring.due(now()):
        desk.ring.rotate(now())
    pod = desk.config.pod
    try:
        await desk.hub.register_pod(
            desk.config.identifier,
            statement=desk.ring.statement(now()),
            display_name=pod.display_name,
            description=pod.description,
            version=podium.__version__,
        )
    except HubUnavailable:
        raise
    except HubError as error:
        raise PodRegistrationError(error.message, field="pod", remedy=error.remedy) from None
    timeline("registered", pod=desk.tag)
