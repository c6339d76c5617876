"""What datapoints were given, on SQLite and PostgreSQL: committed with them, standing as they do, sealed, pruned with their events."""

from __future__ import annotations

import math
import struct

import pytest
from history_world import Question, done, key, mark, report
from sqlalchemy import text

from podium.contracts import Outcome, PartReport, Status
from podium.errors import ConfigError
from podium.history.results import Sealer, divided, results_of
from schemas import results
from schemas.stores import PodDatabase

SECRET = bytes(range(32))
DONE, QUARANTINED, GONE, MOVED = Outcome


@pytest.fixture
def question(database: PodDatabase) -> Question:
    return Question(database)


def sealer(question: Question, secret: bytes = SECRET) -> Sealer:
    with question.database.transaction() as session:
        task = session.execute(text("SELECT key FROM history_task WHERE no = :no"), {"no": question.no}).scalar_one()
    return Sealer(secret, datasource="p", question=bytes(task))


def commit(question: Question, run: str, no: int, said: PartReport, *numbers: float, part: str = "a") -> None:
    said = said.model_copy(update={"results": struct.pack(f"<{len(numbers)}d", *numbers)})
    given = results_of(said)
    question.commit(run, no, said, part=part, given=sealer(question).seal(given, run=run, batch=no) if given else b"")


def standing(question: Question, run: str = "") -> dict[int, float]:
    """What a report is made of: the last number of each key; and each alone, as it is looked up."""
    found: dict[int, float] = {}
    with question.database.transaction() as session:
        for chunk in results.records(session, question.no, question.number(run) if run else None, secret=SECRET):
            for at in range(0, len(chunk), 24):
                found[int.from_bytes(chunk[at : at + 16], "little")] = struct.unpack("<d", chunk[at + 16 : at + 24])[0]
        if not run:
            for number, value in found.items():
                alone = results.result(session, question.no, key(number), secret=SECRET)
                assert alone == ({} if math.isinf(value) else {"result": None if math.isnan(value) else value})
    return {number: value for number, value in found.items() if not math.isinf(value)}


def kept(question: Question) -> list[tuple[int, ...]]:
    rows = (
        "SELECT batch, datapoints FROM datapoint_result AS one JOIN run ON run.no = one.run_no WHERE task_no = :no ORDER BY run_no, batch"
    )
    with question.database.transaction() as session:
        return [tuple(row) for row in session.execute(text(rows), {"no": question.no})]


def aged(question: Question, run: str) -> str:
    question.runs.note(run, finished_at=10)
    return run


def test_the_newest_that_gave_one_stands(question: Question) -> None:
    first, second = question.begin(), question.begin()
    commit(question, first, 0, done(1, 2, 3, 4, 5), 0.1, 0.2, 0.3, 0.4, math.nan)
    assert standing(question) == {}  # the run does not count yet
    question.release(first, None)
    assert str(standing(question)) == str({1: 0.1, 2: 0.2, 3: 0.3, 4: 0.4, 5: math.nan})
    events = [(key(1), mark(2), DONE), (key(2), bytes(16), GONE), (key(3), mark(2), QUARANTINED), (key(4), mark(1), MOVED)]
    commit(question, second, 0, report([*events, (key(6), mark(1), DONE)]), 1.1, 0.6)
    question.release(second, question.number(first))
    assert str(standing(question)) == str({1: 1.1, 4: 0.4, 5: math.nan, 6: 0.6})
    assert standing(question, second) == {1: 1.1, 6: 0.6}
    with question.database.transaction() as session:
        assert [results.count(session, question.no, no) for no in (None, question.number(second))] == [7, 2]
        assert results.result(session, question.no, key(9), secret=SECRET) == {}


@pytest.mark.parametrize("again", [False, True])
def test_a_run_without_a_release_leaves_none(question: Question, again: bool) -> None:
    run = question.begin()
    commit(question, run, 0, done(1, 2), 0.1, 0.2)
    assert kept(question) == [(0, 2)]
    if again:
        question.runs.begin_again(run)
    else:
        question.runs.finish(run, Status.SUPPRESSED, reply=b"")
        commit(question, run, 1, done(3), 0.3)  # a worker that was late
    assert kept(question) == []


def test_a_batch_commits_once_with_what_it_was_given(question: Question) -> None:
    run = question.begin()
    commit(question, run, 0, done(1, 2), 0.1, 0.2)
    commit(question, run, 0, done(1, 2), 7.1, 7.2)
    broken = done(3).model_copy(update={"outcomes": b"\x01", "reasons": b"\x07"})
    with pytest.raises(IndexError):
        question.commit(run, 1, broken, given=b"sealed")
    question.release(run, None)
    assert (kept(question), standing(question)) == ([(0, 2)], {1: 0.1, 2: 0.2})


def test_pruned_with_the_events_that_they_hang_on(question: Question) -> None:
    first, second, third = question.begin(), question.begin(), question.begin()
    commit(question, first, 0, done(1, 2, 3), 0.1, 0.2, 0.3)
    commit(question, first, 1, done(7), 0.7, part="b")
    question.release(first, None)
    commit(question, second, 0, done(1, 7, version=2), 1.1, 1.7)
    commit(question, second, 1, report([(key(2), mark(1), MOVED), (key(3), bytes(16), GONE)]), part="c")
    question.release(second, question.number(first))
    before = standing(question)
    assert before == {1: 1.1, 2: 0.2, 7: 1.7}
    aged(question, first)
    question.history.prune(5, secret=lambda: pytest.fail("nothing is due"))
    assert kept(question) == [(0, 3), (1, 1), (0, 2)]
    question.history.prune(20, secret=lambda: SECRET)
    assert standing(question) == before
    assert kept(question) == [(0, 1), (0, 2)]  # of the first run only the datapoint that has merely moved since
    question.history.prune(20, secret=lambda: pytest.fail("nothing is left to do"))
    commit(question, third, 0, done(2, version=3), 2.2)
    question.release(third, question.number(second))
    aged(question, second)
    question.history.prune(20, secret=lambda: SECRET)
    assert (standing(question), kept(question)) == ({1: 1.1, 2: 2.2, 7: 1.7}, [(0, 2), (0, 1)])


def test_without_the_secret_nothing_is_read_and_nothing_lost(question: Question) -> None:
    first, second = question.begin(), question.begin()
    commit(question, first, 0, done(1, 2), 0.1, 0.2)
    question.release(first, None)
    commit(question, second, 0, done(1, version=2), 1.1)
    question.release(second, question.number(first))
    aged(question, first)
    question.history.prune(20, secret=lambda: bytes(32))
    assert standing(question) == {1: 1.1, 2: 0.2}
    with question.database.transaction() as session, pytest.raises(ConfigError, match="cannot be opened"):
        list(results.records(session, question.no, secret=bytes(32)))


def test_what_is_sealed_opens_in_its_place_alone(question: Question) -> None:
    run, mine = question.begin(), sealer(question)
    sealed = mine.seal(key(1) + struct.pack("<d", 918273645.0), run=run, batch=0)
    assert struct.pack("<d", 918273645.0) not in sealed
    assert divided(mine.open(sealed, run=run, batch=0)) == (key(1), struct.pack("<d", 918273645.0))
    assert mine.seal(b"", run=run, batch=0) != mine.seal(b"", run=run, batch=0)
    elsewhere = [
        lambda: mine.open(sealed, run=run, batch=1),
        lambda: mine.open(sealed, run="0" * 32, batch=0),
        lambda: sealer(question, bytes(32)).open(sealed, run=run, batch=0),
        lambda: Sealer(SECRET, datasource="q", question=b"").open(sealed, run=run, batch=0),
        lambda: sealer(Question(question.database)).open(sealed, run=run, batch=0),
        lambda: mine.open(sealed[:-1], run=run, batch=0),
        lambda: mine.open(b"", run=run, batch=0),
        lambda: divided(b"x" * 25),
    ]
    for opened in elsewhere:
        with pytest.raises(ConfigError):
            opened()
