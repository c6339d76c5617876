"""Admit: read the sealed message by its rules, then decide under the custodian's grants. The decision is on disk before a row is read.

Outside, every refusal of trust or permission is the one word `refused`; why is in the pod's log and in the decision's record.
"""

from __future__ import annotations

import asyncio

from podium.contracts import Reply, Status, Task
from podium.crypto.envelope import open_sealed, peek, read_body
from podium.crypto.header import Header
from podium.errors import MessageRefused, TaskError, TrustError
from podium.policy.decide import REASONS
from podium.timeline import timeline
from schemas.cancels import CUSTODIAN
from tasks.approve import unless_expired
from tasks.authorise import authorise, fits
from tasks.case import Case
from tasks.desk import now
from tasks.standing import again, stand
from tasks.step import log, step

# Rules after the signature: whoever breaks one of them is known, and is told that the message was refused, not why.
SIGNED = frozenset({"clock", "sequence", "reply_to", "body"})


@step("admit", retries=2, seconds=120)
async def admit(case: Case) -> None:
    """Verify who asks, understand what is asked, and write down yes or no. Raises when it is no, and when the run was cancelled before."""
    unless_expired(case)
    cancels = case.desk.cancels
    try:
        header = case.desk.header_of(case.record)
        if cancels.wanted(case.run, analyst=header.from_key):
            case.header = header  # she signed the cancel, and it names the hash of these very bytes
            raise _cancelled()
        case.header, case.task = again(case) if case.record.standing else await _verify(case)
        if case.sealed(Reply(run=case.run, status=Status.RUNNING)) is None:
            raise MessageRefused("reply_key")  # nobody could open the answer: no row is read for it
    except (MessageRefused, TrustError) as error:
        rule = getattr(error, "rule", error.code)
        if rule in SIGNED:
            case.header = case.desk.header_of(case.record)
        log.warning("run %s: message refused by rule %s", case.id8, rule)
        raise TaskError("A message was refused.", status="rejected", code="message_refused") from None
    decision = await asyncio.to_thread(authorise, case)
    if not decision.allowed:
        log.warning("run %s: refused: %s", case.id8, "; ".join(REASONS[reason] for reason in decision.reasons))
        raise TaskError("refused", status="rejected", code="refused")
    if cancels.wanted(case.run, analyst=CUSTODIAN):
        raise _cancelled()
    fits(case)
    await stand(case)
    case.admitted = True
    timeline("admitted", run=case.id8, algorithm=case.algorithm.kind, datasource=case.task.datasource, grant=decision.grant)


def _cancelled() -> TaskError:
    return TaskError("It was cancelled before it was admitted.", status="cancelled", code="cancelled")


async def _verify(case: Case) -> tuple[Header, Task]:
    """The task message, read by the rules. Raises MessageRefused, TrustError, HubUnavailable."""
    desk, raw = case.desk, case.record.envelope
    sender = await desk.identity_of(peek(raw).from_key)
    opened = open_sealed(
        raw,
        me=desk.config.identifier,
        identity_of=lambda _: sender,
        key_of=desk.ring.private_for,
        replay=desk.replay,
        exchange=None,
        now=now(),
        run=case.run,
    )
    if opened.header.typ != "task":
        raise MessageRefused("header")
    return opened.header, read_body(opened.body, Task)
