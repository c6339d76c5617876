"""Settle: give a flow run that Prefect lost sight of the end that the pod's tables know."""

from __future__ import annotations

from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Completed, Crashed, Failed

from podium.contracts import Status
from tasks.show import outcome


async def settle(flow_run: str, status: Status) -> None:
    """Set the flow run's state. One that is still open in the tables was cut off: `Crashed`, and a new one carries the run on."""
    state: State[object]
    if not status.final:
        state = Crashed(message="The pod was restarted; another flow run carries this on.")
    elif status is Status.FAILED:
        state = Failed(name="Failed")
    elif status is Status.CANCELLED:
        state = Cancelled()
    else:
        state = Completed(name=outcome(status))
    async with get_client() as client:
        try:
            known = await client.read_flow_run(UUID(flow_run))
            if known.state is None or not known.state.is_final() or known.state.is_crashed():
                await client.set_flow_run_state(UUID(flow_run), state, force=True)
        except ObjectNotFound:
            return
