"""Flow runs whose process died without a word: Prefect has no rule of its own for them, so Podium makes one.

A run sends a heartbeat every 30 s (`podium.runner.settings`). Where none follows within 120 s, nor an event that explains the
silence, the run is marked Crashed. The wait must stay well above the beat: a shorter one crashes healthy runs.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from podium.runner.settings import HEARTBEAT_SECONDS

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.events.schemas.automations import AutomationCore

NAME = "podium: crash silent runs"
SILENT_SECONDS = 4 * HEARTBEAT_SECONDS
HEARTBEAT = "prefect.flow-run.heartbeat"

# Prefect's own names for an end or a pause, then the ones that Podium gives to its runs. An end that is missing here does no
# harm (Prefect refuses to crash a finished run); a missing `Suspended` would crash every approval that waits for a person.
EXPLAINED = (
    "Completed", "Failed", "Cancelled", "Crashed", "TimedOut", "Suspended", "Paused", "Scheduled", "AwaitingRetry", "Resuming",
    "Released", "Suppressed", "Rejected", "Expired", "Denied",
)  # fmt: skip


async def ensure_zombie_automation(client: PrefectClient) -> UUID:
    """Make the rule, or bring the one of that name up to date; its id. Idempotent: a second copy is removed."""
    from httpx import codes
    from prefect.exceptions import PrefectHTTPStatusError

    wanted = _automation()
    found = await client.read_automations_by_name(NAME)
    if not found:
        return await client.create_automation(wanted)
    first, *copies = sorted(found, key=lambda automation: automation.id)
    for copy in copies:
        try:
            await client.delete_automation(copy.id)
        except PrefectHTTPStatusError as error:
            if error.response.status_code != codes.NOT_FOUND:  # else another pod that starts just now was first
                raise
    if first.model_dump(include=set(type(wanted).model_fields)) != wanted.model_dump():
        await client.update_automation(first.id, wanted)
    return first.id


def _automation() -> AutomationCore:
    from prefect.client.schemas.objects import StateType
    from prefect.events.actions import ChangeFlowRunState
    from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
    from prefect.events.schemas.events import ResourceSpecification

    return AutomationCore(
        name=NAME,
        description="Made by Podium: a flow run whose process is gone becomes Crashed, and recovery takes it up.",
        enabled=True,
        trigger=EventTrigger(
            posture=Posture.Proactive,
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            after={HEARTBEAT},
            expect={HEARTBEAT, *(f"prefect.flow-run.{name}" for name in EXPLAINED)},
            for_each={"prefect.resource.id"},
            threshold=1,
            within=timedelta(seconds=SILENT_SECONDS),
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message="No heartbeat: its process is gone.")],
    )
