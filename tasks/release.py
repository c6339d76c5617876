"""Release: the only caller of the gate."""

from __future__ import annotations

import asyncio

from podium.privacy.gate import release as through_the_gate
from podium.protocols import Release
from podium.timeline import timeline
from tasks.authorise import still_granted
from tasks.case import Case
from tasks.standing import told_of, without_few
from tasks.step import step


@step("release")
async def release(case: Case) -> None:
    """As `let_out`, where it is seen."""
    await let_out(case)


async def let_out(case: Case) -> None:
    """Let out what the disclosure rules allow, if the grant still stands: it may have been revoked while rows were read."""
    await asyncio.to_thread(still_granted, case)
    partial = case.turn(Release, case.partial).partial
    rules, disclosure = case.desk.config.disclosure, case.asked.disclosure()
    unheld = await asyncio.to_thread(without_few, case, partial, disclosure)
    released = through_the_gate(unheld, disclosure=disclosure, rules=rules, rounds_before=case.answered)
    case.released = released if unheld is partial else told_of(released)
    kept_back_by = "+".join(suppression.rule for suppression in case.released.suppressed) or "none"
    timeline("through the gate", run=case.id8, status=case.released.status, kept_back_by=kept_back_by)
