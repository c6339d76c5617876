"""The pod's database, the same suite on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import threading

import pytest
from history_world import Question, done, key, mark

from podium import project
from podium.contracts import Column, DatasourceSchema, Decision, Released, ReleasedCell, Status
from podium.errors import TaskError
from podium.policy.grants import SignedGrant

project.activate()

from sqlmodel import func, select  # noqa: E402

from schemas.cancels import CUSTODIAN, CancelStore  # noqa: E402
from schemas.records import ResultRecord  # noqa: E402
from schemas.rounds import RoundStore  # noqa: E402
from schemas.runs import RunStore  # noqa: E402
from schemas.stores import GrantStore, PodDatabase, SchemaStore, SqlReplayStore  # noqa: E402

RUN = "a" * 32


def test_a_run_ends_once_with_everything_it_used(database: PodDatabase):
    runs = RunStore(database)
    assert runs.receive(RUN, mid="m", attempt=1, envelope=b"sealed").status is Status.QUEUED
    assert runs.receive(RUN, mid="m", attempt=2, envelope=b"sealed").lease_attempt == 2
    assert runs.start(RUN).status is Status.RUNNING
    assert [r.id for r in runs.unfinished()] == [RUN]
    released = Released(rows=100, cells=(ReleasedCell(values={"count": 100}),))
    question = Question(database)
    question.commit(RUN, 0, done(*range(25_000)))
    used = question.used(None, total=25_000, new=25_000)
    ended = runs.finish(RUN, Status.RELEASED, reply=b"r", released=released, keep=True, used=used)
    assert (ended.status, ended.rows_released, ended.envelope) == (Status.RELEASED, 100, b"")
    assert (ended.new, ended.changed, ended.unchanged, ended.counted) == (25_000, 0, 0, True)
    again = runs.finish(RUN, Status.FAILED, reply=None, code="late")
    assert (again.status, again.code, again.reply) == (Status.RELEASED, "", b"r")
    assert question.known() == {key(n): (mark(1), 0, False) for n in range(25_000)}
    assert runs.unfinished() == []
    assert [r.id for r in runs.unsent()] == [RUN]
    runs.note(RUN, replied_at=1, acknowledged_at=1)
    assert runs.unsent() == []
    assert runs.start(RUN).status is Status.RELEASED  # a restart does not open it again


def test_a_changed_datapoint_replaces_its_earlier_version(database: PodDatabase):
    question, another, after = Question(database), Question(database), None
    for version in (1, 2):
        run = question.begin()
        question.commit(run, 0, done(0, version=version))
        question.release(run, after)
        after = question.number(run)
    assert question.known() == {key(0): (mark(2), 0, False)}
    assert another.known() == {}


def test_nothing_is_kept_of_a_transaction_that_fails(database: PodDatabase):
    runs, question = RunStore(database), Question(database)
    runs.receive(RUN, mid="m", attempt=1, envelope=b"")
    question.commit(RUN, 0, done(*range(12_000)))
    with pytest.raises(TaskError, match="meanwhile"):  # the last thing that an end does
        runs.finish(RUN, Status.RELEASED, reply=b"r", released=Released(), keep=True, used=question.used(99))
    assert (runs.get(RUN).status, runs.get(RUN).reply) == (Status.QUEUED, None)
    assert question.known() == {}
    with database.transaction() as session:
        assert session.exec(select(func.count()).select_from(ResultRecord)).one() == 0
    runs.finish(RUN, Status.RELEASED, reply=b"r", released=Released(), keep=True, used=question.used(None))
    assert len(question.known()) == 12_000


def decision(allowed: bool = True) -> Decision:
    return Decision(allowed=allowed, reasons=() if allowed else ("expired",), grant="g", task_digest="d", at=1)


def test_a_decision_is_taken_once(database: PodDatabase):
    grants = GrantStore(database)
    assert grants.decision(RUN) is None
    assert grants.decide(RUN, decision(), limit=None).allowed
    assert grants.decide(RUN, decision(allowed=False), limit=None).allowed  # the first one stands
    assert grants.decision(RUN) == decision()


def test_a_limit_of_runs_holds_in_a_race(database: PodDatabase):
    grants, allowed = GrantStore(database), []
    grants.add("g", SignedGrant(payload="{}", custodian="c", signature="00"), now=1)
    together = threading.Barrier(8)

    def ask(number: int) -> None:
        together.wait()
        allowed.append(grants.decide(f"{number:032x}", decision(), limit=3).allowed)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(allowed) == 3


def test_a_grant_is_kept_as_it_was_signed_and_can_be_revoked(database: PodDatabase):
    grants, signed = GrantStore(database), SignedGrant(payload="{}", custodian="c", signature="00")
    grants.add("g", signed, now=5)
    grants.decide(RUN, decision(), limit=None)
    ((kept, record, runs),) = grants.every()
    assert (kept, record.revoked_at, runs) == (signed, None, 1)
    assert grants.revoke("g", now=9)
    assert not grants.revoke("other", now=9)
    assert grants.every()[0][1].revoked_at == 9


def test_a_message_is_claimed_once_by_one_run(database: PodDatabase):
    replay = SqlReplayStore(database)
    claim = {"sender": "s", "mid": "m1", "task": "t", "seq": 1, "expires": 100, "run": RUN}
    assert replay.claim(**claim) is None
    assert replay.claim(**claim) is None  # the same run, after a restart
    assert replay.claim(**{**claim, "run": "b" * 32}) == "replay"
    assert replay.claim(**{**claim, "mid": "m2"}) == "sequence"
    assert replay.claim(**{**claim, "mid": "m2", "seq": 2}) is None
    assert replay.claim(**{**claim, "mid": "m3", "seq": 9999}) == "sequence"
    replay.prune(100 + 86_400)
    assert replay.claim(**{**claim, "run": "b" * 32}) == "replay"
    replay.prune(100 + 86_401)
    assert replay.claim(**{**claim, "run": "b" * 32}) is None


def test_the_newest_schema_is_found_and_partial_ones_do_not_pile_up(database: PodDatabase):
    schemas = SchemaStore(database)
    column = Column(name="age", type="integer", semantic="continuous")
    assert schemas.latest("p") is None
    for stage, rows in (("partial", None), ("partial", None), ("full", 5)):
        schemas.add(DatasourceSchema(datasource="p", stage=stage, rows=rows, columns=(column,)))
    latest = schemas.latest("p")
    assert latest is not None
    assert (latest.stage, latest.rows) == ("full", 5)


def answered(rounds: RoundStore, no: int, reply: bytes = b"reply", rows: float = 100.0) -> None:
    released = Released(rows=100, cells=(ReleasedCell(values={"n": rows}),))
    rounds.answer(RUN, no, reference="m.1", rows=b"rows", released=released, reply=reply)


def test_a_round_is_heard_once_answered_once_and_leaves_the_run_waiting(database: PodDatabase):
    runs, rounds = RunStore(database), RoundStore(database)
    runs.receive(RUN, mid="m", attempt=1, envelope=b"sealed")
    runs.start(RUN)
    answered(rounds, 1)
    assert runs.get(RUN).status is Status.WAITING
    assert [r.id for r in runs.unfinished()] == [RUN]  # a restart takes it up again
    asked = {"reference": "n.2", "parameters": "{}", "last": False}
    assert rounds.hear(RUN, 2, mid="n", **asked)
    assert rounds.hear(RUN, 2, mid="n", **asked)
    assert not rounds.hear(RUN, 2, mid="other", **asked)
    assert [(r.no, r.mid, r.answered_at is None) for r in rounds.every(RUN)] == [(1, "", False), (2, "n", True)]
    runs.start(RUN)
    answered(rounds, 2, b"first")
    answered(rounds, 2, b"second")
    last = rounds.every(RUN)[-1]
    assert (last.reply, last.reference, last.released != "") == (b"first", "n.2", True)


@pytest.mark.parametrize("keep", [True, False])
def test_what_rounds_released_is_kept_only_where_results_are(database: PodDatabase, keep: bool):
    runs, rounds = RunStore(database), RoundStore(database)
    runs.receive(RUN, mid="m", attempt=1, envelope=b"sealed")
    runs.start(RUN)
    answered(rounds, 1)
    runs.finish(RUN, Status.RELEASED, reply=b"r", released=Released(rows=100), keep=keep)
    assert [bool(r.released) for r in rounds.every(RUN)] == [keep]
    answered(rounds, 1)
    assert runs.get(RUN).status is Status.RELEASED  # an end stays one


def test_a_run_that_has_ended_keeps_its_end_whatever_was_still_under_way(database: PodDatabase):
    runs, rounds = RunStore(database), RoundStore(database)
    runs.receive(RUN, mid="m", attempt=1, envelope=b"sealed")
    runs.start(RUN)
    runs.finish(RUN, Status.CANCELLED, reply=b"r", code="cancelled")
    for status in (Status.WAITING, Status.RUNNING, Status.PENDING_APPROVAL):
        runs.note(RUN, status=status)
    rounds.answer(RUN, 1, reference="x", rows=b"", released=Released(), reply=b"late")
    runs.note(RUN, alias="Ana")
    record = runs.get(RUN)
    assert (record.status, record.alias) == (Status.CANCELLED, "Ana")
    assert rounds.every(RUN) == []
    assert runs.start(RUN).status is Status.CANCELLED


def test_a_cancel_counts_for_its_own_analyst_until_no_clock_would_take_the_task(database: PodDatabase):
    cancels = CancelStore(database)
    cancels.keep(RUN, analyst="eve", expires=1000)
    cancels.keep(RUN, analyst="ana", expires=2000)
    cancels.keep(RUN, analyst="ana", expires=2000)
    assert [cancels.wanted(RUN, analyst=who) for who in ("eve", "ana", CUSTODIAN)] == [True, True, False]
    assert not cancels.wanted("b" * 32, analyst="ana")
    cancels.prune(1000 + 86_400 + 1)
    assert [cancels.wanted(RUN, analyst=who) for who in ("eve", "ana")] == [False, True]
