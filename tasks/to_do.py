"""To do: Prefect's list of what a custodian is asked is made to say what the pod's tables say.

Each open question has one `approval` flow run. One that Prefect has lost, or that somebody cancelled, is no answer: there is another.
One whose question is answered elsewhere, or over, is ended.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound
from prefect.states import Completed

from podium.contracts import Status
from schemas.approvals import EXPIRED
from schemas.records import ApprovalRecord
from tasks.desk import Desk, now
from tasks.ending import outcome

PAGE = 100
STARTS_WITHIN = timedelta(minutes=5)  # it takes some seconds; more on a machine that is very busy
NAMES = {"yes": "Approved", "no": "Rejected", EXPIRED: outcome(Status.EXPIRED), "": "Unanswered"}


async def list_open(desk: Desk) -> None:
    """Make Prefect's list true."""
    wanted, over = desk.approvals.open(), desk.approvals.over()
    async with get_client() as client:
        states = await _states(client, [asked.flow_run for asked in (*wanted, *over) if asked.flow_run])
        for asked in wanted:
            if lost(states.get(asked.flow_run), datetime.now(UTC)):
                await _put_up(client, desk, asked)
        for asked in over:
            await _take_down(client, desk, asked, states.get(asked.flow_run))


def lost(state: State | None, at: datetime) -> bool:
    """Whether this flow run will ask nobody: Prefect forgot it, somebody ended it, or its process died before it could ask."""
    if state is None or state.is_final():
        return True
    return (state.is_pending() or state.is_running()) and at - state.timestamp > STARTS_WITHIN


def last_state(asked: ApprovalRecord) -> State[None]:
    """The last state of its flow run. `Unanswered`: the run ended in another way, or the answer was not signed and should have been."""
    return Completed(name=NAMES[asked.decision])


async def _states(client: PrefectClient, ids: list[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    for at in range(0, len(ids), PAGE):
        some = FlowRunFilter(id=FlowRunFilterId(any_=[UUID(one) for one in ids[at : at + PAGE]]))
        found |= {str(run.id): run.state for run in await client.read_flow_runs(flow_run_filter=some, limit=PAGE) if run.state}
    return found


async def _put_up(client: PrefectClient, desk: Desk, asked: ApprovalRecord) -> None:
    """One more flow run. Its key makes that one even if the pod dies before it has noted the id."""
    try:
        deployment = await client.read_deployment_by_name(f"approval/{desk.tag}")
    except ObjectNotFound:  # the pod has only just started, and will have made it in a moment
        return
    made = await client.create_flow_run_from_deployment(
        deployment.id,
        parameters={"pod": desk.tag, "run": asked.run},
        name=f"approve-{asked.run[:8]}",
        idempotency_key=f"approval-{asked.run}-{asked.asks}",
    )
    desk.approvals.note(asked.run, flow_run=str(made.id), asks=asked.asks + 1)


async def _take_down(client: PrefectClient, desk: Desk, asked: ApprovalRecord, state: State | None) -> None:
    if state is not None and state.is_running():
        return  # it is about to end by itself
    if state is not None and not state.is_final():
        await client.set_flow_run_state(UUID(asked.flow_run), last_state(asked), force=True)
    desk.approvals.note(asked.run, closed_at=now())
