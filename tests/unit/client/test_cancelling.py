"""The analyst's side of a cancel: real messages, a real hub, a scripted pod."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from scripted_pod import ScriptedPod, table

from podium.algorithms import Count, Linear
from podium.client import Session
from podium.client.conversing import go_on
from podium.contracts import Cancel, Card, Released, ReleasedCell, Reply, Status
from podium.crypto.envelope import open_sealed, read_body, run_id
from podium.crypto.keys import load_public
from podium.crypto.replay import MAX_GAP
from podium.errors import HubUnavailable, TaskError
from podium.wire.hub import HubClient

MakePod = Callable[[str], ScriptedPod]
CANCELLED = {"status": Status.CANCELLED, "code": "cancelled", "message": "Cancelled."}


def heard(pod: ScriptedPod, task: str, run: str) -> Any:
    """The next message to the pod, read by the rules."""
    leased = pod.hub.lease(pod.identifier, wait=5)
    assert leased is not None, "no cancel came"
    opened = open_sealed(
        leased.raw,
        me=pod.identifier,
        identity_of=lambda fp: load_public(pod.hub.identity(fp)["public_key"]),
        key_of=pod.ring.private_for,
        replay=pod.replay,
        exchange=lambda header: (header.task, header.run) == (task, run),
        now=int(time.time()),
        run=run,
    )
    pod.hub.ack(leased.mid, attempt=leased.attempt)
    assert read_body(opened.body, Cancel) == Cancel()
    return opened.header


def asked(session: Session, *pods: ScriptedPod, **more: Any) -> Any:
    return session.ask(Count(by="sex"), pods=[pod.identifier for pod in pods], datasource="patients", wait=False, **more)


def test_it_goes_once_to_each_pod_that_has_not_ended(session: Session, pod: MakePod) -> None:
    one, two = pod("one"), pod("two")
    answer = asked(session, one, two)
    one.answer(table({"F": 20, "M": 30}))
    opened, raw = two.take()
    assert answer.cancel().status is Status.QUEUED
    assert answer.cancel().runs[one.identifier].status is Status.RELEASED
    header = heard(two, answer.id, run_id(raw))
    assert (header.typ, header.re, header.from_key) == ("cancel", opened.reference, session.fingerprint)
    assert one.hub.lease(one.identifier, wait=0) is None
    assert two.hub.lease(two.identifier, wait=0) is None
    two.hub.post(two.sealed_reply(opened, raw, reply=Reply(run=run_id(raw), **CANCELLED)))
    assert session.answer(answer.id).wait(10).status is Status.PARTIAL
    assert answer.refresh().result["count"].sum() == 50
    assert answer.cancel().status is Status.PARTIAL


def test_a_pod_that_answered_before_it_heard_of_it_keeps_its_end(session: Session, pod: MakePod) -> None:
    one = pod("one")
    answer = asked(session, one)
    opened, raw = one.take()
    answer.cancel()
    heard(one, answer.id, run_id(raw))
    released = Reply(run=run_id(raw), status=Status.RELEASED, released=table({"F": 20}))
    one.hub.post(one.sealed_reply(opened, raw, reply=released))
    assert answer.wait(10).status is Status.RELEASED


def test_a_task_that_has_ended_has_nothing_to_cancel_even_if_nobody_had_looked(session: Session, pod: MakePod) -> None:
    one = pod("one")
    answer = asked(session, one)
    one.answer(table({"F": 20}))
    with pytest.raises(TaskError, match="has ended: released") as told:
        answer.cancel()
    assert (told.value.code, told.value.field, told.value.exit_code) == ("ended", "task", 7)
    assert answer.status is Status.RELEASED
    assert one.hub.lease(one.identifier, wait=0) is None


def test_a_hub_that_goes_away_gets_it_later(session: Session, pod: MakePod, monkeypatch: pytest.MonkeyPatch) -> None:
    one = pod("one")
    answer = asked(session, one)
    _, raw = one.take()
    run = HubClient.run

    def away(client: HubClient, call: Any) -> Any:
        if call.path == "/v1/messages":
            raise HubUnavailable("away.")
        return run(client, call)

    with monkeypatch.context() as patch:
        patch.setattr(HubClient, "run", away)
        with pytest.raises(HubUnavailable, match="is kept"):
            answer.cancel()
    assert one.hub.lease(one.identifier, wait=0) is None
    session.answer(answer.id).refresh()  # any process of hers sends it
    heard(one, answer.id, run_id(raw))


def test_no_round_follows_and_a_word_said_at_the_same_moment_does_not_take_its_number(session: Session, pod: MakePod) -> None:
    one = pod("one")
    one.hub.publish_card(one.identifier, offering("linear"))
    answer = session.ask(Linear(target="age", features=("size",)), pods=[one.identifier], datasource="patients", wait=False)
    opened, raw = one.take()
    figures = Released(
        rows=100, cells=(ReleasedCell(values={"n": 100, "left_out": 0, "mean0": 2.0, "square0": 400.0, "mean1": 1.0, "square1": 9.0}),)
    )
    waits = Reply(run=run_id(raw), status=Status.WAITING, round=1, released=figures)
    one.hub.post(one.sealed_reply(opened, raw, typ="share", reply=waits))
    assert answer.cancel().runs[one.identifier].round == 1
    assert not go_on(answer._store)
    assert answer._store.turns() == []
    header = heard(one, answer.id, run_id(raw))
    assert 2 < header.seq <= MAX_GAP
    one.hub.post(one.sealed_reply(opened, raw, seq=2, reply=Reply(run=run_id(raw), **CANCELLED)))
    assert answer.wait(10).status is Status.CANCELLED
    assert answer.result is None
    assert "answered 1 round: what they released stays released" in answer.runs[one.identifier].message


def offering(*algorithms: str) -> Card:
    from podium.contracts import CardColumn

    columns = tuple(CardColumn(name=name, type="integer", semantic="continuous") for name in ("age", "size"))
    return Card(datasource="patients", stage="full", columns=columns, algorithms=algorithms)
