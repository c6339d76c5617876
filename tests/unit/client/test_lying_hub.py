"""The hub holds the pods' records and carries every message: what it can and cannot do to an analyst."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripted_pod import ScriptedPod, table

from podium.algorithms import Count
from podium.client import Answer, Session
from podium.contracts import Status
from podium.crypto.encryption import KeyRing
from podium.crypto.keys import RSAKeyPair, public_pem
from podium.errors import TrustError
from podium.wire.hub import HubClient

MakePod = Callable[[str], ScriptedPod]


def ask(session: Session, pod: ScriptedPod) -> Answer:
    return session.ask(Count(by="sex"), pods=[pod.identifier], datasource="patients", wait=False)


def tell(monkeypatch: pytest.MonkeyPatch, pod: ScriptedPod, **lies: Any) -> None:
    """From now on the hub's record of the pod has these fields."""
    real = HubClient.run

    def run(self: HubClient, call: Any) -> Any:
        found = real(self, call)
        return {**found, **lies} if call.method == "GET" and call.path == f"/v1/pods/{pod.identifier}" else found

    monkeypatch.setattr(HubClient, "run", run)


def test_an_encryption_key_that_the_pod_never_signed(
    session: Session, pod: MakePod, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = pod("one")
    hubs = KeyRing(tmp_path / "hubs", RSAKeyPair.generate(kind="ed25519"))
    statement = hubs.statement(int(time.time()))
    forged = statement.model_copy(update={"identity": one.identity.fingerprint})
    for lie in (statement.model_dump(), forged.model_dump(), {"v": 1}, None):
        with monkeypatch.context() as patch:
            tell(patch, one, statement=lie)
            with pytest.raises(TrustError):
                ask(session, one)
    assert session.tasks() == []


def test_another_identity_for_a_known_pod(session: Session, pod: MakePod, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = pod("one")
    ask(session, one)
    hubs = KeyRing(tmp_path / "hubs", RSAKeyPair.generate(kind="ed25519"))
    pem = public_pem(hubs.identity.public_key)
    tell(
        monkeypatch,
        one,
        public_key=pem,
        identity=hubs.identity.fingerprint,
        statement=hubs.statement(int(time.time())).model_dump(),
    )
    with pytest.raises(TrustError) as caught:
        ask(session, one)
    assert caught.value.code == "key_changed"


def test_an_expired_statement_kept_by_the_hub(session: Session, pod: MakePod, monkeypatch: pytest.MonkeyPatch) -> None:
    one = pod("one")
    old = one.ring.statement(int(time.time()))
    monkeypatch.setattr("podium.client.asking.time.time", lambda: old.not_after + 1)
    with pytest.raises(TrustError, match="expired"):
        ask(session, one)


def test_an_offline_pod_is_warned_of_and_asked(session: Session, pod: MakePod, monkeypatch: pytest.MonkeyPatch) -> None:
    one = pod("one")
    with monkeypatch.context() as patch:
        tell(patch, one, status="offline")
        with pytest.warns(UserWarning, match="offline"):
            answer = ask(session, one)
    one.answer(table({"F": 20}))
    assert answer.wait(5).status == Status.RELEASED


def test_nothing_of_question_or_answer_lies_at_the_hub(session: Session, pod: MakePod, hub_process: tuple[str, Path]) -> None:
    one = pod("one")
    answer = ask(session, one)
    everything = b"".join(path.read_bytes() for path in (hub_process[1] / "hub").iterdir() if path.is_file())
    assert answer.id.encode() in everything  # the message is there, and readable is its header only
    opened, raw = one.take()
    one.hub.post(one.sealed_reply(opened, raw, body=b'{"canary-of-the-answer":1}'))
    everything += b"".join(path.read_bytes() for path in (hub_process[1] / "hub").iterdir() if path.is_file())
    assert b"one_round" in opened.body
    for canary in (b"one_round", b"canary-of-the-answer"):
        assert canary not in everything
