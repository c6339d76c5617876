"""The run history, the same on SQLite and on a real PostgreSQL: what counts, from when, in which order, and what is left of a crash."""

from __future__ import annotations

import random
import sqlite3
import threading
from itertools import pairwise

import pytest
from history_world import NOTHING, PLACES, Question, Row, done, key, mark, report
from sqlalchemy import text

from podium.contracts import Outcome, Status
from podium.errors import TaskError
from schemas import history
from schemas.history import ELSEWHERE, LOST, HistoryStore
from schemas.stores import PodDatabase

DONE, QUARANTINED, GONE, MOVED = Outcome.DONE, Outcome.QUARANTINED, Outcome.GONE, Outcome.MOVED


@pytest.fixture
def question(database: PodDatabase) -> Question:
    return Question(database)


def rows(question: Question, table: str, run: str) -> int:
    with question.database.transaction() as session:
        return int(session.scalar(text(f"SELECT count(*) FROM {table} WHERE run_no = :run"), {"run": question.number(run)}))


def test_a_run_counts_from_its_end_on(question: Question):
    run = question.begin()
    question.commit(run, 0, done(*range(25_000)))
    assert question.known() == {}
    assert question.history.standing(question.no).parts == {}
    question.release(run, None, token="source", total=25_000, new=25_000)
    assert question.known() == {key(n): (mark(1), 0, False) for n in range(25_000)}
    standing = question.history.standing(question.no)
    assert (standing.token, standing.total, standing.last_run) == ("source", 25_000, question.number(run))
    assert (standing.parts["a"].token, standing.parts["a"].rows, standing.parts["a"].whole) == ("t", 25_000, True)
    record = question.runs.get(run)
    assert (record.counted, record.counted_no, record.new, record.gone) == (True, 1, 25_000, 0)


@pytest.mark.parametrize("status", [Status.SUPPRESSED, Status.FAILED, Status.CANCELLED])
def test_a_run_that_ends_without_a_release_leaves_nothing(question: Question, status: Status):
    run = question.begin()
    question.commit(run, 0, done(1, 2, outcome=QUARANTINED))
    question.runs.finish(run, status, reply=b"")
    question.commit(run, 1, done(3))  # a worker that was late
    assert [rows(question, table, run) for table in ("datapoint", "quarantine", "batch")] == [0, 0, 0]
    assert question.known() == {}
    assert question.history.standing(question.no).last_run is None


def test_the_newest_word_on_a_datapoint_stands(question: Question):
    first, second, third = question.begin(), question.begin(), question.begin()
    question.commit(first, 0, done(1, 2, 3, 4, version=1))
    question.release(first, None)
    question.commit(second, 0, report([(key(1), mark(2), DONE), (key(2), NOTHING, GONE), (key(3), mark(1), QUARANTINED)]))
    question.commit(second, 1, done(4, outcome=MOVED), part="b")
    question.release(second, question.number(first))
    assert question.known() == question.of({1: Row(2), 3: Row(1, bad=True), 4: Row(1, "b")})
    question.commit(third, 0, done(2, 3, version=5))
    question.release(third, question.number(second))
    assert question.known() == question.of({1: Row(2), 2: Row(5), 3: Row(5), 4: Row(1, "b")})


def test_what_is_gone_has_no_fingerprint_whatever_was_reported(question: Question):
    run = question.begin()
    question.commit(run, 0, report([(key(1), mark(1), DONE), (key(2), mark(1), GONE), (key(3), mark(1), DONE)]))
    question.release(run, None)
    assert question.known() == question.of({1: Row(1), 3: Row(1)})


def test_of_two_runs_that_overlap_the_second_to_end_has_to_begin_again(question: Question):
    slow, fast = question.begin(), question.begin()
    question.commit(slow, 0, done(1, version=1))
    question.commit(fast, 0, done(1, 2, version=2))
    question.release(fast, None, token="fast")
    with pytest.raises(TaskError) as caught:
        question.release(slow, None, token="slow")
    assert (caught.value.code, caught.value.transient) == ("overtaken", True)
    assert question.runs.get(slow).status is Status.RUNNING
    assert question.known() == question.of({1: Row(2), 2: Row(2)})
    assert question.history.standing(question.no).token == "fast"

    question.runs.begin_again(slow)
    assert question.history.batches(question.number(slow)) == []
    question.commit(slow, 0, report([(key(1), mark(3), DONE), (key(2), NOTHING, GONE)]), token="later")
    question.release(slow, question.number(fast))
    assert question.number(slow) < question.number(fast)
    assert question.known() == question.of({1: Row(3)})  # it came first, and has the last word
    assert question.history.standing(question.no).parts["a"].token == "later"


def test_a_part_that_vanishes_and_comes_back(question: Question):
    first, second, third = question.begin(), question.begin(), question.begin()
    question.commit(first, 0, done(1), part="a", token="1")
    question.commit(first, 1, done(2), part="b", token="2", contract=b"c", whole=True)
    question.release(first, None)
    question.commit(second, 0, done(2, outcome=GONE), part="b", token="")
    question.release(second, question.number(first))
    assert set(question.history.standing(question.no).parts) == {"a"}
    assert question.known() == question.of({1: Row(1)})
    question.commit(third, 0, done(2, version=4), part="b", token="2")
    question.release(third, question.number(second))
    standing = question.history.standing(question.no)
    assert {part: kept.run_no for part, kept in standing.parts.items()} == {"a": question.number(first), "b": question.number(third)}
    assert question.known() == question.of({1: Row(1), 2: Row(4, "b")})


def test_a_batch_committed_twice_is_one(question: Question):
    run = question.begin()
    question.commit(run, 0, done(1, 2), token="first")
    question.commit(run, 0, done(3), token="second")
    question.release(run, None)
    assert question.known() == question.of({1: Row(1), 2: Row(1)})
    assert question.history.standing(question.no).parts["a"].token == "first"


def test_a_run_that_was_broken_off_finds_what_it_had(question: Question):
    before, run = question.begin(), question.begin()
    question.commit(before, 0, done(1))
    question.commit(before, 1, done(9), part="b")
    question.release(before, None)
    state = {"n": 10**30, "by": [["f", 1]]}
    said = report([(key(2), mark(1), DONE), (key(1), NOTHING, GONE)], state=state, failures={"min_age": 2}, unseen=key(1))
    question.commit(run, 0, said, contract=b"digest", whole=False)
    again = HistoryStore(question.database)
    (batch,) = again.batches(question.number(run))
    assert (batch.no, batch.part, batch.unseen, batch.failures, batch.contract) == (0, "a", key(1), '{"min_age": 2}', b"digest")
    assert question.known(run) == {key(9): (mark(1), 1, False), key(2): (mark(1), ELSEWHERE, False)}
    assert question.known() == question.of({1: Row(1), 9: Row(1, "b")})  # to others, nothing has happened
    question.commit(run, 1, done(4), part="b")
    question.release(run, question.number(before))
    kept = again.standing(question.no).parts["a"]
    assert (kept.state, kept.whole, kept.contract) == (state, False, b"digest")


def test_many_parts(question: Question):
    run = question.begin()
    for no in range(120):
        question.commit(run, no, done(*range(no * 10, no * 10 + 10)), part=f"part-{no}", token=f"{no}")
    question.release(run, None, total=1200)
    places = {f"part-{no}": no for no in range(0, 120, 2)}
    chunks = b"".join(question.history.known(question.no, run_no=-1, places=places))
    ends = [int.from_bytes(chunks[at + 32 : at + 36], "big") for at in range(0, len(chunks), 36)]
    assert ends == [no if no % 2 == 0 else LOST for no in range(120) for _ in range(10)]
    parts = question.history.standing(question.no).parts
    assert {part: kept.no for part, kept in parts.items()} == {f"part-{no}": no for no in range(120)}


@pytest.mark.parametrize("stretch", [1 << 18, 700, 50], ids=["one_stretch", "several", "many"])
def test_what_is_known_comes_by_stretches_of_keys_byte_by_byte(question: Question, monkeypatch: pytest.MonkeyPatch, stretch: int):
    monkeypatch.setattr(history, "STRETCH", stretch)
    draw, first, second = random.Random(7), question.begin(), question.begin()
    drawn = {bytes(16), b"\xff" * 16, *(draw.randbytes(16) for _ in range(900))}
    outcomes = (DONE, QUARANTINED, MOVED, GONE)
    chosen = [draw.sample(sorted(drawn), 700) for _ in "ab"]
    said = [report((key, draw.randbytes(16), draw.choice(outcomes)) for key in keys) for keys in chosen]
    question.commit(first, 0, said[0])
    question.release(first, None)
    question.commit(second, 0, said[1], part="b")
    question.release(second, question.number(first))
    wanted = []
    for place, one in enumerate(said):
        for at, outcome in enumerate(one.outcomes):
            name, version = (packed[16 * at : 16 * at + 16] for packed in (one.keys, one.fingerprints))
            end = place | (history.QUARANTINED if outcome == QUARANTINED else 0)
            wanted.append(name + (NOTHING if outcome == GONE else version) + end.to_bytes(4, "big"))
    chunks = list(question.history.known(question.no, run_no=-1, places=PLACES))
    assert len(chunks) >= -(-1400 // stretch)
    split = [[chunk[at : at + 36] for at in range(0, len(chunk), 36)] for chunk in chunks]
    for before, after in pairwise(one for one in split if one):
        assert max(before)[:16] < min(after)[:16]
    found = [record for one in split for record in one]
    assert sorted(found) == sorted(wanted)
    ends = {name: [one[32:] for one in found if one[:16] == name] for name in drawn}
    assert all(end[-1][3] == 1 for end in ends.values() if len(end) == 2)  # the second run's word comes last


def test_why_a_datapoint_is_in_quarantine(question: Question):
    run = question.begin()
    question.commit(run, 0, report([(key(1), mark(1), QUARANTINED), (key(2), mark(1), DONE), (key(3), mark(1), QUARANTINED)]))
    question.commit(run, 1, done(1, outcome=QUARANTINED), part="b")  # found in two parts: each has its reason
    with question.database.transaction() as session:
        found = session.execute(text("SELECT batch, key, rule FROM quarantine WHERE run_no = :n"), {"n": question.number(run)}).all()
    assert sorted(found) == [(0, key(1), "min_age: age"), (0, key(3), "type: sex"), (1, key(1), "min_age: age")]


def test_nothing_is_kept_of_a_batch_that_fails(question: Question):
    run = question.begin()
    broken = done(*range(12_000)).model_copy(update={"outcomes": bytes(11_999) + b"\x01", "reasons": b"\x07"})
    with pytest.raises(IndexError):
        question.commit(run, 0, broken)
    assert [rows(question, table, run) for table in ("datapoint", "quarantine", "batch")] == [0, 0, 0]


def test_what_newer_runs_have_replaced_is_forgotten(question: Question):
    first, second = question.begin(), question.begin()
    question.commit(first, 0, report([(key(1), mark(1), DONE), (key(2), mark(1), QUARANTINED)], state={"n": 2}))
    question.commit(first, 1, done(3), part="b", token="b")
    question.commit(first, 2, report([], state={"n": 0}), part="c", token="c")
    question.release(first, None)
    question.commit(second, 0, report([(key(2), mark(2), DONE)], state={"n": 2}), token="new")
    question.commit(second, 1, done(3, outcome=GONE), part="b", token="")
    question.release(second, question.number(first))
    standing, known = question.history.standing(question.no), question.known()
    for run, at in ((first, 10), (second, 20)):
        question.runs.note(run, finished_at=at)
    assert [question.history.prune(before=before, secret=lambda: bytes(32)) for before in (10, 15, 15, 20, 21, 21)] == [0, 2, 0, 0, 1, 0]
    assert question.history.standing(question.no) == standing
    assert question.known() == known == question.of({1: Row(1), 2: Row(2)})
    assert [rows(question, "datapoint", run) for run in (first, second)] == [1, 1]
    assert [rows(question, "quarantine", run) for run in (first, second)] == [0, 0]
    states = [(batch.part, batch.state is None) for batch in question.history.batches(question.number(first))]
    assert states == [("a", True), ("c", False)]  # the first still says where datapoint 1 is, the last is the last word on its part


def test_a_clock_that_was_wrong_brings_nothing_back(question: Question):
    first, second = question.begin(), question.begin()
    question.commit(first, 0, done(1))
    question.release(first, None)
    question.commit(second, 0, done(1, outcome=GONE))
    question.release(second, question.number(first))
    for run, at in ((first, 30), (second, 20)):
        question.runs.note(run, finished_at=at)
    for before in (25, 25, 40, 40):
        question.history.prune(before=before, secret=lambda: bytes(32))
        assert question.known() == {}
    assert [rows(question, "datapoint", run) for run in (first, second)] == [0, 0]


def test_what_was_left_behind_is_swept_up(question: Question):
    ended, open_ = question.begin(), question.begin()
    for run in (ended, open_):
        question.commit(run, 0, done(1, outcome=QUARANTINED))
    with question.database.transaction() as session:  # as if it had ended in the middle of something
        session.execute(text("UPDATE run SET status = 'failed' WHERE id = :run"), {"run": ended})
    question.history.prune(before=0, secret=lambda: bytes(32))
    assert [rows(question, table, ended) for table in ("datapoint", "quarantine", "batch")] == [0, 0, 0]
    assert [rows(question, table, open_) for table in ("datapoint", "quarantine", "batch")] == [1, 1, 1]


def test_who_reads_sees_one_moment_and_holds_nobody_up(question: Question, monkeypatch: pytest.MonkeyPatch):
    first, second = question.begin(), question.begin()
    question.commit(first, 0, done(*range(25_000)))
    question.commit(first, 1, done(30_000), part="b")
    question.release(first, None)
    monkeypatch.setattr(history, "STRETCH", 5000)
    reading = question.history.known(question.no, run_no=-1, places=PLACES)
    found = [next(reading)]
    assert 0 < len(found[0]) < 36 * 10_000
    question.commit(second, 0, done(*range(25_000), 30_000, outcome=GONE))
    question.release(second, question.number(first))
    assert question.history.prune(before=2**31 - 1, secret=lambda: bytes(32)) > 0
    found += list(reading)
    assert len(b"".join(found)) == 36 * 25_001
    assert question.known() == {}


def test_a_question_asked_for_the_first_time_by_two_is_one(database: PodDatabase):
    together, numbers = threading.Barrier(4), []

    def ask() -> None:
        together.wait()
        numbers.append(HistoryStore(database).task(b"asked by several", datasource="p", algorithm="mean"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(numbers) == 4
    assert len(set(numbers)) == 1


def test_sqlite_keeps_what_is_committed_through_a_power_cut(tmp_path):
    database = PodDatabase(f"sqlite:///{tmp_path / 'pod.db'}")
    with database.engine.connect() as connection:
        settings = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous", "foreign_keys")}
    database.close()
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    with sqlite3.connect(tmp_path / "pod.db") as plain:
        assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
