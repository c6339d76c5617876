"""Which results used a datapoint, on SQLite and on a real PostgreSQL; and how the answer is found."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from history_scene import DONE, GONE, MOVED, NO_PRINT, QUARANTINED, Past, key, print_

from podium import project

project.activate()

from sqlmodel import Session  # noqa: E402

from schemas import questions, uses  # noqa: E402
from schemas.history_retry import retry  # noqa: E402
from schemas.stores import PodDatabase  # noqa: E402


def asked(past: Past, each: bytes) -> list[dict]:
    with Session(past.database.engine) as session:
        return uses.uses(session, past.source, each)


def shown(found: dict) -> list[tuple[str, str, str]]:
    return [(run["id"], run["how"], run["version"]) for run in found["used_in"]]


def test_the_runs_that_used_it_and_no_other(database: PodDatabase) -> None:
    past = Past(database)
    mean = past.task("mean")
    first = past.run(mean, {key(1): (DONE, print_(0xA)), key(2): (QUARANTINED, print_(0xB))}, new=2)
    again = past.run(mean, unchanged=2)
    past.run(mean, new_only=True)
    past.run(mean, {key(1): (MOVED, print_(0xA))}, new_only=True)
    moved = past.run(mean, {key(1): (MOVED, print_(0xA))})
    changed = past.run(mean, {key(1): (DONE, print_(0xC))}, new_only=True, changed=1)
    gone = past.run(mean, {key(1): (GONE, NO_PRINT)}, gone=1)
    past.run(mean)
    open_ = past.received(mean)
    past.part(open_, {key(1): (DONE, print_(0xD)), key(4): (DONE, print_(0xD))})  # what does not count yet is not told

    (found,) = asked(past, key(1))
    assert shown(found) == [
        (first, "new", "0000000a"),
        (again, "unchanged", "0000000a"),
        (moved, "unchanged", "0000000a"),
        (changed, "changed", "0000000c"),
    ]
    assert gone not in [run for run, *_ in shown(found)]
    assert (found["now"], found["versions"]) == ("gone", ["0000000a", "0000000c"])
    told = found["used_in"][0]
    assert (told["status"], told["alias"], told["rows_released"], told["released"]["cells"]) == (
        "released",
        "Ana",
        20,
        [{"key": [], "values": {"count": 20}}],
    )
    assert found["first_used_at"] == told["finished_at"]

    (bad,) = asked(past, key(2))
    assert (bad["used_in"], bad["now"], bad["rule"]) == ([], "quarantined", "age_range")
    assert asked(past, key(3)) == asked(past, key(4)) == []


def test_runs_are_taken_in_the_order_in_which_they_ended(database: PodDatabase) -> None:
    """The first to begin waited for somebody, and what it found is newer than what the second did."""
    past = Past(database)
    task = past.task()
    slow = past.received(task)
    quick = past.run(task, {key(1): (DONE, print_(0xA)), key(2): (QUARANTINED, print_(1))}, new=2)
    past.runs.note(quick, finished_at=1_700_000_000)
    past.part(slow, {key(1): (DONE, print_(0xB)), key(2): (DONE, print_(2))})
    past.end(slow, changed=2)
    again = past.run(task, unchanged=2)
    (found,) = asked(past, key(1))
    assert shown(found) == [(quick, "new", "0000000a"), (slow, "changed", "0000000b"), (again, "unchanged", "0000000b")]
    with Session(database.engine) as session:
        assert questions.question(session, task)["in_quarantine"] == questions.questions(session)[0]["quarantined"] == 0
    assert retry(database, task) == 0


def test_every_question_on_that_datasource(database: PodDatabase) -> None:
    past, other = Past(database), Past(database, source="visits", number=100)
    for name in ("mean", "count"):
        past.run(past.task(name), {key(1): (DONE, print_(1))})
    other.run(other.task("elsewhere"), {key(1): (DONE, print_(1))})
    assert [found["algorithm"] for found in asked(past, key(1))] == ["mean", "count"]


@pytest.mark.parametrize("seed", [1, 2])
def test_as_in_a_source_that_lives(seed: int, tmp_path: Path) -> None:
    """A source changes at random between full runs and runs on new data only: told is what was used, datapoint by datapoint."""
    dice, database = random.Random(seed), PodDatabase(f"sqlite:///{tmp_path / 'pod.db'}")
    past = Past(database)
    task, source, known, used = past.task(), {}, {}, {}
    for _ in range(12):
        for each in range(20):
            match dice.randrange(6):
                case 0:
                    source[each] = (dice.randrange(1, 2**31), dice.random() < 0.2, dice.randrange(2))  # version, bad, part
                case 1:
                    source.pop(each, None)
                case 2 if each in source:
                    source[each] = (*source[each][:2], dice.randrange(2))
        new_only, parts = dice.random() < 0.5, ({}, {}, {})
        run = past.received(task, new_only=new_only)
        for each, (version, bad, part) in source.items():
            before = known.get(each)
            fresh = before is None or before[:2] != (version, bad)
            if fresh or (bad and before[2] != part):
                parts[part][key(each)] = (QUARANTINED if bad else DONE, print_(version))
            elif before[2] != part:
                parts[part][key(each)] = (MOVED, print_(version))
            if not bad and (fresh or not new_only):
                used.setdefault(each, []).append((run, f"{version:08x}"))
            known[each] = (version, bad, part)
        for each in set(known) - set(source):
            del known[each]
            parts[2][key(each)] = (GONE, NO_PRINT)
        for no, said in enumerate(parts):
            past.part(run, said, no=no, part=f"p{no}", token="1" if no < 2 else "")
        past.end(run)
    assert sum(map(len, used.values())) > 50
    for each in range(20):
        found = [(run, version) for one in asked(past, key(each)) for run, _, version in shown(one)]
        assert found == used.get(each, []), each
    database.close()


def test_a_standing_task_reads_what_is_new_unless_it_cumulates() -> None:
    assert not uses.on_new_only('{"new_data_only": false, "repeat": null}')
    assert uses.on_new_only('{"new_data_only": true}')
    assert uses.on_new_only('{"new_data_only": false, "repeat": {"until": 1}}')
    assert not uses.on_new_only('{"new_data_only": false, "repeat": {"until": 1, "cumulative": true}}')
    assert not uses.on_new_only("")


def test_it_is_found_without_reading_all_datapoints(tmp_path: Path) -> None:
    database = PodDatabase(f"sqlite:///{tmp_path / 'pod.db'}")
    question = uses._events("patients", key(1)).compile(database.engine)
    with database.engine.connect() as connection:
        wanted = tuple(question.params[name] for name in question.positiontup)
        plan = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {question}", wanted)]
    (probe,) = [step for step in plan if "datapoint" in step]
    assert probe == "SEARCH datapoint USING PRIMARY KEY (run_no=? AND batch=? AND key=?)"
    database.close()
