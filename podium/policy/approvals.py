"""An approval: a custodian's yes or no to one exact task, by its SHA-256, in one run.

It is said in one of two ways. On the command line it is a statement signed with the custodian's key. In Prefect's UI it is a word of
whoever knows Prefect's one password, which is `ui` and nobody's name; a grant may refuse to take that.

1. A yes counts for the run, the task's digest and the grant that it was asked for, and for nothing else.
2. A signed yes counts if the pod's custodian signed it; what the table says beside it does not matter.
3. A yes without a signature counts if it came from the UI and the grant takes that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from podium.errors import TrustError
from podium.plugin import Frozen
from podium.policy.grants import Grant
from podium.policy.statement import Signed, open_words, sign_words

LABEL = b"podium-approval/1\n"
UI = "ui"
Answer = Literal["yes", "no"]


class Approval(Frozen):
    """What a custodian signs. `at` in seconds since 1970."""

    v: Literal[1] = 1
    pod: str
    run: str
    task_digest: str
    grant: str
    decision: Answer
    reason: str = ""
    at: int


class Question(Frozen):
    """What is to be approved."""

    pod: str
    run: str
    task_digest: str
    grant: str


class Said(Frozen):
    """What the pod's table has: to which question, the answer, by whom, and the statement where it was signed."""

    question: Question
    decision: str
    by: str
    signed: Signed | None = None


def sign_approval(approval: Approval, *, custodian: str, sign: Callable[[bytes], bytes]) -> Signed:
    """`sign` is the custodian's key's; `custodian` its fingerprint."""
    return sign_words(approval, label=LABEL, custodian=custodian, sign=sign)


def objection(said: Said, question: Question, grant: Grant, *, custodian: str, verify: Callable[[bytes, bytes], None]) -> str:
    """Empty if this is a yes to exactly this question under this grant; else why not, for the pod's log."""
    if said.decision != "yes":
        return f"the custodian's answer is {said.decision!r}"
    if said.question != question:
        return "the approval is of another task"
    if said.signed is None:
        return "" if said.by == UI and grant.approver == "any" else "the approval is not signed"
    try:
        words = open_words(said.signed, Approval, what="approval", label=LABEL, custodian=custodian, verify=verify)
    except TrustError as error:
        return str(error)
    if Question(pod=words.pod, run=words.run, task_digest=words.task_digest, grant=words.grant) != question:
        return "the signed approval is of another task"
    return "" if words.decision == "yes" else "what was signed is a no"
