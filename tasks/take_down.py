"""Take down: a word given in Prefect's UI becomes an answer in the pod's tables. Who gave it is not known: Prefect has one password."""

from __future__ import annotations

from podium.policy.approvals import UI
from podium.timeline import timeline
from schemas.records import ApprovalRecord
from tasks.brief import Form
from tasks.desk import Desk, now
from tasks.step import coded, log


@coded
async def take_down(desk: Desk, asked: ApprovalRecord, said: Form) -> ApprovalRecord:
    """The question as it stands now. A word that comes too late, after another, or where a signed one is wanted, changes nothing."""
    run, decision = asked.run, "yes" if said.approve else "no"
    if asked.approver == "signed":
        log.warning("run %s: an answer in Prefect's UI does not count: its grant wants a signed one", run[:8])
    elif desk.approvals.decide(run, decision, by=UI, reason=said.reason, now=now()):
        timeline("answered", run=run[:8], decision=decision)
    return desk.approvals.get(run) or asked
