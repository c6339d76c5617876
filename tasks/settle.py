"""Settle: give a flow run that Prefect lost sight of the end that the pod's tables know."""

from __future__ import annotations

from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed

from podium.contracts import Status
from tasks.ending import ending


async def settle(flow_run: str, status: Status) -> bool:
    """Set the flow run's state. One that is still open in the tables was cut off: `Crashed`, and a new one carries the run on.

    True when somebody had asked Prefect to cancel the flow run before.
    """
    state: State[object] = ending(status) if status.final else Crashed(message="The pod was restarted; another flow run carries this on.")
    async with get_client() as client:
        try:
            known = (await client.read_flow_run(UUID(flow_run))).state
            if known is None or not known.is_final() or known.is_crashed():
                await client.set_flow_run_state(UUID(flow_run), state, force=True)
            return known is not None and (known.is_cancelling() or known.is_cancelled())
        except ObjectNotFound:
            return False
