"""Authorise: a yes or no under the custodian's signed grants, and whether the question can be put to the data at all."""

from __future__ import annotations

from podium.algorithms import Algorithm
from podium.contracts import Decision
from podium.crypto.keys import fingerprint, verify
from podium.errors import ConfigError, DataSourceError, TaskError, TrustError
from podium.policy.access import TaskView
from podium.policy.decide import Request, Standing, decide_any
from podium.policy.grants import Grant, SignedGrant, open_grant
from podium.protocols import Protocol
from schemas.catalogue import card_of
from tasks.case import Case
from tasks.desk import Desk, now
from tasks.drift import check_accepted
from tasks.standing import check_standing
from tasks.step import log


def authorise(case: Case) -> Decision:
    """Understand what is asked, decide under the custodian's grants, and write the decision down. Raises TaskError (`bad_task`)."""
    desk, task = case.desk, case.task
    understood = _understand(case)  # who has no grant learns nothing from whether it was
    request = Request(
        pod=desk.config.identifier,
        analyst=case.header.from_key,
        task_digest=task.digest,
        protocol=str(task.protocol.get("kind"))[:64],
        algorithm=str(task.algorithm.get("kind"))[:64],
        datasource=task.datasource,
        columns=case.algorithm.columns() if understood else (),
        until=task.repeat.until if task.repeat else 0,
    )
    standings = _standings(desk, case.header.from_key)
    decision = decide_any(standings, request, now=now())
    if decision.allowed and understood and desk.grants.decision(case.run) is None:
        decision = _asked(desk, decision, request)
    grant = next((s.grant for s in standings if s.grant.id == decision.grant), None)
    decision = desk.grants.decide(case.run, decision, limit=grant.max_runs if grant else None)
    desk.runs.note(
        case.run,
        task=case.header.task,
        task_json=task.model_dump_json(),
        task_digest=task.digest,
        analyst=case.header.from_key,
        alias=grant.alias if grant else "",
        algorithm=case.algorithm.kind if understood else "",
        datasource=task.datasource,
    )
    case.record = desk.runs.get(case.run)
    if decision.allowed and not understood:
        raise TaskError("The task cannot be read.", status="rejected", code="bad_task")
    return decision


def _asked(desk: Desk, decision: Decision, request: Request) -> Decision:
    """The decision after the access manager, where there is one, has had its say."""
    reason = desk.access.refusal(TaskView.of(request)) if desk.access is not None else ""
    return decision.model_copy(update={"allowed": False, "reasons": (reason,)}) if reason else decision


def _understand(case: Case) -> bool:
    try:
        case.algorithm, case.protocol = Algorithm.load(case.task.algorithm), Protocol.load(case.task.protocol)
        case.protocol.check(case.algorithm)
        check_standing(case)
    except ConfigError as error:
        log.warning("run %s: its task cannot be read: %s", case.id8, error)
        return False
    return True


def still_granted(case: Case) -> Grant:
    """The grant that this run was admitted under. Raises TaskError when it is revoked or over by now."""
    decision = case.desk.grants.decision(case.run)
    for standing in _standings(case.desk, case.header.from_key):
        if decision and standing.grant.id == decision.grant and not standing.revoked and now() < standing.grant.expires:
            return standing.grant
    log.warning("run %s: its grant does not stand any more", case.id8)
    raise TaskError("refused", status="rejected", code="refused")


def fits(case: Case) -> None:
    """Can this question be put to this datasource at all? The analyst's client has asked the card; a dishonest one has not.

    Some of these rules protect people: levels of an identifying column would be a list of them. Raises TaskError.
    """
    name = case.task.datasource
    try:
        check_accepted(case.desk, name)
        schema = case.desk.schema(name)
        if schema is None or not case.desk.contract(name).is_file():
            raise DataSourceError(f"{name} has no schema yet.", code="no_schema", remedy="The pod is taking it now.")
        case.algorithm.check(card_of(schema))
    except (ConfigError, DataSourceError) as error:
        failed = TaskError(str(error), status="rejected", code=error.code)
        failed.transient = error.code == "no_schema" and not case.desk.broken(name)  # else it is being taken just now
        raise failed from None


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
