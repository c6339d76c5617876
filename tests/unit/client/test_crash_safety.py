"""The analyst's process may end anywhere between asking and reading."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripted_pod import ScriptedPod, table

from podium.algorithms import Count
from podium.client import Session
from podium.client.receiving import accept_reply, close_expired
from podium.client.store import Received
from podium.contracts import Reply, Status
from podium.crypto.envelope import run_id
from podium.errors import HubUnavailable, MessageRefused
from podium.wire.hub import HubClient

MakePod = Callable[[str], ScriptedPod]


class Killed(BaseException):
    pass


def test_killed_before_the_first_message_was_posted(session: Session, pod: MakePod, monkeypatch: pytest.MonkeyPatch) -> None:
    one = pod("one")
    with monkeypatch.context() as patch:
        patch.setattr(HubClient, "run", _dies_at("/v1/messages"))
        with pytest.raises(Killed):
            session.ask(Count(by="sex"), pods=[one.identifier], datasource="patients", wait=False)
    (answer,) = session.tasks()
    assert answer.status == Status.QUEUED
    assert one.hub.lease(one.identifier, wait=0) is None
    answer.refresh()
    one.answer(table({"F": 20}))
    assert answer.wait(5).status == Status.RELEASED


def test_posted_but_not_noted_is_posted_again_and_counts_once(session: Session, pod: MakePod, monkeypatch: pytest.MonkeyPatch) -> None:
    one = pod("one")
    with monkeypatch.context() as patch:
        patch.setattr("podium.client.store.TaskStore.posted", _dies)
        with pytest.raises(Killed):
            session.ask(Count(by="sex"), pods=[one.identifier], datasource="patients", wait=False)
    (answer,) = session.tasks()
    answer.refresh()
    one.answer(table({"F": 20}))
    assert one.hub.lease(one.identifier, wait=0) is None
    assert answer.wait(5).status == Status.RELEASED


def test_kept_but_not_acknowledged_comes_again_and_changes_nothing(session: Session, pod: MakePod) -> None:
    one = pod("one")
    answer = session.ask(Count(by="sex"), pods=[one.identifier], datasource="patients", wait=False)
    opened, raw = one.take()
    reply = one.sealed_reply(opened, raw)
    store, now = answer._store, int(time.time())
    assert accept_reply(store, reply, now=now)
    assert not accept_reply(store, reply, now=now)
    one.hub.post(reply)
    assert session.answer(answer.id).wait(5).status == Status.RELEASED
    answer._read()
    assert answer.result["count"].tolist() == [20, 10]


def test_a_final_reply_is_not_replaced_and_an_older_one_not_taken(session: Session, pod: MakePod) -> None:
    one = pod("one")
    answer = session.ask(Count(by="sex"), pods=[one.identifier], datasource="patients", wait=False)
    opened, raw = one.take()
    store, now = answer._store, int(time.time())
    running = Reply(run=run_id(raw), status=Status.RUNNING)
    older = one.sealed_reply(opened, raw, seq=1, reply=running.model_copy(update={"status": Status.QUEUED}))
    assert accept_reply(store, one.sealed_reply(opened, raw, seq=2, reply=running), now=now)
    with pytest.raises(MessageRefused) as refused:
        accept_reply(store, older, now=now)
    assert refused.value.rule == "sequence"
    assert accept_reply(store, one.sealed_reply(opened, raw, seq=3), now=now)
    later = one.sealed_reply(opened, raw, seq=4, reply=Reply(run=run_id(raw), status=Status.FAILED))
    assert not accept_reply(store, later, now=now)
    (sent,) = store.asked().sent
    assert not store.receive(sent, Received(mid="a" * 32, seq=9, digest="", at=now, reply=Reply(run=sent.run, status=Status.FAILED)))
    received = store.received(sent)
    assert received is not None
    assert received.reply.status == Status.RELEASED


def test_the_hub_goes_away_and_comes_back_while_we_wait(session: Session, pod: MakePod, monkeypatch: pytest.MonkeyPatch) -> None:
    one = pod("one")
    answer = session.ask(Count(by="sex"), pods=[one.identifier], datasource="patients", wait=False)
    one.answer(table({"F": 20}))
    real, failures = HubClient.run, [2]

    def flaky(self: HubClient, call: Any) -> Any:
        if failures[0]:
            failures[0] -= 1
            raise HubUnavailable("gone")
        return real(self, call)

    monkeypatch.setattr(HubClient, "run", flaky)
    assert answer.wait(10).status == Status.RELEASED


def test_a_hub_that_stays_away_is_an_error(session: Session, pod: MakePod) -> None:
    one = pod("one")
    answer = session.ask(Count(by="sex"), pods=[one.identifier], datasource="patients", wait=False)
    with HubClient("http://127.0.0.1:9") as nowhere:
        answer._hub = lambda: nowhere
        with pytest.raises(HubUnavailable, match="127"):
            answer.refresh()


def test_a_message_that_expired_unread_ends_its_run(session: Session, pod: MakePod, monkeypatch: pytest.MonkeyPatch) -> None:
    one = pod("one")
    monkeypatch.setattr("podium.client.asking.MAX_LIFE", 1)
    answer = session.ask(Count(by="sex"), pods=[one.identifier], datasource="patients", wait=False)
    time.sleep(2.1)
    assert close_expired(session.hub, answer._store, now=int(time.time()))
    assert not close_expired(session.hub, answer._store, now=int(time.time()))
    assert answer.wait(1).status == Status.EXPIRED
    assert session.answer(answer.id).runs[one.identifier].code == "expired"


def test_a_half_made_task_is_not_listed(session: Session, pod: MakePod, monkeypatch: pytest.MonkeyPatch) -> None:
    one = pod("one")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", _dies)
        with pytest.raises(Killed):
            session.ask(Count(by="sex"), pods=[one.identifier], datasource="patients", wait=False)
    assert session.tasks() == []


def _dies(*_: Any, **__: Any) -> Any:
    raise Killed


def _dies_at(path: str) -> Any:
    real = HubClient.run

    def run(self: HubClient, call: Any) -> Any:
        if call.path == path:
            raise Killed
        return real(self, call)

    return run
