"""Starts a computation in the pod's own process, as a run of its deployment: Prefect's UI offers Cancel for those only."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from podium.runner.flows import Flows


class Computing:
    """Starts computations of one pod."""

    def __init__(self, desk: Any, flows: Flows) -> None:
        self.desk, self.flows, self.flow = desk, flows, flows.computation
        self._deployment: UUID | None = None

    async def run(self, run: str) -> None:
        """Carry out one run. Where the deployment is missing (the pod has only just begun, or a person removed it) it goes without."""
        from prefect.exceptions import CancelledRun
        from prefect.flow_engine import run_flow

        parameters = {"pod": self.desk.tag, "run": run}
        planned = await self._planned(parameters)
        try:
            if planned is None:
                await self.flow(**parameters)
            else:
                await run_flow(self.flow, flow_run=planned, parameters=parameters)  # type: ignore[misc]
        except CancelledRun:
            self.flows.cancel(self.desk, run)  # a flow run that never began, say; the others have ended in the tables

    async def _planned(self, parameters: dict[str, str]) -> Any:
        from prefect.client.orchestration import get_client
        from prefect.exceptions import ObjectNotFound
        from prefect.states import Pending

        async with get_client() as client:
            try:
                if self._deployment is None:
                    self._deployment = (await client.read_deployment_by_name(f"{self.flow.name}/{self.desk.tag}")).id
                # Pending, not Scheduled: nobody else is to take it up.
                return await client.create_flow_run_from_deployment(self._deployment, parameters=parameters, state=Pending())
            except ObjectNotFound:
                self._deployment = None
                return None
