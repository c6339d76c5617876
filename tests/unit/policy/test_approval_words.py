"""A yes counts for the very task that it was said to, by whoever may say it; every other yes is a no."""

import pytest

from podium.crypto.keys import RSAKeyPair, verify
from podium.policy.approvals import UI, Approval, Question, Said, objection, sign_approval
from podium.policy.grants import Grant, sign_grant
from podium.policy.statement import Signed

CUSTODIAN, OTHER = RSAKeyPair.generate(kind="ed25519"), RSAKeyPair.generate(kind="ed25519")
QUESTION = Question(pod="demo/a", run="1" * 32, task_digest="2" * 64, grant="g1")
WORDS = Approval(**QUESTION.model_dump(), decision="yes", at=1)
GRANT = Grant(
    id="g1", pod="demo/a", analyst="a" * 64, alias="Ana", datasources=("*",), algorithms=("*",), columns=("*",), not_before=0, expires=9,
    approval="every_run",
)  # fmt: skip
WANTS_SIGNED = GRANT.model_copy(update={"approver": "signed"})


def signed(words: Approval = WORDS, key: RSAKeyPair = CUSTODIAN) -> Signed:
    return sign_approval(words, custodian=key.fingerprint, sign=key.sign)


def against(said: Said, grant: Grant = GRANT) -> str:
    def check(signature: bytes, data: bytes) -> None:
        verify(CUSTODIAN.public_key, signature, data)

    return objection(said, QUESTION, grant, custodian=CUSTODIAN.fingerprint, verify=check)


def said(decision: str = "yes", *, by: str = CUSTODIAN.fingerprint, question: Question = QUESTION, statement: Signed | None = None) -> Said:
    return Said(question=question, decision=decision, by=by, signed=statement)


def test_a_signed_yes_counts_and_so_does_one_in_prefect():
    assert against(said(statement=signed())) == ""
    assert against(said(statement=signed()), WANTS_SIGNED) == ""
    assert against(said(by=UI)) == ""


def test_one_in_prefect_does_not_where_the_grant_wants_it_signed():
    assert "not signed" in against(said(by=UI), WANTS_SIGNED)


@pytest.mark.parametrize("decision", ["", "no", "expired", "YES"])
@pytest.mark.parametrize("by", [UI, CUSTODIAN.fingerprint], ids=["ui", "custodian"])
def test_whatever_is_not_yes_is_no(decision, by):
    assert against(said(decision, by=by, statement=signed() if by != UI else None))


@pytest.mark.parametrize("change", [{"pod": "demo/b"}, {"run": "3" * 32}, {"task_digest": "4" * 64}, {"grant": "g2"}])
def test_a_yes_to_something_else_does_not_count(change):
    assert "another task" in against(said(by=UI, question=QUESTION.model_copy(update=change)))
    assert "signed approval is of another task" in against(said(statement=signed(WORDS.model_copy(update=change))))


def test_a_yes_that_nobody_or_another_signed_does_not_count():
    assert "not signed" in against(said())
    assert "another key" in against(said(by=OTHER.fingerprint, statement=signed(key=OTHER)))
    forged = signed(key=OTHER).model_copy(update={"custodian": CUSTODIAN.fingerprint})
    assert "signature" in against(said(statement=forged))
    changed = signed(WORDS.model_copy(update={"decision": "no"}))
    assert "signature" in against(said(statement=changed.model_copy(update={"payload": changed.payload.replace('"no"', '"yes"')})))
    assert "damaged" in against(said(statement=signed().model_copy(update={"signature": "no hex"})))


def test_a_signed_no_is_no_yes_whatever_stands_beside_it():
    assert against(said(statement=signed(WORDS.model_copy(update={"decision": "no"})))) == "what was signed is a no"


def test_a_statement_of_another_kind_does_not_pass_for_an_approval():
    """The same words under another label: a signed grant is no approval, nor would a grant of the same bytes be."""
    assert against(said(statement=sign_grant(GRANT, custodian=CUSTODIAN.fingerprint, sign=CUSTODIAN.sign)))
    payload = signed().payload
    unlabelled = Signed(payload=payload, custodian=CUSTODIAN.fingerprint, signature=CUSTODIAN.sign(payload.encode()).hex())
    assert "signature" in against(said(statement=unlabelled))
