"""Admit: read the sealed message by its rules, then decide under the custodian's grants. The decision is on disk before a row is read.

Outside, every refusal of trust or permission is the one word `refused`; why is in the pod's log and in the decision's record.
"""

from __future__ import annotations

import asyncio

from podium.algorithms import Algorithm
from podium.contracts import Decision, Task
from podium.crypto.envelope import open_sealed, peek, read_body
from podium.crypto.header import Header
from podium.crypto.keys import fingerprint, verify
from podium.errors import ConfigError, MessageRefused, TaskError, TrustError
from podium.policy.decide import REASONS, Request, Standing, decide_any
from podium.policy.grants import Grant, SignedGrant, open_grant
from podium.protocols import Protocol
from podium.timeline import timeline
from tasks.case import Case
from tasks.desk import Desk, now
from tasks.step import log, step


@step("admit", retries=2, seconds=120)
async def admit(case: Case) -> None:
    """Verify who asks, understand what is asked, and write down yes or no. Raises when it is no."""
    try:
        case.header, case.task = await _verify(case)
    except (MessageRefused, TrustError) as error:
        rule = getattr(error, "rule", error.code)
        log.warning("run %s: message refused by rule %s", case.id8, rule)
        raise TaskError("A message was refused.", status="rejected", code="message_refused") from None
    decision = await asyncio.to_thread(_authorise, case)
    if not decision.allowed:
        log.warning("run %s: refused: %s", case.id8, "; ".join(REASONS[reason] for reason in decision.reasons))
        raise TaskError("refused", status="rejected", code="refused")
    timeline("admitted", run=case.id8, algorithm=case.algorithm.kind, datasource=case.task.datasource, grant=decision.grant)


async def _verify(case: Case) -> tuple[Header, Task]:
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


def _authorise(case: Case) -> Decision:
    desk, task = case.desk, case.task
    try:
        case.algorithm, case.protocol = Algorithm.load(task.algorithm), Protocol.load(task.protocol)
    except ConfigError as error:
        raise TaskError(f"The task cannot be read: {error}", status="rejected", code="bad_task") from None
    request = Request(
        pod=desk.config.identifier,
        analyst=case.header.from_key,
        task_digest=task.digest,
        protocol=case.protocol.kind,
        algorithm=case.algorithm.kind,
        datasource=task.datasource,
        columns=case.algorithm.columns(),
    )
    standings = _standings(desk, case.header.from_key)
    decision = decide_any(standings, request, now=now())
    grant = next((s.grant for s in standings if s.grant.id == decision.grant), None)
    decision = desk.grants.decide(case.run, decision, limit=grant.max_runs if grant else None)
    desk.runs.note(
        case.run,
        task=case.header.task,
        task_json=task.model_dump_json(),
        task_digest=task.digest,
        analyst=case.header.from_key,
        alias=grant.alias if grant else "",
        algorithm=case.algorithm.kind,
        datasource=task.datasource,
    )
    case.record = desk.runs.get(case.run)
    return decision


def _standings(desk: Desk, analyst: str) -> list[Standing]:
    """The grants for this key whose signature holds; one that does not is told in the log and counts for nothing."""
    found = []
    for signed, record, runs in desk.grants.every():
        try:
            grant = _opened(desk, signed)
        except TrustError as error:
            log.warning("grant %s is ignored: %s", record.id, error)
            continue
        if grant.analyst == analyst:
            found.append(Standing(grant=grant, revoked=record.revoked_at is not None, runs=runs))
    return found


def _opened(desk: Desk, signed: SignedGrant) -> Grant:
    return open_grant(signed, custodian=fingerprint(desk.custodian), verify=lambda signature, data: verify(desk.custodian, signature, data))
