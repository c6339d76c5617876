"""Compute: the protocol's conversation with the algorithm's local half, in the worker."""

from __future__ import annotations

from podium.protocols import Compute
from tasks.case import Case
from tasks.step import step


@step("compute")
async def compute(case: Case) -> None:
    """The partial of this pod. It stays here until the gate has seen it."""
    case.turns = case.protocol.pod()
    case.turn(Compute)
    await work_out(case)


async def work_out(case: Case) -> None:
    """The same in a later round."""
    case.partial = await case.worker.compute(case.asked.dump())
