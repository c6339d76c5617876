"""Questions as the history has them: how their datapoints stand, their runs, their parts."""

from __future__ import annotations

import pytest
from history_scene import DONE, GONE, NO_PRINT, QUARANTINED, Past, key, print_

from podium import project
from podium.contracts import Status

project.activate()

from sqlmodel import Session  # noqa: E402

from schemas import questions  # noqa: E402
from schemas.stores import PodDatabase  # noqa: E402


@pytest.fixture
def past(database: PodDatabase) -> Past:
    """Two questions. The first: a run on three parts, one that failed, one that found a part gone and others mended, changed and bad."""
    made = Past(database)
    first, good, bad = made.task("mean"), (DONE, print_(1)), (QUARANTINED, print_(2))
    made.run(first, {key(1): good, key(2): bad}, {key(3): good}, {key(4): good, key(5): bad}, new=5, quarantined=2, rows=5)
    failed = made.received(first)
    made.part(failed, {key(1): good})
    made.runs.finish(failed, Status.FAILED, reply=None, code="contract")
    run = made.received(first, task="t2", new_only=True)
    made.part(run, {key(2): (DONE, print_(3)), key(1): (QUARANTINED, print_(4))}, part="p0", token="2")
    made.part(run, {key(3): (GONE, NO_PRINT)}, no=1, part="p1", token="")
    made.end(run, rows=4, changed=2, quarantined=1, gone=1)
    made.run(made.task("count"), {key(1): good}, new=1, rows=1)
    return made


def test_all_of_them(past: Past) -> None:
    with Session(past.database.engine) as session:
        found = questions.questions(session)
    assert [(one["no"], one["algorithm"], one["datapoints"], one["quarantined"], one["runs"]) for one in found] == [
        (2, "count", 1, 0, 1),
        (1, "mean", 4, 2, 3),
    ]
    assert [one["last_run"] for one in found] == [f"{4:032x}", f"{3:032x}"]


def test_one(past: Past) -> None:
    with Session(past.database.engine) as session:
        found = questions.question(session, 1)
    assert (found["known"], found["in_quarantine"], found["gone"]) == (2, 2, 1)
    assert [(run["status"], run["code"], run["new"], run["changed"], run["gone"], run["broken"]) for run in found["runs"]] == [
        ("released", "", 0, 2, 1, {"age_range": 1}),
        ("failed", "contract", None, None, None, {}),
        ("released", "", 5, 0, 0, {"age_range": 2}),
    ]
    totals = {"new": 5, "changed": 2, "unchanged": 0, "quarantined": 3, "gone": 1}
    assert found["totals"] == {**totals, "broken": {"age_range": 3}, "statuses": {"released": 2, "failed": 1}}
    read = {part["part"]: (part["run"], part["rows"]) for part in found["parts"]}
    assert read == {"p0": (f"{3:032x}", 2), "p2": (f"{1:032x}", 2)}


def test_by_which_names(past: Past) -> None:
    digest = b"mean------------".hex()
    with Session(past.database.engine) as session:
        named = {wanted: questions.like(session, wanted) for wanted in ("1", "t1", "t2", digest, digest[:6].upper(), "", "%", "99")}
    assert named == {"1": [1], "t1": [1, 2], "t2": [1], digest: [1], digest[:6].upper(): [1], "": [], "%": [], "99": []}


def test_the_parts_of_a_run(past: Past) -> None:
    with Session(past.database.engine) as session:
        parts, broken = questions.parts_of_run(session, 3)
    assert [(part["part"], part["rows"], part["used"], part["quarantined"]) for part in parts] == [("p0", 2, 1, 1), ("p1", 1, 0, 0)]
    assert broken == {"age_range": 1}
