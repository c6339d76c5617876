"""Cancel in Prefect's UI, for runs of the pod's own process: Prefect marks the flow run Cancelling and leaves the rest to others.

(What a deployment runs is a process of its own, which Prefect's runner ends itself.)
"""

from __future__ import annotations

from typing import Any

from podium.runner.flows import Flows


class Cancelling:
    """Looks for flow runs of this pod that somebody wants ended, as long as there may be any."""

    def __init__(self, desk: Any, flows: Flows) -> None:
        self.desk, self.flows = desk, flows
        self._busy = False

    async def look(self) -> None:
        """One look. A run that ended in the meantime stays as it ended, and Prefect is told so."""
        before, self._busy = self._busy, bool(self.desk.active)
        if not (before or self._busy):
            return
        wanted = await self._wanted()
        for record in self.desk.runs.recent() if wanted else ():
            if record.flow_run in wanted and not self.flows.cancel(self.desk, record.id):
                await self.flows.settle(record.flow_run, record.status)

    async def _wanted(self) -> set[str]:
        from prefect.client.orchestration import get_client
        from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType, FlowRunFilterTags
        from prefect.client.schemas.objects import StateType

        cancelling = FlowRunFilter(
            tags=FlowRunFilterTags(all_=[self.desk.tag]),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.CANCELLING])),
        )
        async with get_client() as client:
            return {str(run.id) for run in await client.read_flow_runs(flow_run_filter=cancelling)}
