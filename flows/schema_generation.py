"""The story of a schema: a first look that is published at once, then the whole pass, its contract, what has changed, and the card."""

from __future__ import annotations

from asyncio import TaskGroup

from prefect import flow

from flows.parameters import PodName, Sources
from tasks.adopt import adopt
from tasks.desk import Desk, desk_of
from tasks.drift import compare
from tasks.profile import profile
from tasks.publish import publish
from tasks.refresh import LOOK_SECONDS, PASS_SECONDS, chosen, due, in_turn, one_at_a_time, others_go_on, taken
from tasks.show import show_drift, show_schema
from tasks.step import StepFailed, coded


@flow(name="schema-generation", flow_run_name="schemas-{pod}", persist_result=False, log_prints=False)
async def schema_generation(pod: PodName, datasources: Sources = [], force: bool = False) -> None:  # noqa: B006 - read only; Prefect shows it
    """Bring the schemas of the pod up to date.

    Args:
        pod: The pod, as name@owner.
        datasources: Which datasources; none named means all of them.
        force: Read the data again, also where nothing has changed since the last schema.
    """
    desk = await desk_of(pod)
    names, waiting, failed = chosen(desk, datasources), list[str](), list[str]()

    async def looked_at(name: str) -> None:
        async with one_at_a_time(name), others_go_on(name, failed):
            if await first_look(desk, name, force=force):
                waiting.append(name)

    async def read_as_a_whole(name: str) -> None:
        async with one_at_a_time(name), others_go_on(name, failed):
            await whole_pass(desk, name)

    async with TaskGroup() as under_way:  # all are looked at, and served, before a large table is read
        await in_turn(looked_at, names, under_way, patience=LOOK_SECONDS)
        await in_turn(read_as_a_whole, taken(waiting), under_way, patience=PASS_SECONDS)
    async with TaskGroup() as under_way:  # those whose first look took so long
        await in_turn(read_as_a_whole, taken(waiting), under_way, patience=PASS_SECONDS)
    if failed:
        raise StepFailed("schema_not_taken")  # which one and why is in the pod's state and log


@coded
async def first_look(desk: Desk, name: str, *, force: bool) -> bool:
    """Publish what one datasource looks like by its first rows, and say whether the whole pass is still to come.

    A given schema is taken as it is; else a source whose token has not changed is not read. Its card is published again in any case, for
    the hub may be new.
    """
    if desk.has_given(name):
        adopted = await adopt(desk, name)
        await publish(desk, adopted)
        await show_schema(desk, adopted)
        return False
    if not force and (known := await due(desk, name)) is not None:
        await publish(desk, known)
        await compare(desk, name)  # a crash may have come before it
        return False
    await publish(desk, await profile(desk, name, "partial"))
    return True


@coded
async def whole_pass(desk: Desk, name: str) -> None:
    """Every row of one datasource, and what has changed since the last time."""
    full = await profile(desk, name, "full")
    standing = await compare(desk, name)
    await publish(desk, full)
    await show_schema(desk, full)
    await show_drift(desk, name, standing)
