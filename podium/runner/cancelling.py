"""Cancel in Prefect's UI, for runs of the pod's own process: Prefect marks the flow run Cancelling and leaves the rest to others.

(What a deployment runs is a process of its own, which Prefect's runner ends itself.)
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from podium.runner.flows import Flows


class Cancelling:
    """Looks for flow runs of this pod that somebody wants ended, as long as there may be any."""

    def __init__(self, desk: Any, flows: Flows) -> None:
        self.desk, self.flows = desk, flows
        self._busy = False

    def due(self) -> bool:
        """Whether a look is worth it: while runs are in hand, and once afterwards."""
        before, self._busy = self._busy, bool(self.desk.active)
        return before or self._busy

    async def look(self) -> None:
        """One look. A run that ended in the meantime stays as it ended, and Prefect is told so."""
        records = {record.flow_run: record for record in self.desk.runs.recent() if record.flow_run}
        for flow_run, stuck in (await _cancelled(list(records))).items():
            record = records[flow_run]
            if not self.flows.cancel(self.desk, record.id) and stuck:
                await self.flows.settle(flow_run, record.status)


async def _cancelled(flow_runs: list[str]) -> dict[str, bool]:
    """Those of the flow runs that somebody cancelled, and whether they are still `Cancelling`."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId, FlowRunFilterState, FlowRunFilterStateType
    from prefect.client.schemas.objects import StateType

    asked = FlowRunFilter(
        id=FlowRunFilterId(any_=[UUID(each) for each in flow_runs]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.CANCELLING, StateType.CANCELLED])),
    )
    async with get_client() as client:
        found = await client.read_flow_runs(flow_run_filter=asked) if flow_runs else []
    return {str(run.id): run.state_type is StateType.CANCELLING for run in found}
