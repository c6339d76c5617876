"""Datasources are refreshed one after the other; one that does not come to an end keeps no other from its turn for ever."""

from __future__ import annotations

import asyncio

import pytest

from podium import project

project.activate()

from tasks.refresh import in_turn, taken  # noqa: E402


async def test_one_after_the_other():
    doing, said = 0, list[str]()

    async def do(name: str) -> None:
        nonlocal doing
        doing += 1
        await asyncio.sleep(0)
        said.append(f"{name} {doing}")
        doing -= 1

    async with asyncio.TaskGroup() as under_way:
        await in_turn(do, ["a", "b", "c"], under_way, patience=60)
    assert said == ["a 1", "b 1", "c 1"]


async def test_the_next_begins_beside_one_that_does_not_end():
    answers, done = asyncio.Event(), list[str]()

    async def do(name: str) -> None:
        if name == "silent":
            await answers.wait()
        done.append(name)
        if name == "last":
            answers.set()

    async with asyncio.timeout(60), asyncio.TaskGroup() as under_way:
        await in_turn(do, ["silent", "next"], under_way, patience=0.05)
        assert done == ["next"]
        await in_turn(do, ["last"], under_way, patience=60)
    assert done == ["next", "last", "silent"]


async def test_who_gives_up_ends_the_ones_under_way():
    ended = list[str]()

    async def do(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5), asyncio.TaskGroup() as under_way:
            await in_turn(do, ["a", "b"], under_way, patience=0.05)
    assert sorted(ended) == ["a", "b"]


def test_a_name_that_comes_meanwhile_is_taken_too():
    names = ["a"]
    for name in taken(names):
        names += ["b"] if name == "a" else []
    assert not names
    assert list(taken(["a", "b"])) == ["a", "b"]
