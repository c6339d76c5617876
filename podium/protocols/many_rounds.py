"""One question in rounds: each asks every pod at parameters that follow from what all of them released in the rounds before.

1. A pod releases nothing twice: each round has one message of the analyst's, and one reply, which the next message answers.
2. The gate sees every round; the pod's own `max_rounds` holds, whatever the analyst set here.
3. A run that waits for the analyst holds no worker and no slot. She ends it by a Round without parameters; silence ends it in time.
4. A pod that rejects the task or fails is left out from then on, and the answer names it. One that keeps a round back ends the task: a
   result from the others alone would not be the one that was asked for.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, ClassVar, Self

from pydantic import Field

from podium.algorithms import Algorithm, Iterative
from podium.contracts import Released, Reply, Round, Status, Suppression
from podium.protocols import AnalystSide, Ask, Await, Compute, Outcome, PodStep, Protocol, Release, Send, _unfit


class ManyRounds(Protocol):
    """At most `max_rounds` rounds; a pod may allow fewer."""

    kind: ClassVar[str] = "many_rounds"

    max_rounds: int = Field(default=25, ge=1, le=1000)

    def pod(self) -> Generator[PodStep, Any, None]:
        parameters: Mapping[str, Any] | None = None
        while True:
            partial = yield Compute(parameters)
            released: Released = yield Release(partial)
            if released.status is Status.SUPPRESSED:
                yield Send(released, last=True)
                return
            yield Send(released, last=False)
            word: Round = yield Await()
            if word.parameters is None:
                yield Send(released, last=True)
                return
            parameters = word.parameters

    def analyst(self, pods: tuple[str, ...], task: Mapping[str, Any]) -> AnalystSide:
        algorithm = Algorithm.load(task["algorithm"])
        assert isinstance(algorithm, Iterative)
        said: dict[str, Reply] = {}
        steps, no = algorithm.rounds(), 1
        next(steps)
        replies = yield Ask(dict.fromkeys(pods, task))
        while True:
            said |= {pod: reply for pod, reply in replies.items() if pod in pods}
            going = tuple(pod for pod in pods if pod in said and said[pod].status is Status.WAITING)
            try:
                at = steps.send(_tables(pods, said))
            except StopIteration as end:
                result = end.value
                break
            if no == self.max_rounds:
                result = algorithm.cut_short(no)
                break
            no += 1
            word = Round(no=no, parameters=at.dump()["at"])
            replies = yield Ask(dict.fromkeys(going, word.model_dump(mode="json")))
        if going:
            replies = yield Ask(dict.fromkeys(going, Round(no=no + 1).model_dump(mode="json")))
            said |= {pod: reply for pod, reply in replies.items() if pod in going}
        return Outcome({pod: said[pod] for pod in pods if pod in said}, result)

    def check(self, algorithm: Algorithm) -> None:
        if not isinstance(algorithm, Iterative):
            raise _unfit(self, algorithm, "Use the protocol one_round.")

    @classmethod
    def sample(cls, *_: Any) -> Self:
        return cls()


def _tables(pods: tuple[str, ...], said: Mapping[str, Reply]) -> list[Released]:
    """What the pods released in this round, or that they kept it back; a pod that failed or refused has none."""
    lasting = (Status.WAITING, Status.SUPPRESSED)
    replies = [said[pod] for pod in pods if pod in said and said[pod].status in lasting]
    return [reply.released or Released(suppressed=(Suppression(rule=reply.code, scope="result"),)) for reply in replies]
