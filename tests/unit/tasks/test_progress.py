"""How far a run is: the arithmetic by a clock of the test's own, the pod's state as it is written, and what Prefect is told."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace

import pytest

from podium import project
from podium.cli.pod import _described
from podium.config import DisclosureSection
from podium.state import RunPace, StateFile, alone, read_state

project.activate()

from schemas.history import Standing  # noqa: E402
from tasks import progress  # noqa: E402
from tasks.progress import Pace, pace_of  # noqa: E402
from tasks.reading import Reading  # noqa: E402

RUN = "ab" * 16


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_pace_and_what_is_left() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert pace.now() == RunPace(done=0)
    for second in range(1, 31):  # 1,000 a second, then 100
        clock.now += 1
        pace.told(1000 * min(second, 15) + 100 * max(0, second - 15), of=20_000)
    assert pace.now() == RunPace(done=16_500, of=20_000, rate=100.0, left=35)
    clock.now += 30  # and silence
    assert pace.now().rate == 25.0
    pace.told(20_000, of=20_000)
    assert (pace.now().left, pace.now().percent) == (0, 100)


def test_a_run_that_is_taken_up_again_has_no_negative_pace() -> None:
    clock = Clock()
    pace = Pace(clock)
    clock.now += 5
    pace.told(5000)
    clock.now += 1
    pace.told(10)
    clock.now += 1
    pace.told(110)
    assert pace.now() == RunPace(done=110, rate=100.0)


def test_many_words_are_kept_in_few() -> None:
    clock = Clock()
    pace = Pace(clock)
    for step in range(100_000):
        clock.now += 0.001
        pace.told(step + 1)
    assert len(pace._samples) < 100
    assert pace.now().rate == pytest.approx(1000, rel=0.01)


@pytest.mark.parametrize(
    ("pace", "text"),
    [
        (RunPace(done=1200, rate=400.4), "1,200 datapoints, 400 a second"),
        (RunPace(done=1200, of=4000, rate=400, left=7), "30 % of 4,000 datapoints, 400 a second, about 7 s left"),
    ],
    ids=["no-total", "total"],
)
def test_in_words(pace: RunPace, text: str) -> None:
    assert str(pace) == text


@pytest.fixture
def told(monkeypatch):
    """What is handed to Prefect's client."""
    said = []

    async def create(percent, *, key, description):
        said.append((percent, key, description))
        return "id"

    async def update(artifact, percent, *, description):
        assert artifact == "id"
        said.append((percent, description))

    monkeypatch.setattr(progress, "acreate_progress_artifact", create)
    monkeypatch.setattr(progress, "aupdate_progress_artifact", update)
    return said


@pytest.fixture
def case(tmp_path):
    state = StateFile(tmp_path)
    desk = SimpleNamespace(state=state, tag="a@demo", config=SimpleNamespace(disclosure=DisclosureSection()))
    with alone(tmp_path):
        state.begin()
        state.set(phase="serving")
        yield SimpleNamespace(desk=desk, run=RUN, id8=RUN[:8])


@pytest.mark.parametrize(
    ("known", "rows", "unread", "of"),
    [(0, 6000, 0, 6000), (0, None, 0, None), (500, 6000, 100, 400), (500, 6000, 500, None)],
    ids=["first run", "partial schema", "one part changed", "only new parts"],
)
def test_how_many_are_expected(known: int, rows: int | None, unread: int, of: int | None) -> None:
    reading = Reading.__new__(Reading)
    reading.standing, reading.plan = Standing(total=known), SimpleNamespace(unread=unread)
    desk = SimpleNamespace(schema={"patients": SimpleNamespace(rows=rows)}.get)
    reading._case = SimpleNamespace(desk=desk, task=SimpleNamespace(datasource="patients"))
    assert reading._expected == of


async def until(true) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.01)


async def test_it_is_shown_while_it_lasts(case, told, tmp_path, caplog, monkeypatch) -> None:
    monkeypatch.setattr(logging.getLogger("podium"), "propagate", True)
    with caplog.at_level(logging.INFO):
        async with pace_of(case, quiet=0, every=0.01) as pace:
            pace.told(3, of=401)
            await until(lambda: read_state(tmp_path).under_way)
            assert read_state(tmp_path).under_way[RUN].done == 3
            await until(lambda: told)
            pace.told(203, of=401)
            await until(lambda: read_state(tmp_path).under_way[RUN].done == 203)
            (line,) = [line for line in _described("demo/a", read_state(tmp_path).model_dump()).splitlines() if "run abababab" in line]
            assert line.startswith("  run abababab: 50 % of 401 datapoints, ")
            await until(lambda: told[-1][0] == 50)
    assert read_state(tmp_path).under_way == {}
    assert "run abababab: 0 % of 401 datapoints" in caplog.text
    assert told[0] == (0, "progress-abababab", "fewer than 8 of 400 datapoints on a@demo")
    assert (50, "205 of 400 datapoints on a@demo") in told
    assert told[-1][0] == 100
    assert not [word for one in told for word in ("401", "203", " 3 ") if word in str(one)]


async def test_a_warm_answer_is_shown_nowhere(case, told, tmp_path) -> None:
    before = (tmp_path / "state.json").stat().st_mtime_ns
    async with pace_of(case, quiet=3600) as pace:
        pace.told(1000, of=1000)
        for _ in range(20):
            await asyncio.sleep(0)
    assert (told, (tmp_path / "state.json").stat().st_mtime_ns) == ([], before)


async def test_without_a_total_there_is_no_percentage(case, told, tmp_path) -> None:
    async with pace_of(case, quiet=0, every=0.01) as pace:
        pace.told(1000)
        await until(lambda: read_state(tmp_path).under_way)
    assert told == []


async def test_the_run_goes_on_where_prefect_is_down(case, told, tmp_path, monkeypatch) -> None:
    async def down(*_, **__):
        told.append("asked")
        raise OSError

    monkeypatch.setattr(progress, "acreate_progress_artifact", down)
    async with pace_of(case, quiet=0, every=0.01) as pace:
        for done in (1, 2, 3):
            pace.told(done, of=3)
            await until(lambda done=done: read_state(tmp_path).under_way.get(RUN, RunPace(done=0)).done == done)
    assert told == ["asked"]


async def test_a_run_that_fails_leaves_no_trace_in_the_state(case, told, tmp_path) -> None:
    async def broken() -> None:
        async with pace_of(case, quiet=0, every=0.01) as pace:
            pace.told(5, of=10)
            await until(lambda: told)
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await broken()
    assert read_state(tmp_path).under_way == {}
    assert [one[0] for one in told if one[0] == 100] == []


def test_a_pod_that_is_gone_has_nothing_under_way(tmp_path) -> None:
    state = StateFile(tmp_path)
    with alone(tmp_path):
        state.begin()
        state.pace(RUN, RunPace(done=1))
        assert RUN in read_state(tmp_path).under_way
    assert read_state(tmp_path).under_way == {}
