"""Starts a computation in the pod's own process, as a run of its deployment: Prefect's UI offers Cancel for those only."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from podium.runner.flows import Flows


class Computing:
    """Starts computations of the pod `name@owner`."""

    def __init__(self, flows: Flows, pod: str) -> None:
        self.flow, self.pod = flows.computation, pod
        self._deployment: UUID | None = None

    async def run(self, run: str) -> None:
        """Carry out one run. Where the deployment is missing (the pod has only just begun, or a person removed it) it goes without."""
        from prefect.flow_engine import run_flow

        parameters = {"pod": self.pod, "run": run}
        planned = await self._planned(parameters)
        if planned is None:
            await self.flow(**parameters)
        else:
            await run_flow(self.flow, flow_run=planned, parameters=parameters)  # type: ignore[misc]

    async def _planned(self, parameters: dict[str, str]) -> Any:
        from prefect.client.orchestration import get_client
        from prefect.exceptions import ObjectNotFound
        from prefect.states import Pending

        async with get_client() as client:
            try:
                if self._deployment is None:
                    self._deployment = (await client.read_deployment_by_name(f"{self.flow.name}/{self.pod}")).id
                # Pending, not Scheduled: nobody else is to take it up.
                return await client.create_flow_run_from_deployment(self._deployment, parameters=parameters, state=Pending())
            except ObjectNotFound:
                self._deployment = None
                return None
