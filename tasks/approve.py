"""Approve: is there a custodian's yes to this very task, where the grant asks for one? If nobody has answered yet, the run is put away.

The answer is in the pod's tables, by whichever way it came. A yes is looked at again when it is used: it must be of this run, this task
and this grant, signed if the grant wants that, and the grant must still stand. From outside a no is the one word `refused`.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from prefect.states import Completed

from podium.contracts import Reply, Status
from podium.crypto.keys import fingerprint, verify
from podium.errors import TaskError
from podium.policy.approvals import Question, Said, objection
from podium.policy.grants import Grant
from podium.policy.statement import Signed
from podium.timeline import timeline
from schemas.approvals import EXPIRED
from schemas.records import ApprovalRecord
from tasks.authorise import still_granted
from tasks.case import Case
from tasks.desk import Desk, now
from tasks.ending import outcome
from tasks.step import coded, log


@coded
async def approved(case: Case) -> bool:
    """Whether the run may go on; False: its custodian is being asked. Raises TaskError (`refused`) when she said no."""
    grant = await asyncio.to_thread(still_granted, case)
    if grant.approval == "none":
        return True
    if case.record.standing:
        return await asyncio.to_thread(_approved_before, case, grant)
    case.approval = await asyncio.to_thread(_ask, case, grant)
    unless_expired(case)
    if not case.approval.decision:
        timeline("waiting for approval", run=case.id8, grant=grant.id)
        return False
    if objected := _objection(case, case.approval, grant):
        log.warning("run %s: refused: %s", case.id8, objected)
        raise TaskError("refused", status="rejected", code="refused")
    timeline("approved", run=case.id8, grant=grant.id)
    return True


def _approved_before(case: Case, grant: Grant) -> bool:
    """A repeat goes on under the yes to its first run, which said when it repeats. Raises TaskError (`refused`)."""
    asked = case.desk.approvals.get(case.first)
    objected = _objection(case, asked, grant) if asked is not None else "its first run was never approved"
    if objected:
        log.warning("run %s: refused: %s", case.id8, objected)
        raise TaskError("refused", status="rejected", code="refused")
    return True


def put_away() -> Any:
    """The end of this flow run, though not of the run: another one goes on with it."""
    return Completed(name=outcome(Status.PENDING_APPROVAL))


def unless_expired(case: Case) -> None:
    """Raises TaskError (`unanswered`) when the time for an answer is over. The message may have expired too: it is not read again."""
    if case.approval is not None and case.approval.decision == EXPIRED:
        case.header = case.desk.header_of(case.record)  # it was verified before the custodian was asked
        raise TaskError("Nobody answered in time.", status="expired", code="unanswered")


def question_of(desk: Desk, asked: ApprovalRecord) -> Question:
    """What was asked, as an answer has to name it."""
    return Question(pod=desk.config.identifier, run=asked.run, task_digest=asked.task_digest, grant=asked.grant_id)


def _ask(case: Case, grant: Grant) -> ApprovalRecord:
    """The custodian's answer, or the question on disk, with the notice to the analyst beside it."""
    notice = None if case.approval else case.sealed(Reply(run=case.run, status=Status.PENDING_APPROVAL))
    expires = min(now() + case.desk.config.limits.approval_seconds, case.header.exp)
    ask = partial(case.desk.approvals.ask, case.run, task_digest=case.task.digest, grant=grant)
    return ask(expires=expires, notice=notice, now=now())


def _objection(case: Case, asked: ApprovalRecord, grant: Grant) -> str:
    custodian = fingerprint(case.desk.custodian)
    signed = Signed(payload=asked.statement, custodian=asked.by, signature=asked.signature) if asked.statement else None
    said = Said(question=question_of(case.desk, asked), decision=asked.decision, by=asked.by, signed=signed)
    wanted = Question(pod=case.desk.config.identifier, run=case.first, task_digest=case.task.digest, grant=grant.id)
    return objection(said, wanted, grant, custodian=custodian, verify=partial(verify, case.desk.custodian))
