from collections.abc import Generator, Mapping
from typing import Any

import pytest

from podium.client.rounds import closing, opening
from podium.contracts import Reply, Status, Task
from podium.errors import ConfigError, TaskError
from podium.protocols import Ask, OneRound, PodStep, Protocol

TASK = Task(protocol={"kind": "one_round"}, algorithm={"kind": "count"}, datasource="patients", new_data_only=True)
PODS = ("demo/a", "demo/b")
REPLIES = {pod: Reply(run="0" * 32, status=Status.FAILED) for pod in PODS}


class Scripted(Protocol):
    """Asks these bodies, round by round."""

    rounds: tuple[tuple[str, ...], ...]

    def pod(self) -> Generator[PodStep, Any, None]:
        raise NotImplementedError

    def analyst(self, pods: tuple[str, ...], task: Mapping[str, Any]) -> Generator[Ask, Mapping[str, Reply], dict[str, Reply]]:
        replies: Mapping[str, Reply] = {}
        for asked in self.rounds:
            replies = yield Ask(dict.fromkeys(asked, task))
        return dict(replies)


Scripted.kind = "scripted"  # after the class is made: it must not join the kinds that the contract suite goes through


def test_one_round_sends_the_task_to_all_and_takes_their_replies() -> None:
    assert opening(OneRound(), PODS, TASK) == dict.fromkeys(PODS, TASK)
    assert closing(OneRound(), PODS, TASK, REPLIES) == REPLIES


def test_a_protocol_that_wants_more_is_told_so() -> None:
    with pytest.raises(TaskError, match="another round"):
        closing(Scripted(rounds=(PODS, PODS)), PODS, TASK, REPLIES)
    with pytest.raises(ConfigError, match="every pod"):
        opening(Scripted(rounds=(PODS[:1],)), PODS, TASK)
