"""The analyst's side of a standing task: real messages, a real hub, a scripted pod that asks it again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from scripted_pod import ScriptedPod, nothing, table

import podium
from podium.algorithms import Count, Linear
from podium.client import Session
from podium.client.session import open_answer
from podium.contracts import Cancel, Reply, Status
from podium.crypto.encryption import DAY, key_fingerprint
from podium.crypto.envelope import open_sealed, read_body, run_id
from podium.crypto.header import MAX_LIFE
from podium.crypto.keys import load_public
from podium.crypto.replay import MAX_GAP
from podium.errors import ConfigError, TaskError
from podium.repeating import repeat_id

MakePod = Callable[[str], ScriptedPod]
CANCELLED = {"status": Status.CANCELLED, "code": "cancelled", "message": "Cancelled."}


class Standing:
    """A task that two pods have taken, and what they answer."""

    def __init__(self, session: Session, *pods: ScriptedPod, **repeat: Any) -> None:
        fields = {"grown_by": 5, "until": int(time.time()) + 400 * DAY, **repeat}
        names = [pod.identifier for pod in pods]
        self.answer = session.ask(Count(by="sex"), pods=names, datasource="patients", wait=False, repeat=fields)
        self.taken = {pod.identifier: (pod, *pod.take()) for pod in pods}

    def reply(self, pod: ScriptedPod, no: int, *, released: Any = None, stands: bool = True, **changes: Any) -> None:
        _, opened, raw = self.taken[pod.identifier]
        run = run_id(raw) if no == 1 else repeat_id(run_id(raw), no)
        said = {name: changes.pop(name) for name in ("status", "code", "message") if name in changes}
        said.setdefault("status", released.status if released else Status.SUPPRESSED)
        reply = Reply(run=run, released=released, stands=stands, **said)
        pod.hub.post(pod.sealed_reply(opened, raw, reply=reply, **{"run": run, "seq": no if no == 1 else no + 1, **changes}))


@pytest.fixture
def pods(pod: MakePod) -> tuple[ScriptedPod, ScriptedPod]:
    return pod("one"), pod("two")


def test_repeats_are_combined_by_their_number_and_each_pod_is_named(session: Session, pods: Any, home: Any):
    one, two = pods
    task = Standing(session, one, two)
    for pod in pods:
        task.reply(pod, 1, released=table({"F": 20, "M": 30}))
    answer = task.answer.wait(10)
    assert (answer.status, answer.standing, answer.repeats) == (Status.RELEASED, (one.identifier, two.identifier), [])
    task.reply(one, 2, released=table({"F": 10, "M": 10}))
    task.reply(two, 2, released=table({"F": 10, "M": 15}))
    task.reply(one, 3, released=table({"F": 10, "M": 10}))
    later = open_answer(answer.id, home=home).refresh()  # as another process does
    assert [(each.no, each.status) for each in later.repeats] == [(2, Status.RELEASED), (3, Status.QUEUED)]
    assert later.repeats[0].result.set_index("sex")["count"].to_dict() == {"F": 20, "M": 25}
    assert {pod: run.status for pod, run in later.repeats[1].runs.items()} == {one.identifier: "released", two.identifier: "queued"}
    assert later.result.set_index("sex")["count"].to_dict() == {"F": 40, "M": 60}  # the first answer stays what it was


def test_a_pod_that_was_silent_or_has_ended_is_named_and_never_zero(session: Session, pods: Any):
    one, two = pods
    task = Standing(session, one, two)
    task.reply(one, 1, released=table({"F": 20, "M": 30}))
    task.reply(two, 1, status=Status.REJECTED, stands=False, code="refused", typ="reject")
    task.answer.wait(10)
    task.reply(one, 2, code="too_few_new")
    task.reply(one, 4, released=table({"F": 20, "M": 30}))
    task.reply(one, 3 + MAX_GAP, released=table({"F": 20, "M": 30}))  # what came between was never fetched
    answer = task.answer.refresh()
    assert answer.standing == (one.identifier,)
    assert [each.no for each in answer.repeats] == [2, 4, 3 + MAX_GAP]
    second, fourth, _ = answer.repeats
    assert (second.status, second.result, second.runs[one.identifier].code) == (Status.SUPPRESSED, None, "too_few_new")
    assert (fourth.status, fourth.runs[two.identifier].status) == (Status.PARTIAL, Status.REJECTED)


def test_a_reply_counts_once_and_only_for_its_own_repeat(session: Session, pods: Any):
    one, two = pods
    task = Standing(session, one, two)
    for pod in pods:
        task.reply(pod, 1, released=table({"F": 20, "M": 30}))
    task.answer.wait(10)
    raw = task.taken[one.identifier][2]
    task.reply(one, 3, released=table({"F": 10, "M": 10}))
    task.reply(one, 3, released=table({"F": 99, "M": 99}))
    task.reply(one, 2, released=table({"F": 10, "M": 10}), run=repeat_id(run_id(raw), 9))
    task.reply(one, 5, released=table({"F": 10, "M": 10}), run=repeat_id(run_id(task.taken[two.identifier][2]), 5))
    task.reply(one, 4, status=Status.RUNNING, typ="accept")
    answer = task.answer
    for _ in range(6):  # one that is dropped ends a look
        answer.refresh()
    assert [each.no for each in answer.repeats] == [3]
    assert answer.repeats[0].runs[one.identifier].rows == 20
    task.reply(one, 2, released=nothing())  # late, and its own
    assert [(each.no, each.runs[one.identifier].status) for each in answer.refresh().repeats] == [(2, "suppressed"), (3, "released")]


def test_a_pod_cannot_make_a_task_stand_that_was_asked_once(session: Session, pods: Any):
    one, _ = pods
    answer = session.ask(Count(by="sex"), pods=[one.identifier], datasource="patients", wait=False)
    opened, raw = one.take()
    first = Reply(run=run_id(raw), status=Status.RELEASED, released=table({"F": 20}), stands=True)
    one.hub.post(one.sealed_reply(opened, raw, reply=first))
    assert answer.wait(10).standing == ()
    run = repeat_id(run_id(raw), 2)
    one.hub.post(one.sealed_reply(opened, raw, reply=first.model_copy(update={"run": run}), run=run, seq=3))
    assert answer.refresh().repeats == []


def test_a_cancel_reaches_a_pod_under_the_key_that_it_has_by_then(session: Session, pods: Any):
    one, two = pods
    task = Standing(session, one, two)
    task.reply(one, 1, released=table({"F": 20, "M": 30}))
    task.reply(two, 1, status=Status.FAILED, code="failed", stands=False)
    task.answer.wait(10)
    one.ring.rotate(int(time.time()))
    one.hub.register_pod(one.identifier, statement=one.ring.statement(int(time.time())))
    assert task.answer.cancel().standing == (one.identifier,)
    leased = one.hub.lease(one.identifier, wait=5)
    assert leased is not None
    newest = one.ring.statement(int(time.time()))
    opened = open_sealed(
        leased.raw, me=one.identifier, identity_of=lambda fp: load_public(one.hub.identity(fp)["public_key"]), key_of=one.ring.private_for,
        replay=one.replay, exchange=lambda header: header.re == task.taken[one.identifier][1].reference, now=int(time.time()), run="x",
    )  # fmt: skip
    assert opened.header.to_key == key_fingerprint(newest.public_bytes)
    assert read_body(opened.body, Cancel) == Cancel()
    assert two.hub.lease(two.identifier, wait=0) is None
    task.reply(one, 2, stands=False, **CANCELLED)
    answer = task.answer.wait(10)
    assert (answer.standing, answer.repeats, answer.status) == ((), [], Status.PARTIAL)
    (task.answer._store.folder / "cancel.json").unlink()
    with pytest.raises(TaskError, match="has ended"):
        task.answer.cancel()


def test_the_reply_key_stays_until_no_reply_can_come(session: Session, pods: Any):
    task = Standing(session, pods[0])
    task.reply(pods[0], 1, released=table({"F": 20, "M": 30}))
    store, repeat = task.answer.wait(10)._store, task.answer.question.repeat
    (sent,) = store.asked().sent
    store.forget_keys(now=repeat.until + MAX_LIFE - 1)
    assert store.key(sent) is not None
    assert store.stands(sent, now=repeat.until + MAX_LIFE - 1)
    store.forget_keys(now=repeat.until + MAX_LIFE)
    assert store.key(sent) is None
    assert not store.stands(sent, now=repeat.until + MAX_LIFE)


def test_what_cannot_stand_is_not_sent(session: Session, pods: Any):
    asking: dict[str, Any] = {"pods": [pods[0].identifier], "datasource": "patients"}
    with pytest.raises(ConfigError, match="over"):
        session.ask(Count(), **asking, repeat={"grown_by": 5, "until": "2020-01-01"})
    with pytest.raises(ConfigError, match="exactly one"):
        session.ask(Count(), **asking, repeat={"until": "2099-01-01"})
    with pytest.raises(ConfigError, match="all data"):
        session.ask(Count(), **asking, new_data_only=True, repeat=podium.Repeat(grown_by=5, until="2099-01-01", cumulative=True))
    with pytest.raises(ConfigError, match="one round"):
        session.ask(Linear(target="age", features=("weight",)), **asking, repeat=podium.Repeat(grown_by=5, until="2099-01-01"))
    assert session.tasks() == []
