"""Whether a repeat may go on, by what has come since its task's last release; and what Prefect is to show of a task."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule

from podium import project
from podium.contracts import Repeat, Status, Task
from podium.errors import TaskError
from podium.privacy.successive import Difference

project.activate()

from schemas.standing_record import StandingRecord  # noqa: E402
from tasks.schedules import planned  # noqa: E402
from tasks.standing import hold_back  # noqa: E402


def record(*, released_at: int | None = 5, **repeat: Any) -> StandingRecord:
    """A task whose source had 200 datapoints at its last release."""
    asked = Repeat(**(repeat if "cron" in repeat else {"grown_by": 10, **repeat}), until=9)
    task = Task(protocol={}, algorithm={}, datasource="p", repeat=asked).model_dump_json()
    return StandingRecord(run="a" * 32, header=b"", reference="", task_json=task, until=9, released_at=released_at, total=200)


def outcome(kept: StandingRecord, *, total: int = 210, standing: str = "a" * 32, **difference: int) -> str:
    config = SimpleNamespace(disclosure=SimpleNamespace(min_cell=8))
    desk = SimpleNamespace(standings=SimpleNamespace(of={kept.run: kept}.get), config=config)
    case: Any = SimpleNamespace(record=SimpleNamespace(standing=standing), desk=desk)
    try:
        hold_back(case, Difference(**difference), total=total)
    except TaskError as error:
        return error.code if error.status == Status.SUPPRESSED else "another end"
    return ""


def test_it_waits_for_enough():
    assert outcome(record(cron="0 6 * * *"), new=7) == "too_few_new"
    assert outcome(record(cron="0 6 * * *"), new=8) == ""
    assert outcome(record(cron="0 6 * * *")) == "nothing_new"


def test_what_went_counts_where_the_answer_is_about_all():
    assert outcome(record(cron="0 6 * * *", cumulative=True), new=4, gone=4) == ""
    assert outcome(record(cron="0 6 * * *"), new=4, gone=4) == "too_few_new"


def test_growth_is_that_of_the_source():
    assert outcome(record(), total=209, new=20, gone=11) == "not_grown"
    assert outcome(record(), total=210, new=20, gone=10) == ""
    assert outcome(record(grown_by=1), total=201, new=1) == "too_few_new"


@pytest.mark.parametrize(("kept", "standing"), [(record(), ""), (record(released_at=None), "a" * 32)])
def test_a_first_release_has_none_before_it(kept: StandingRecord, standing: str):
    assert outcome(kept, standing=standing, new=1) == ""


def test_what_prefect_is_to_show():
    desk: Any = SimpleNamespace(config=SimpleNamespace(prefect=SimpleNamespace(growth_minutes=15)))
    by_clock, by_growth = planned(desk, record(cron="0 6 * * 1")), planned(desk, record())
    assert isinstance(by_clock, CronSchedule)
    assert (by_clock.cron, by_clock.timezone) == ("0 6 * * 1", "UTC")
    assert isinstance(by_growth, IntervalSchedule)
    assert by_growth.interval == timedelta(minutes=15)
