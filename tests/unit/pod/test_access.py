"""The two ends of the question to an access manager. Whatever is no clear yes in time is a no."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

from podium.pod.gatekeeper import Gatekeeper
from podium.policy.access import FAILED, SAID_NO, TaskView
from podium.policy.decide import REASONS
from podium.runner.access import AccessPipe

TASK = TaskView(analyst="a" * 64, algorithm="mean", datasource="patients", columns=("age", "sex"), digest="d" * 64)


class Manager:
    def __init__(self, answer: object) -> None:
        self.answer, self.seen = answer, []

    def check(self, task: TaskView) -> object:
        self.seen.append(task)
        return self.answer() if callable(self.answer) else self.answer


class AsyncManager(Manager):
    async def check(self, task: TaskView) -> object:
        await asyncio.sleep(0)
        self.loop = asyncio.get_running_loop()
        return super().check(task)


def ends(manager: object, *, seconds: float = 20, loop: object = None) -> AccessPipe:
    keeper = Gatekeeper(manager, loop=loop)
    pipe = AccessPipe(keeper.theirs.dup(), seconds=seconds)
    keeper.open()
    return pipe


@pytest.fixture
def raw() -> Iterator[tuple[AccessPipe, socket.socket]]:
    ours, theirs = socket.socketpair()
    yield AccessPipe(theirs, seconds=0.2), ours
    ours.close()


def fails() -> bool:
    raise RuntimeError("canary")


def leaves() -> bool:
    raise SystemExit


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(True, ""), (False, SAID_NO), (fails, FAILED), (leaves, FAILED), (None, FAILED), (1, FAILED), ("yes", FAILED)],
    ids=["yes", "no", "raises", "exits", "nothing", "a number", "a word"],
)
@pytest.mark.parametrize("kind", [Manager, AsyncManager])
def test_only_true_is_a_yes(kind: type[Manager], answer: object, reason: str) -> None:
    manager = kind(answer)
    pipe = ends(manager)
    assert [pipe.refusal(TASK), pipe.refusal(TASK)] == [reason, reason], "one answer must not spoil the next"
    assert manager.seen == [TASK, TASK]
    assert not reason or reason in REASONS


def test_what_it_sees_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        TASK.columns = ()


def test_silence_is_a_no_and_does_not_hold_up_others() -> None:
    wait = threading.Event()
    manager = Manager(lambda: wait.wait() if len(manager.seen) == 1 else True)
    pipe = ends(manager, seconds=2)
    found: list[str] = []
    slow = threading.Thread(target=lambda: found.append(pipe.refusal(TASK)))
    slow.start()
    while not manager.seen:
        wait.wait(0.01)
    assert pipe.refusal(TASK) == ""
    assert not found
    slow.join()
    assert found == [FAILED]
    wait.set()
    assert pipe.refusal(TASK) == "", "a late answer is nobody's"


def test_a_process_that_is_gone_is_a_no(raw: tuple[AccessPipe, socket.socket]) -> None:
    pipe, other = raw
    found: list[str] = []
    asking = threading.Thread(target=lambda: found.append(pipe.refusal(TASK)))
    asking.start()
    assert other.recv(10_000)
    other.close()
    asking.join(10)
    assert [*found, pipe.refusal(TASK), pipe.refusal(TASK)] == [FAILED] * 3


@pytest.mark.parametrize("said", [b"true\n", b"\xff\n", b'{"id": [1], "allowed": true}\n', b'{"id": 2, "allowed": true}\n', b'{"id": 1}\n'])
def test_nonsense_is_a_no(said: bytes, raw: tuple[AccessPipe, socket.socket]) -> None:
    pipe, other = raw
    threading.Thread(target=lambda: (other.recv(10_000), other.sendall(said))).start()
    assert pipe.refusal(TASK) == FAILED


async def test_an_async_manager_runs_in_the_loop_of_whoever_started_the_pod() -> None:
    manager = AsyncManager(True)
    pipe = ends(manager, loop=asyncio.get_running_loop())
    assert await asyncio.to_thread(pipe.refusal, TASK) == ""
    assert manager.loop is asyncio.get_running_loop()
