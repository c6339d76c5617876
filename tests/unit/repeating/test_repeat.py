"""When a standing task is asked again: what may be said, and when it is due, held to the cron that Prefect reads."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest
from prefect._vendor.croniter import croniter
from pydantic import ValidationError

from podium.contracts import Task
from podium.errors import ConfigError
from podium.repeating import Cron, Repeat, as_repeat, check_repeat, repeat_id

NOON = int(dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC).timestamp())
LINES = [
    "0 6 * * 1", "5 */6 * * *", "0 0 29 2 *", "30 3 1,15 * MON-FRI", "0 1-5 */10 JAN-mar *", "59 23 31 12 7", "0 0 * * 0-7/2",
    "0 0 1 * 5", "0 3 1-7 * */2", "0 3 */2 * 1", "7 9-17/4,22 * 2,8 *",
]  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_it_is_due_when_prefect_thinks_so(line: str) -> None:
    draw = random.Random(line)
    for _ in range(20):
        moment = draw.randrange(0, 2**31)
        assert Cron.read(line).after(moment) == int(croniter(line, moment, day_or=True).get_next(float))


def test_a_time_is_not_after_itself() -> None:
    due = Cron.read("0 12 * * *").after(NOON)
    assert due == NOON + 86_400
    assert Cron.read("0 12 * * *").after(NOON - 1) == NOON


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("* * * * *", "once an hour"),
        ("*/30 6 * * *", "once an hour"),
        ("0,30 6 * * *", "once an hour"),
        ("0 6 * *", "five fields"),
        ("@daily", "five fields"),
        ("0 6 * * 1 2026", "five fields"),
        ("60 6 * * *", "cannot be read"),
        ("0 24 * * *", "cannot be read"),
        ("0 6 L * *", "cannot be read"),
        ("0 6 * * 1,", "cannot be read"),
        ("0 6 * * 5-1", "cannot be read"),
        ("0 6-8/0 * * *", "cannot be read"),
        ("0 6 31 2 *", "never comes"),
    ],
)
def test_a_line_that_cannot_be_kept_is_refused(line: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Repeat(cron=line, until=NOON)


@pytest.mark.parametrize("fields", [{}, {"cron": "0 6 * * 1", "grown_by": 5}, {"grown_by": 5, "grown_by_percent": 1.0}])
def test_there_is_exactly_one_trigger(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="exactly one"):
        Repeat(**fields, until=NOON)


@pytest.mark.parametrize(
    "until", ["2026-03-02T12:00:00", "2026-03-02T12:00:00+00:00", "2026-03-02T13:00:00+01:00", dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)]
)
def test_until_may_be_a_date_or_a_time(until: Any) -> None:
    assert Repeat(grown_by=1, until=until).until == NOON
    assert Repeat(grown_by=1, until="2026-03-02").until == Repeat(grown_by=1, until=dt.date(2026, 3, 2)).until == NOON - 12 * 3600


def test_a_dict_is_read_strictly() -> None:
    assert as_repeat({"grown_by": 5, "until": "2026-03-02"}) == Repeat(grown_by=5, until="2026-03-02")
    with pytest.raises(ConfigError, match="unknown key"):
        as_repeat({"grownby": 5, "until": "2026-03-02"})
    with pytest.raises(ConfigError, match="date such as"):
        as_repeat({"grown_by": 5, "until": "soon"})


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"protocol": "many_rounds"}, "repeat"), ({"now": NOON}, "repeat.until"), ({"new_data_only": False}, "new_data_only")],
)
def test_a_task_that_cannot_stand(changes: dict[str, Any], field: str) -> None:
    good: dict[str, Any] = {"protocol": "one_round", "new_data_only": True, "now": NOON - 1}
    check_repeat(Repeat(grown_by=1, until=NOON), **good)
    with pytest.raises(ConfigError) as told:
        check_repeat(Repeat(grown_by=1, until=NOON), **good | changes)
    assert told.value.field == field
    with pytest.raises(ConfigError, match="all data"):
        check_repeat(Repeat(grown_by=1, until=NOON, cumulative=True), **good)


def test_growth() -> None:
    by, percent, clock = Repeat(grown_by=10, until=1), Repeat(grown_by_percent=5, until=1), Repeat(cron="0 6 * * *", until=1)
    assert [by.grown(before=100, now=now) for now in (99, 109, 110)] == [False, False, True]
    assert [percent.grown(before=100, now=now) for now in (100, 104, 105)] == [False, False, True]
    assert clock.grown(before=100, now=90)


def test_a_yes_covers_how_it_repeats() -> None:
    task = Task(protocol={"kind": "one_round"}, algorithm={"kind": "count"}, datasource="p", new_data_only=True)
    digests = {task.model_copy(update={"repeat": repeat}).digest for repeat in (None, *(Repeat(grown_by=n, until=NOON) for n in (1, 2)))}
    assert len(digests) == 3


def test_a_repeat_has_one_run() -> None:
    run = "ab" * 16
    ids = [repeat_id(run, no) for no in range(2, 50)]
    assert len({*ids, run}) == 49
    assert ids[0] == repeat_id(run, 2)
    assert len(ids[0]) == 32
