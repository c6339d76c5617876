"""Release: the only caller of the gate."""

from __future__ import annotations

import asyncio

from podium.privacy.gate import release as through_the_gate
from podium.protocols import Release
from podium.timeline import timeline
from tasks.authorise import still_granted
from tasks.case import Case
from tasks.step import step


@step("release")
async def release(case: Case) -> None:
    """Let out what the disclosure rules allow, if the grant still stands: it may have been revoked while rows were read."""
    await asyncio.to_thread(still_granted, case)
    partial = case.turn(Release, case.partial).partial
    case.released = through_the_gate(partial, disclosure=case.algorithm.disclosure(), rules=case.desk.config.disclosure)
    rules = "+".join(suppression.rule for suppression in case.released.suppressed) or "none"
    timeline("through the gate", run=case.id8, status=case.released.status, kept_back_by=rules)
