"""Quarantined datapoints are tried again: they are unknown, their part is read again, and nothing that was written is changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from history_scene import DONE, NO_PRINT, QUARANTINED, Past, key, print_

from podium import project
from podium.errors import TaskError

project.activate()

from sqlmodel import Session, text  # noqa: E402

from schemas import questions, uses  # noqa: E402
from schemas.history_retry import retry  # noqa: E402
from schemas.stores import PodDatabase  # noqa: E402


@pytest.fixture
def past(database: PodDatabase) -> Past:
    """Three parts, bad datapoints in two of them, one of which was mended since."""
    made = Past(database)
    task = made.task()
    good, bad = (DONE, print_(1)), (QUARANTINED, print_(2))
    made.run(task, {key(1): good, key(2): bad}, {key(3): good}, {key(4): bad, key(5): bad}, new=5)
    made.run(task, {key(9): good}, {}, {key(5): (DONE, print_(3))}, new_only=True, changed=1)
    return made


def now(past: Past, number: int) -> str:
    with Session(past.database.engine) as session:
        return uses.uses(session, past.source, key(number))[0]["now"]


def prints(past: Past) -> dict[bytes, bytes]:
    """What the next run is told of each datapoint: its newest fingerprint."""
    found: dict[bytes, bytes] = {}
    for chunk in past.history.known(1, run_no=999, places={}):
        found |= {chunk[at : at + 16]: chunk[at + 16 : at + 32] for at in range(0, len(chunk), 36)}
    return found


def test_they_are_unknown_to_the_next_run(past: Past) -> None:
    before = prints(past)
    assert retry(past.database, 1) == 2
    assert prints(past) == {**before, key(2): NO_PRINT, key(4): NO_PRINT}
    standing = past.history.standing(1)
    assert (standing.token, set(standing.parts)) == ("", {"p1"})  # the others are read again, and so is the source's token
    assert [now(past, number) for number in (2, 4, 5, 1)] == ["to be tried again", "to be tried again", "known", "known"]
    with Session(past.database.engine) as session:
        parts = {part["part"]: part["again"] for part in questions.question(session, 1)["parts"]}
        assert session.execute(text("SELECT count(*) FROM datapoint WHERE outcome = 1")).scalar() == 3  # nothing was taken away
    assert parts == {"p0": True, "p1": False, "p2": True}
    assert retry(past.database, 1) == 0

    again = past.run(1, {key(2): (DONE, print_(4))}, {}, {key(4): (QUARANTINED, print_(2))}, new_only=True)
    assert (now(past, 2), now(past, 4)) == ("known", "quarantined")
    with Session(past.database.engine) as session:
        assert [run["id"] for run in uses.uses(session, past.source, key(2))[0]["used_in"]] == [again]
    assert retry(past.database, 1) == 1


def test_one_alone(past: Past) -> None:
    assert retry(past.database, 1, key(4)) == 1
    assert (now(past, 2), now(past, 4)) == ("quarantined", "to be tried again")
    assert set(past.history.standing(1).parts) == {"p0", "p1"}
    assert [retry(past.database, 1, key(number)) for number in (4, 1, 5, 77)] == [0, 0, 0, 0]


def test_not_while_a_run_of_the_question_is_open(past: Past) -> None:
    run = past.received(1)
    with pytest.raises(TaskError) as refused:
        retry(past.database, 1)
    assert (refused.value.code, refused.value.exit_code, refused.value.field) == ("at_work", 7, "--task")
    assert (now(past, 2), past.history.standing(1).token) == ("quarantined", "now")
    other = past.task("count")
    assert retry(past.database, other) == 0  # another question is free
    past.end(run)
    assert retry(past.database, 1) == 2


def test_a_run_that_is_just_beginning_is_waited_for(past: Past) -> None:
    """It has named its question and not committed that: whoever decides now would decide on what was."""
    past.runs.receive("ee" * 16, mid="m", attempt=1, envelope=b"")
    with ThreadPoolExecutor(1) as elsewhere:
        with past.database.transaction() as session:
            session.execute(text("UPDATE run SET task_no = 1 WHERE id = :run"), {"run": "ee" * 16})
            session.flush()
            retried = elsewhere.submit(retry, past.database, 1)
            wait([retried], timeout=0.5)
        with pytest.raises(TaskError, match="still open"):
            retried.result(60)
    assert now(past, 2) == "quarantined"
