"""The approvals' table, on SQLite and on a real PostgreSQL: one question a run, one answer, and the run goes on with it."""

from __future__ import annotations

import threading

import pytest

from podium import project
from podium.contracts import Status
from podium.policy.grants import Grant
from podium.policy.statement import Signed

project.activate()

from schemas.approvals import ApprovalStore  # noqa: E402
from schemas.records import ApprovalRecord  # noqa: E402
from schemas.runs import RunStore  # noqa: E402
from schemas.stores import PodDatabase  # noqa: E402

RUN, OTHER = "a" * 32, "b" * 32
GRANT = Grant(
    id="g1", pod="demo/a", analyst="a" * 64, alias="Ana", datasources=("*",), algorithms=("*",), columns=("*",), not_before=0, expires=9,
    approval="every_run", approver="signed",
)  # fmt: skip
SIGNED = Signed(payload='{"yes":1}', custodian="c" * 64, signature="00ff")


@pytest.fixture
def stores(database: PodDatabase) -> tuple[RunStore, ApprovalStore]:
    """Two runs at work; the first is asked about, until second 100."""
    runs, approvals = RunStore(database), ApprovalStore(database)
    for run in (RUN, OTHER):
        runs.receive(run, mid=run, attempt=1, envelope=b"sealed")
        runs.start(run)
    ask(approvals)
    return runs, approvals


def ask(approvals: ApprovalStore, run: str = RUN, *, now: int = 10, expires: int = 100) -> ApprovalRecord:
    return approvals.ask(run, task_digest="d" * 64, grant=GRANT, expires=expires, notice=b"sealed notice", now=now)


def test_a_run_that_is_asked_about_waits_and_is_asked_about_once(stores):
    runs, approvals = stores
    assert (runs.get(RUN).status, runs.get(RUN).tries) == (Status.PENDING_APPROVAL, 0)
    again = ask(approvals, now=50, expires=200)
    assert (again.asked_at, again.expires, again.decision, again.approver) == (10, 100, "", "signed")
    assert [asked.run for asked in approvals.open()] == [RUN]
    assert approvals.get(OTHER) is None
    assert runs.get(OTHER).status is Status.RUNNING


@pytest.mark.parametrize("decision", ["yes", "no"])
def test_an_answer_queues_the_run_and_is_the_only_one(stores, decision):
    runs, approvals = stores
    assert approvals.decide(RUN, decision, by="c" * 64, now=20, reason="because", signed=SIGNED)
    assert runs.get(RUN).status is Status.QUEUED
    assert (approvals.answered(), approvals.open()) == ([RUN], [])
    assert not approvals.decide(RUN, "no" if decision == "yes" else "yes", by="ui", now=21)
    approvals.expire(1000)
    found = approvals.get(RUN)
    assert (found.decision, found.by, found.reason, found.decided_at) == (decision, "c" * 64, "because", 20)
    assert (found.statement, found.signature) == (SIGNED.payload, SIGNED.signature)
    runs.start(RUN)
    assert ask(approvals).decision == decision
    assert runs.get(RUN).status is Status.RUNNING  # and does not wait again
    assert approvals.answered() == []


def test_an_answer_that_comes_too_late_changes_nothing(stores):
    runs, approvals = stores
    assert not approvals.decide(RUN, "yes", by="ui", now=100)
    approvals.expire(99)
    assert approvals.get(RUN).decision == ""
    approvals.expire(100)
    found = approvals.get(RUN)
    assert (found.decision, found.by, runs.get(RUN).status) == ("expired", "clock", Status.QUEUED)
    assert not approvals.decide(RUN, "yes", by="ui", now=101)


def test_a_run_that_ended_meanwhile_is_not_opened_again(stores):
    runs, approvals = stores
    runs.finish(RUN, Status.CANCELLED, reply=None)
    assert not approvals.decide(RUN, "yes", by="ui", now=20)
    approvals.expire(1000)
    assert (approvals.get(RUN).decision, runs.get(RUN).status) == ("", Status.CANCELLED)
    assert approvals.open() == []


def test_an_answer_about_a_run_that_nobody_was_asked_about(stores):
    runs, approvals = stores
    assert not approvals.decide(OTHER, "yes", by="ui", now=20)
    assert runs.get(OTHER).status is Status.RUNNING


def test_what_prefect_still_shows_is_known_until_it_is_closed(stores):
    runs, approvals = stores
    approvals.note(RUN, flow_run="f", asks=1)
    assert approvals.over() == []
    approvals.decide(RUN, "yes", by="ui", now=20)
    assert [asked.flow_run for asked in approvals.over()] == ["f"]
    approvals.note(RUN, closed_at=30)
    assert approvals.over() == []
    ask(approvals, OTHER)
    approvals.note(OTHER, flow_run="g")
    runs.finish(OTHER, Status.CANCELLED, reply=None)
    assert [asked.flow_run for asked in approvals.over()] == ["g"]  # ended without an answer


def test_of_two_answers_at_once_one_counts(stores):
    _, approvals = stores
    together, taken = threading.Barrier(8), []

    def answer(number: int) -> None:
        together.wait()
        if approvals.decide(RUN, "yes" if number % 2 else "no", by=str(number), now=20):
            taken.append(str(number))

    threads = [threading.Thread(target=answer, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == [approvals.get(RUN).by]


def test_the_newest_question_is_listed_first_with_its_run(stores):
    _, approvals = stores
    ask(approvals, OTHER, now=11)
    assert [(asked.run, run.id) for asked, run in approvals.every()] == [(OTHER, OTHER), (RUN, RUN)]


def test_an_unsent_reply_is_unsent_although_its_task_is_acknowledged(stores):
    """A run that waited acknowledged its task when it was asked about, long before its reply."""
    runs, _ = stores
    runs.note(RUN, acknowledged_at=1)
    assert runs.unsent() == []
    runs.finish(RUN, Status.REJECTED, reply=b"r")
    assert [record.id for record in runs.unsent()] == [RUN]
    runs.note(RUN, replied_at=2)
    assert runs.unsent() == []
