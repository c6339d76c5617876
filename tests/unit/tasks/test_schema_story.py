"""The flow that takes schemas, its steps told what to do: one datasource that never answers, one that answers late, one that is broken."""

from __future__ import annotations

import asyncio

import pytest

from podium import project

project.activate()

from flows import schema_generation as story  # noqa: E402
from tasks.step import StepFailed  # noqa: E402


@pytest.fixture
def done(monkeypatch):
    """What was done, in order. `slow` is read until `last` is, and `late` is looked at when all else is read."""
    found, late, slow = list[str](), asyncio.Event(), asyncio.Event()

    async def desk_of(pod):
        return pod

    async def first_look(desk, name, *, force):
        if name == "late":
            await late.wait()
        if name == "broken":
            raise StepFailed("no_file")
        found.append(f"look {name}")
        return name != "known"

    async def whole_pass(desk, name):
        if name == "slow":
            await slow.wait()
            await asyncio.sleep(0.1)  # all have had their turn
            late.set()
        found.append(f"pass {name}")
        if name == "last":
            slow.set()

    for name, fake in (("desk_of", desk_of), ("first_look", first_look), ("whole_pass", whole_pass)):
        monkeypatch.setattr(story, name, fake)
    monkeypatch.setattr(story, "chosen", lambda _, names: names)
    monkeypatch.setattr(story, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(story, "PASS_SECONDS", 0.1)
    return found


async def test_nobody_waits_for_ever(done):
    with pytest.raises(StepFailed, match="schema_not_taken"):
        async with asyncio.timeout(60):
            await story.schema_generation.fn("p", ["late", "slow", "broken", "known", "small", "last"])
    looks, passes = ["slow", "known", "small", "last"], ["small", "last", "slow"]
    assert done == [*(f"look {name}" for name in looks), *(f"pass {name}" for name in passes), "look late", "pass late"]


async def test_an_unknown_datasource_is_told_as_such(done, monkeypatch):
    def chosen(*_):
        raise StepFailed("unknown_datasource")

    monkeypatch.setattr(story, "chosen", chosen)
    with pytest.raises(StepFailed, match="unknown_datasource"):
        await story.schema_generation.fn("p", ["x"])
