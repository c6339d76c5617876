"""The standing tasks' table, on SQLite and on a real PostgreSQL: what a run's end means for its task is written with that end."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from podium import project
from podium.contracts import Released, Repeat, Status, Task
from podium.repeating import repeat_id

project.activate()

from schemas.history import Used  # noqa: E402
from schemas.records import RunRecord  # noqa: E402
from schemas.runs import RunStore  # noqa: E402
from schemas.standing import StandingStore, told  # noqa: E402
from schemas.standing_record import StandingRecord  # noqa: E402
from schemas.stores import PodDatabase  # noqa: E402

RUN, NOW = "a" * 32, int(time.time())
Stores = tuple[RunStore, StandingStore]


def task(**repeat: Any) -> str:
    repeats = Repeat(**{"cron": "0 6 * * *", "until": NOW + 10**6, **repeat})
    return Task(protocol={}, algorithm={}, datasource="p", new_data_only=True, repeat=repeats).model_dump_json()


@pytest.fixture
def stores(database: PodDatabase) -> Stores:
    """A task that was admitted; its first run is at work."""
    runs, standings = RunStore(database), StandingStore(database)
    runs.receive(RUN, mid="m", attempt=1, envelope=b"sealed")
    runs.note(RUN, task="t", alias="Ana", analyst="f" * 64)
    runs.start(RUN)
    standings.accept(StandingRecord(run=RUN, header=b"{}", reference="m.d", task_json=task(), until=NOW + 10**6, token="1"))
    return runs, standings


def ask(standings: StandingStore, token: str = "2") -> str:
    found = standings.ask(RUN, token=token, now=NOW)
    return found.id if found else ""


@pytest.fixture
def stood(stores: Stores) -> Stores:
    """The same, after its first release."""
    stores[0].finish(RUN, Status.RELEASED, reply=b"r")
    return stores


def kept(stores: Stores) -> StandingRecord:
    found = stores[1].of(RUN)
    assert found is not None
    return found


def test_it_does_not_stand_before_its_first_run_has_ended(stores: Stores):
    assert stores[1].standing() == []
    assert ask(stores[1]) == ""
    assert stores[1].accept(StandingRecord(run=RUN, header=b"", reference="", task_json="", until=0)).token == "1"


@pytest.mark.parametrize("status", [Status.REJECTED, Status.FAILED, Status.CANCELLED, Status.EXPIRED])
def test_a_first_run_that_comes_to_nothing_leaves_nothing_standing(stores: Stores, status: Status):
    stores[0].finish(RUN, status, reply=b"r", code="refused")
    assert (stores[1].standing(), stores[1].untold(), ask(stores[1])) == ([], [], "")
    assert kept(stores).ended_by == status.value


def test_the_next_repeat_is_one_run_and_has_the_next_number(stood: Stores):
    runs, standings = stood
    assert [one.run for one in standings.standing()] == [RUN]
    repeat = ask(standings)
    assert repeat == repeat_id(RUN, 2)
    assert ask(standings) == ""  # one is under way
    record = runs.get(repeat)
    assert (record.standing, record.repeat_no, record.alias, record.status) == (RUN, 2, "Ana", Status.QUEUED)
    assert standings.queued() == [repeat]
    runs.finish(repeat, Status.RELEASED, reply=b"r")
    assert ask(standings) == repeat_id(RUN, 3)
    assert runs.unsent()[-1].id == repeat  # nothing to acknowledge, and a reply to send


def test_asked_for_by_many_at_once_it_is_one(stood: Stores):
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(ask(stood[1]))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["", "", "", repeat_id(RUN, 2)]


def test_of_repeats_without_a_release_the_analyst_knows_until_there_is_one(stood: Stores):
    runs, standings = stood
    runs.finish(ask(standings, "2"), Status.SUPPRESSED, reply=None, code="nothing_new")
    assert not kept(stood).noticed
    runs.finish(ask(standings, "3"), Status.SUPPRESSED, reply=b"r", code="too_few_new")
    assert (kept(stood).noticed, kept(stood).token) == (True, "3")
    before = kept(stood).released_at
    runs.finish(ask(standings, "4"), Status.FAILED, reply=None, code="worker_died")
    assert (kept(stood).noticed, kept(stood).token, kept(stood).released_at) == (True, "", before)
    runs.finish(ask(standings, "5"), Status.REJECTED, reply=None, code="drift")
    assert kept(stood).ended_at is None
    runs.finish(ask(standings, "6"), Status.RELEASED, reply=b"r")
    assert (kept(stood).noticed, kept(stood).next_no) == (False, 7)


def test_the_size_of_the_source_is_that_of_the_last_release(stores: Stores, database: PodDatabase):
    from schemas.history import HistoryStore

    runs, standings = stores
    no = HistoryStore(database).task(b"k" * 16, datasource="p", algorithm="count")
    fields: dict[str, Any] = {"token": "1", "new": 0, "changed": 0, "unchanged": 0, "quarantined": 0, "gone": 0}
    runs.finish(RUN, Status.RELEASED, reply=b"r", used=Used(task_no=no, after=None, total=200, **fields))
    assert kept(stores).total == 200
    runs.finish(ask(standings), Status.SUPPRESSED, reply=b"r", code="too_few_new")
    assert kept(stores).total == 200


@pytest.mark.parametrize(("status", "code"), [(Status.REJECTED, "refused"), (Status.CANCELLED, "cancelled"), (Status.EXPIRED, "expired")])
def test_a_repeat_that_may_not_be_ends_the_task_and_its_reply_says_so(stood: Stores, status: Status, code: str):
    runs, standings = stood
    runs.finish(ask(standings), status, reply=b"r", code=code)
    assert (standings.standing(), standings.untold(), ask(standings)) == ([], [], "")
    assert kept(stood).ended_by == status.value


def test_ended_between_two_repeats_the_analyst_is_told_once(stood: Stores):
    runs, standings = stood
    assert standings.end(RUN, by="custodian", now=NOW)
    assert not standings.end(RUN, by="analyst", now=NOW)
    assert [one.run for one in standings.untold()] == [RUN]
    last = standings.last(RUN, now=NOW)
    again = standings.last(RUN, now=NOW)
    standings.farewell(last, reply=b"over")
    standings.farewell(again, reply=b"over")
    assert standings.untold() == []
    record = runs.get(repeat_id(RUN, 2))
    assert (record.status, record.reply, [one.id for one in runs.unsent()]) == (Status.CANCELLED, b"over", [RUN, record.id])
    assert (kept(stood).ended_by, kept(stood).next_no) == ("custodian", 3)


def test_ended_while_a_repeat_is_released_it_is_still_told(stood: Stores):
    runs, standings = stood
    repeat = ask(standings)
    standings.end(RUN, by="custodian", now=NOW)
    runs.finish(repeat, Status.RELEASED, reply=b"r")
    assert [one.run for one in standings.untold()] == [RUN]


def test_over_when_it_said_it_would_be(stood: Stores):
    standings = stood[1]
    standings.expire(NOW + 10**6 - 1)
    assert len(standings.standing()) == 1
    standings.expire(NOW + 10**6)
    assert (standings.standing(), standings.untold(), kept(stood).ended_by) == ([], [], "until")


def test_a_time_that_passed_unseen_is_known(stood: Stores):
    standings = stood[1]
    assert not kept(stood).missed(NOW)
    assert kept(stood).missed(NOW + 86_400 + 200)
    standings.looked(RUN, now=NOW + 86_400 + 100)
    assert not kept(stood).missed(NOW + 86_400 + 200)


@pytest.mark.parametrize(
    ("status", "code", "noticed", "heard"),
    [
        (Status.RELEASED, "", True, True),
        (Status.SUPPRESSED, "", False, True),
        (Status.SUPPRESSED, "too_few_new", False, True),
        (Status.SUPPRESSED, "too_few_new", True, False),
        (Status.FAILED, "worker_died", True, False),
        (Status.SUPPRESSED, "nothing_new", False, False),
        (Status.SUPPRESSED, "not_grown", False, False),
    ],
)
def test_no_daily_noise(status: Status, code: str, noticed: bool, heard: bool):
    record = StandingRecord(run=RUN, header=b"", reference="", task_json=task(), until=NOW + 9, noticed=noticed)
    assert told(record, RunRecord(id="b" * 32, standing=RUN), status, code) is heard
    assert told(record, RunRecord(id=RUN), status, code)  # of her first answer she always hears


def test_results_that_nobody_is_known_to_have(stood: Stores):
    runs, standings = stood

    def found(before: int = 6) -> list[str]:
        return [run.id for run, released in standings.unfetched(before=before) if released.rows == 20]

    again = ask(standings)
    runs.finish(again, Status.RELEASED, reply=b"r", released=Released(rows=20), keep=True, cells="[1]")
    assert (found(), kept(stood).cells) == ([], "[1]")  # not sent yet
    runs.note(again, replied_at=5)
    assert (found(), found(before=5)) == ([again], [])
    runs.note(again, fetched_at=7)
    assert found() == []
    runs.note(again, fetched_at=None)
    runs.finish(ask(standings, "3"), Status.SUPPRESSED, reply=None, code="too_few_new")
    assert (found(), kept(stood).cells) == ([again], "[1]")
    standings.end(RUN, by="custodian", now=NOW)
    assert found() == []
