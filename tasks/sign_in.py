"""Sign in: the pod's API key at its hub, the saved one or one for an enrolment code."""

from __future__ import annotations

import asyncio

from podium.config import Settings
from podium.errors import HubError, HubUnavailable, PodRegistrationError
from podium.wire.credentials import sign_in as enrol
from podium.wire.hub import HubClient
from tasks.desk import Desk
from tasks.step import step


@step("sign-in", retries=5)
async def sign_in(desk: Desk) -> None:
    """Give the desk's hub client its key. Raises PodRegistrationError when the hub does not know this pod's owner."""
    owner = desk.config.pod.owner
    client = HubClient(desk.config.hub.url)
    try:
        desk.hub.api_key = desk.mail.api_key = await asyncio.to_thread(enrol, client, desk.identity, owner, Settings().hub_code)
    except HubUnavailable:
        raise
    except HubError as error:
        raise PodRegistrationError(error.message, field="hub", remedy=error.remedy) from None
    finally:
        client.close()
