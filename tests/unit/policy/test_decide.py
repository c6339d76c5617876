"""Deny by default; each reason is found alone and all are told together."""

import pytest

from podium.crypto.keys import RSAKeyPair, verify
from podium.errors import TrustError
from podium.policy.decide import REASONS, Request, Standing, decide, decide_any
from podium.policy.grants import Grant, open_grant, sign_grant

ANA, NOW = "a" * 64, 1_000_000
GRANT = Grant(
    id="g1", pod="demo/a", analyst=ANA, alias="Ana", datasources=("patients",), algorithms=("mean",), columns=("age", "sex"),
    not_before=NOW - 10, expires=NOW + 10, max_runs=3,
)  # fmt: skip
ASK = Request(pod="demo/a", analyst=ANA, task_digest="d", protocol="one_round", algorithm="mean", datasource="patients", columns=("age",))


def decision(grant=GRANT, ask=ASK, *, revoked=False, runs=0, now=NOW):
    return decide(Standing(grant=grant, revoked=revoked, runs=runs), ask, now=now)


def test_a_grant_that_covers_everything_says_yes():
    assert decision().allowed
    assert decision().grant == "g1"


def test_a_task_may_stand_until_its_grant_is_over():
    assert decision(ask=ASK.model_copy(update={"until": NOW + 10})).allowed


def test_no_grant_is_a_no():
    found = decide(None, ASK, now=NOW)
    assert (found.allowed, found.reasons) == (False, ("no_grant",))
    assert decide_any([], ASK, now=NOW).reasons == ("no_grant",)


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("pod", {"ask": ASK.model_copy(update={"pod": "demo/b"})}),
        ("analyst", {"ask": ASK.model_copy(update={"analyst": "b" * 64})}),
        ("until", {"ask": ASK.model_copy(update={"until": NOW + 11})}),
        ("datasource", {"ask": ASK.model_copy(update={"datasource": "other"})}),
        ("protocol", {"ask": ASK.model_copy(update={"protocol": "many_rounds"})}),
        ("algorithm", {"ask": ASK.model_copy(update={"algorithm": "count"})}),
        ("columns", {"ask": ASK.model_copy(update={"columns": ("age", "name")})}),
        ("not_yet", {"now": NOW - 11}),
        ("expired", {"now": NOW + 10}),
        ("max_runs", {"runs": 3}),
        ("revoked", {"revoked": True}),
    ],
)
def test_each_limit_alone_is_a_no(reason, change):
    found = decision(**change)
    assert (found.allowed, found.reasons) == (False, (reason,))
    assert reason in REASONS


def test_all_reasons_are_told_and_the_nearest_grant_answers():
    far = Standing(grant=GRANT.model_copy(update={"id": "far", "pod": "x/y", "columns": ()}))
    near = Standing(grant=GRANT.model_copy(update={"id": "near"}), revoked=True)
    found = decide_any([far, near], ASK, now=NOW)
    assert (found.grant, found.reasons) == ("near", ("revoked",))
    assert decide_any([far, near, Standing(grant=GRANT)], ASK, now=NOW).allowed


def test_a_grant_that_wants_an_approval_is_not_lifted_by_one_beside_it():
    asks = GRANT.model_copy(update={"id": "asks", "approval": "every_run"})
    for order in ([GRANT, asks], [asks, GRANT]):
        assert decide_any([Standing(grant=grant) for grant in order], ASK, now=NOW).grant == "asks"
    assert decide_any([Standing(grant=asks, revoked=True), Standing(grant=GRANT)], ASK, now=NOW).grant == "g1"


def test_a_star_covers_every_column():
    assert decision(GRANT.model_copy(update={"columns": ("*",)}), ASK.model_copy(update={"columns": ("age", "name")})).allowed


def test_only_the_custodians_signature_over_these_bytes_opens_a_grant():
    custodian, other = RSAKeyPair.generate(kind="ed25519"), RSAKeyPair.generate(kind="ed25519")
    signed = sign_grant(GRANT, custodian=custodian.fingerprint, sign=custodian.sign)

    def check(signature: bytes, data: bytes) -> None:
        verify(custodian.public_key, signature, data)

    assert open_grant(signed, custodian=custodian.fingerprint, verify=check) == GRANT
    forged = signed.model_copy(update={"payload": signed.payload.replace('"age"', '"name"')})
    with pytest.raises(TrustError):
        open_grant(forged, custodian=custodian.fingerprint, verify=check)
    with pytest.raises(TrustError, match="another key"):
        open_grant(sign_grant(GRANT, custodian=other.fingerprint, sign=other.sign), custodian=custodian.fingerprint, verify=check)
