from collections.abc import Generator, Mapping
from typing import Any

import pytest

from podium.algorithms import Algorithm
from podium.client.rounds import going_on, opening
from podium.contracts import Released, ReleasedCell, Reply, Round, Status, Suppression, Task
from podium.errors import ConfigError
from podium.protocols import AnalystSide, Ask, ManyRounds, OneRound, Outcome, PodStep, Protocol

TASK = Task(protocol={"kind": "one_round"}, algorithm={"kind": "count"}, datasource="patients", new_data_only=True)
PODS = ("demo/a", "demo/b")
REPLIES = {pod: Reply(run="0" * 32, status=Status.FAILED) for pod in PODS}


class Scripted(Protocol):
    """Asks these bodies, round by round."""

    rounds: tuple[tuple[str, ...], ...]

    def pod(self) -> Generator[PodStep, Any, None]:
        raise NotImplementedError

    def analyst(self, pods: tuple[str, ...], task: Mapping[str, Any]) -> AnalystSide:
        replies: Mapping[str, Reply] = {}
        for asked in self.rounds:
            replies = yield Ask(dict.fromkeys(asked, task))
        return Outcome(dict(replies))


Scripted.kind = "scripted"  # after the class is made: it must not join the kinds that the contract suite goes through


def test_one_round_sends_the_task_to_all_and_takes_their_replies() -> None:
    assert opening(OneRound(), PODS, TASK) == dict.fromkeys(PODS, TASK)
    assert going_on(OneRound(), PODS, TASK, [REPLIES]) == Outcome(REPLIES)


def test_a_protocol_that_leaves_a_pod_out_at_first_is_refused() -> None:
    with pytest.raises(ConfigError, match="every pod"):
        opening(Scripted(rounds=(PODS[:1],)), PODS, TASK)


LOGISTIC = TASK.model_copy(
    update={
        "protocol": {"kind": "many_rounds"},
        "algorithm": {"kind": "logistic", "target": "y", "features": ["x"]},
        "new_data_only": False,
    }
)


def waits(**values: float) -> Reply:
    released = Released(rows=100, cells=(ReleasedCell(values=values),))
    return Reply(run="0" * 32, status=Status.WAITING, round=1, released=released)


FIRST = waits(n=100, left_out=0, mean0=2.0, square0=400.0)


def test_many_rounds_ask_next_at_what_all_pods_said_before() -> None:
    words = going_on(ManyRounds(), PODS, LOGISTIC, [dict.fromkeys(PODS, FIRST)])
    assert isinstance(words, dict)
    assert set(words) == set(PODS)
    for word in words.values():
        assert (word.no, word.parameters) == (2, {"center": [2.0], "scale": [2.0], "beta": [0.0, 0.0]})


def test_a_pod_that_failed_is_left_out_and_one_that_kept_back_ends_it() -> None:
    failed, kept = REPLIES["demo/a"], Released(suppressed=(Suppression(rule="min_rows", scope="result"),))
    words = going_on(ManyRounds(), PODS, LOGISTIC, [{"demo/a": failed, "demo/b": FIRST}])
    assert isinstance(words, dict)
    assert set(words) == {"demo/b"}
    ended = Reply(run="0" * 32, status=Status.SUPPRESSED, released=kept)
    words = going_on(ManyRounds(), PODS, LOGISTIC, [{"demo/a": ended, "demo/b": FIRST}])
    assert words == {"demo/b": Round(no=2)}
    end = Reply(run="0" * 32, status=Status.RELEASED, released=FIRST.released)
    outcome = going_on(ManyRounds(), PODS, LOGISTIC, [{"demo/a": ended, "demo/b": FIRST}, {"demo/b": end}])
    assert isinstance(outcome, Outcome)
    assert (outcome.replies, outcome.result.state, outcome.result.terms) == ({"demo/a": ended, "demo/b": end}, "kept_back", ())


def test_a_pod_without_new_rows_ends_it_too() -> None:
    nothing_new = Reply(run="0" * 32, status=Status.SUPPRESSED, code="nothing_new")
    assert going_on(ManyRounds(), PODS, LOGISTIC, [{"demo/a": nothing_new, "demo/b": FIRST}]) == {"demo/b": Round(no=2)}


def test_algorithms_go_only_with_the_protocol_that_carries_them() -> None:
    with pytest.raises(ConfigError, match="many_rounds"):
        OneRound().check(Algorithm.load(LOGISTIC.algorithm))
    with pytest.raises(ConfigError, match="one_round"):
        ManyRounds().check(Algorithm.load(TASK.algorithm))
