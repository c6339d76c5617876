"""Yes or no to one task, as a pure function of the grant, the request and the clock. Deny by default.

Each reason is one word of `REASONS`; all that apply are given, so that a custodian mends them at once. They are for the pod's
log and its custodian: outside, every refusal of permission looks the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from podium.contracts import Decision
from podium.plugin import Frozen
from podium.policy.grants import EVERY, Grant

REASONS = {
    "no_grant": "no grant names this analyst's key",
    "revoked": "the grant was revoked",
    "pod": "the grant is for another pod",
    "analyst": "the grant names another key",
    "not_yet": "the grant is not yet valid",
    "expired": "the grant has expired",
    "until": "the task would go on repeating when the grant is over",
    "datasource": "the grant does not cover this datasource",
    "protocol": "the grant does not cover this protocol",
    "algorithm": "the grant does not cover this algorithm",
    "columns": "the grant does not cover every column asked for",
    "max_runs": "the grant's runs are used up",
    "access_manager": "the pod's access manager said no",
    "access_manager_failed": "the pod's access manager raised an error, was silent too long, or was gone",
}


class Request(Frozen):
    """What is asked: `analyst` is the fingerprint that signed, `columns` every column that would be read.

    `until`: how long the task is to stand, where it repeats by itself.
    """

    pod: str
    analyst: str
    task_digest: str
    protocol: str
    algorithm: str
    datasource: str
    columns: tuple[str, ...]
    until: int = 0


class Standing(Frozen):
    """A grant and what has become of it: whether it was revoked, and how many runs it has allowed."""

    grant: Grant
    revoked: bool = False
    runs: int = 0


def decide(standing: Standing | None, request: Request, *, now: int) -> Decision:
    """The decision under this one grant."""
    reasons = tuple(_reasons(standing, request, now)) if standing else ("no_grant",)
    grant = standing.grant.id if standing else ""
    return Decision(allowed=not reasons, reasons=reasons, grant=grant, task_digest=request.task_digest, at=now)


def decide_any(standings: Iterable[Standing], request: Request, *, now: int) -> Decision:
    """A yes under any grant, else the no with the fewest reasons: the grant that came nearest.

    Of several grants that say yes, one that wants an approval comes first: another beside it does not lift it.
    """
    every = sorted(standings, key=lambda standing: standing.grant.approval == "none")
    decisions = [decide(standing, request, now=now) for standing in every] or [decide(None, request, now=now)]
    return min(decisions, key=lambda decision: len(decision.reasons))


def _reasons(standing: Standing, request: Request, now: int) -> Iterable[str]:
    grant = standing.grant
    checks = {
        "revoked": not standing.revoked,
        "pod": grant.pod == request.pod,
        "analyst": grant.analyst == request.analyst,
        "not_yet": grant.not_before <= now,
        "expired": now < grant.expires,
        "until": request.until <= grant.expires,
        "datasource": _covers(grant.datasources, (request.datasource,)),
        "protocol": _covers(grant.protocols, (request.protocol,)),
        "algorithm": _covers(grant.algorithms, (request.algorithm,)),
        "columns": _covers(grant.columns, request.columns),
        "max_runs": grant.max_runs is None or standing.runs < grant.max_runs,
    }
    return (reason for reason, holds in checks.items() if not holds)


def _covers(allowed: tuple[str, ...], asked: tuple[str, ...]) -> bool:
    return EVERY in allowed or set(asked) <= set(allowed)
