"""A task cancelled in every state, on real processes, from another process: what ends, what stays, and who may say so."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from typing import Any

import psutil
import pytest
from by_hand import Hand
from prefect_view import ask_prefect
from town import Town, patients, until

import podium
from podium import project
from podium.config import PodConfig
from podium.contracts import Status
from podium.wire.credentials import sign_in
from podium.wire.hub import HubClient

BOTH = ["demo/a", "demo/b"]
COUNT = podium.algorithms.Count()
ROUNDS = podium.algorithms.Linear(target="age", features=("sex",), levels={"sex": ("canaryfemale", "canarymale")})
ONE_PLACE = {"limits": {"runs_at_once": 1, "warm_seconds": 0}}  # a worker that has nothing to load is gone before it can be held


@pytest.fixture(scope="module")
def asked(long_town: Town) -> tuple[Town, Any]:
    """A hub, two pods with one place each, and an analyst who may ask them."""
    town = long_town
    town.start_hub()
    for seed, name in enumerate("ab"):
        town.start_pod(name, town.csv(name, patients(400, seed=seed)), ready=False, **ONE_PLACE)
    session = town.session()
    for name in "ab":
        town.ready(name)
        more = ("--protocol", "one_round", "--protocol", "many_rounds")
        town.grant(name, session, algorithms=("count", "mean", "linear"), more=more)
    return town, session


def test_a_running_task_is_cancelled_from_another_process(asked: tuple[Town, Any]):
    town, session = asked
    answer = ask(session, COUNT, "demo/a")
    worker = held(town, "a")
    said = cancel(town, answer)
    assert (said["status"], said["runs"]["demo/a"]["code"]) == ("cancelled", "cancelled")
    gone(worker)
    assert row(town, answer, "status, code, rows_read IS NULL, rows_released IS NULL") == ("cancelled", "cancelled", 1, 1)
    assert town.rows("a", f"SELECT count(*) FROM result WHERE run = '{run(answer)}'") == [(0,)]
    shown_as_cancelled(town, answer)
    until(lambda: town.state("a")["running"] == 0)
    assert answer.cancel().status is Status.CANCELLED  # again changes nothing
    assert answer.result is None

    done = session.ask(COUNT, pods=["demo/a"], datasource="patients", timeout=60)
    assert done.status is Status.RELEASED  # the only place is free
    told = json.loads(town.verb("task", "cancel", done.id, "--json", code=7).stdout)
    assert (told["error"]["code"], told["error"]["field"]) == ("ended", "task")
    assert "there is no task" in town.verb("task", "cancel", "0" * 32, code=7).stderr
    assert done.refresh().status is Status.RELEASED


def test_a_task_that_waits_for_its_place_ends_at_once(asked: tuple[Town, Any]):
    town, session = asked
    first = ask(session, COUNT, "demo/a")
    worker = held(town, "a")
    second = ask(session, COUNT, "demo/a")
    until(lambda: row(town, second, "status"))
    assert second.cancel().wait(10).status is Status.CANCELLED
    assert row(town, second, "status, tries, flow_run") == ("cancelled", 0, "")
    assert row(town, first, "status") == ("running",)
    worker.resume()
    assert first.wait(60).status is Status.RELEASED


def test_a_task_of_many_rounds_is_cancelled_between_two_of_them(asked: tuple[Town, Any]):
    town, session = asked
    answer = ask(session, ROUNDS, *BOTH)
    until(lambda: all(row(town, answer, "status", pod) == ("waiting",) for pod in BOTH), why=lambda: town.log("a.log"))
    assert answer.cancel().wait(30).status is Status.CANCELLED
    for pod, part in answer.runs.items():
        assert (part.status, part.round) == (Status.CANCELLED, 1)
        assert "answered 1 round: what they released stays released" in part.message
        assert town.rows(pod[-1], f"SELECT count(*) FROM round WHERE run = '{run(answer, pod)}'") == [(1,)]
        shown_as_cancelled(town, answer, pod)
    assert answer.result is None
    assert session.answer(answer.id).wait(5).status is Status.CANCELLED


def test_what_one_pod_had_answered_stays(asked: tuple[Town, Any]):
    town, session = asked
    answer = ask(session, podium.algorithms.Mean(column="age", by="sex"), *BOTH)
    worker = held(town, "b")
    until(lambda: answer.refresh().runs["demo/a"].status.final)
    assert answer.cancel().wait(10).status is Status.PARTIAL
    gone(worker)
    assert {pod: part.status for pod, part in answer.runs.items()} == {"demo/a": Status.RELEASED, "demo/b": Status.CANCELLED}
    known = patients(400).groupby("sex")["age"].mean()
    assert answer.result.set_index("sex")["mean"].to_dict() == pytest.approx(known.to_dict())


def test_a_stranger_cancels_nothing(asked: tuple[Town, Any]):
    town, session = asked
    code = json.loads(town.verb("hub", "invite", "eve", "--json").stdout)["code"]
    eve = Hand(podium.connect(town.url, user="eve", home=town.home / "eve", code=code), town.home / "eve")
    ana = Hand(session, town.home)
    running, other = ana.post(), ana.seal()
    worker = held(town, "a")
    eve.cancel(running)
    ana.cancel(running, task=other.task)
    ana.cancel(running, re=f"{'0' * 32}.{running.run}{'0' * 32}")
    ana.cancel(running, run=other.run, re="")
    ana.cancel(running, body=b'{"v":2}')
    eve.cancel(other)  # before it has come: it is kept, as hers, and counts for nothing
    until(lambda: dropped(town) == ["reply_to"] * 4 + ["body"], why=lambda: town.log("a.log"))
    until(lambda: town.rows("a", f"SELECT count(*) FROM cancel WHERE run = '{other.run}'") == [(1,)])
    assert not eve.hub.lease("eve", wait=0.5)
    ana.hub.post(other.raw)
    worker.resume()
    for posted in (running, other):
        reply = ana.reply(posted, wait=30)
        assert reply
        assert reply.status is Status.RELEASED


def test_a_task_cancelled_while_its_pod_was_away_is_not_run(asked: tuple[Town, Any], monkeypatch: pytest.MonkeyPatch):
    """The pod is killed with three runs on its disk, and two more messages come meanwhile."""
    town, session = asked
    running = ask(session, COUNT, "demo/b")  # cancelled at the hub
    worker = held(town, "b")
    crashed = ask(session, COUNT, "demo/b")  # its cancel was put on disk, and then the pod died
    custodian = ask(session, COUNT, "demo/b")  # so was the custodian's, before it was known who asks
    until(lambda: row(town, crashed, "status", "demo/b") and row(town, custodian, "status", "demo/b"))
    town.kill_pod("b", town.pods["b"])
    worker.resume()  # it does not outlive its pod, once it can look
    gone(worker)
    with sqlite3.connect(town.home / "pods" / "demo" / "b" / "pod.db") as database:
        for answer, analyst in ((crashed, session.fingerprint), (custodian, "")):
            values = (run(answer, "demo/b"), analyst, int(time.time()) + 600)
            database.execute("INSERT INTO cancel (run, analyst, expires) VALUES (?, ?, ?)", values)
    after = ask(session, COUNT, "demo/b")  # the mailbox has the cancel behind the task
    with monkeypatch.context() as held_back:
        held_back.setattr("podium.client.asking.send", lambda *_: None)
        before = ask(session, COUNT, "demo/b")  # and here before it
    ((mid, task),) = before._store.outbox()
    before._store.posted(mid)
    for answer in (running, after, before):
        assert answer.cancel().status is Status.QUEUED
    session.hub.post(task)
    start(town, "b")
    for answer in (running, crashed, custodian, after, before):
        assert answer.wait(60).status is Status.CANCELLED
        assert row(town, answer, "status, rows_read", "demo/b") == ("cancelled", None)
        decided = town.rows("b", f"SELECT count(*) FROM decision WHERE run = '{run(answer, 'demo/b')}'")
        assert decided == [(answer in (running, custodian),)]
    assert row(town, running, "tries", "demo/b") == (1,)
    shown_as_cancelled(town, running, "demo/b")
    shown_as_cancelled(town, crashed, "demo/b")
    assert session.ask(COUNT, pods=["demo/b"], datasource="patients", timeout=60).status is Status.RELEASED


async def test_all_that_came_about_a_task_is_read_before_it_is_handed_on(asked: tuple[Town, Any]):
    """A pod's desk in this process, so that nothing else is quick enough to hide it."""
    town, session = asked
    desk = desk_of(town, "c")
    from tasks.cancel import cancel as cancel_here
    from tasks.lease import lease
    from tasks.reply import deliver

    ana = Hand(session, town.home, "demo/c")
    posted, other = ana.post(), ana.post()
    ana.cancel(posted)
    assert [await lease(desk), await lease(desk)] == [[posted.run], [other.run]]
    assert desk.runs.get(posted.run).status is Status.CANCELLED
    assert desk.runs.get(other.run).status is Status.QUEUED
    await deliver(desk, desk.runs.get(posted.run))
    reply = ana.reply(posted)
    assert reply
    assert (reply.status, reply.code) == (Status.CANCELLED, "cancelled")

    assert not cancel_here(desk, posted.run)  # it has ended
    assert cancel_here(desk, other.run)  # the custodian, before the message was verified: nobody is answered until it is
    assert (desk.runs.get(other.run).status, desk.runs.get(other.run).reply) == (Status.QUEUED, None)
    assert desk.cancels.wanted(other.run, analyst="")
    await desk.close()


def desk_of(town: Town, name: str) -> Any:
    """The desk of a pod that is registered, and whose process does not run."""
    project.activate()
    from tasks.desk import Desk

    fields = {
        "pod": {"name": name, "owner": "demo"},
        "hub": {"url": town.url},
        "datasources": ({"name": "patients", "kind": "csv", "path": "x"},),
    }
    desk = Desk(PodConfig.model_validate(fields))
    with HubClient(town.url) as hub:
        sign_in(hub, desk.identity, "demo")
        hub.register_pod(f"demo/{name}", statement=desk.ring.statement(int(time.time())))
        desk.hub.api_key = hub.api_key
    return desk


def test_a_pod_killed_as_soon_as_the_run_has_ended_does_not_take_it_up_again(asked: tuple[Town, Any]):
    town, session = asked
    answer = ask(session, COUNT, "demo/a")
    worker = held(town, "a")
    answer.cancel()
    until(lambda: row(town, answer, "status") == ("cancelled",))
    town.kill_pod("a", town.pods["a"])
    with contextlib.suppress(psutil.NoSuchProcess):  # most likely the cancel has killed it
        worker.resume()
    gone(worker)
    start(town, "a")
    assert answer.wait(60).status is Status.CANCELLED
    assert row(town, answer, "status, tries") == ("cancelled", 1)
    until(lambda: row(town, answer, "acknowledged_at IS NOT NULL") == (1,))


def ask(session: Any, algorithm: Any, *pods: str) -> Any:
    return session.ask(algorithm, pods=list(pods), datasource="patients", wait=False)


def held(town: Town, pod: str) -> psutil.Process:
    """The worker of the run that is under way, standing still."""
    worker = town.worker(pod)
    worker.suspend()
    return worker


def cancel(town: Town, answer: Any) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(town.podium("task", "cancel", answer.id, "--json").stdout)
    return said


def start(town: Town, pod: str) -> None:
    town.start_pod(pod, town.csv(pod, patients(400, seed="ab".index(pod))), **ONE_PLACE)


def run(answer: Any, pod: str = "demo/a") -> str:
    return next(str(sent.run) for sent in answer._store.asked().sent if sent.pod == pod)


def row(town: Town, answer: Any, columns: str, pod: str = "demo/a") -> tuple[Any, ...] | None:
    """What the pod's table says of the run."""
    return next(iter(town.rows(pod[-1], f"SELECT {columns} FROM run WHERE id = '{run(answer, pod)}'")), None)


def gone(worker: psutil.Process) -> None:
    until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE, seconds=5)


def shown_as_cancelled(town: Town, answer: Any, pod: str = "demo/a") -> None:
    found = row(town, answer, "flow_run", pod)
    assert found

    def state() -> Any:
        return ask_prefect("/flow_runs/filter", {"flow_runs": {"id": {"any_": [found[0]]}}})[0]["state_type"]

    until(lambda: state() == "CANCELLED", seconds=20, why=state)


def dropped(town: Town) -> list[str]:
    lines = [line for line in town.log("a.log").splitlines() if "a message to cancel a run was dropped" in line]
    return [line.rpartition(": ")[2] for line in lines]
