"""The figures of one question, combined over the pods that were asked: of an answer, or of one repeat of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from podium.algorithms import Algorithm
from podium.client.combining import Combined, consistent, label_partial
from podium.client.store import Asked
from podium.contracts import Reply, Status
from podium.errors import TaskError
from podium.protocols import Outcome

_ANSWERED = (Status.RELEASED, Status.SUPPRESSED, Status.PARTIAL)


@dataclass(frozen=True)
class Run:
    """One pod's part. `rows`: rounded, behind what it released; `suppressed`: the rules that kept something back there.

    `round`: how many rounds it has answered so far. What they released stays released, however the run ends.
    """

    status: Status
    rows: int = 0
    suppressed: tuple[str, ...] = ()
    code: str = ""
    message: str = ""
    round: int = 0


class Figures:
    """What the pods' replies come to. `_rounds`: how many each has answered; `_outcome`: where the protocol has an end of its own."""

    _asked: Asked
    _replies: dict[str, Reply]
    _rounds: dict[str, int]
    _combined: Combined
    _outcome: Outcome | None = None

    @property
    def status(self) -> Status:
        """Where the answer stands; `partial` when some pods answered and others did not (see `runs`)."""
        return self._combined.status

    @property
    def runs(self) -> dict[str, Run]:
        """Each pod's part, by its identifier."""
        return {pod: _run(reply, self._rounds[pod]) for pod, reply in self._replies.items()}

    @property
    def suppressed(self) -> tuple[str, ...]:
        """The disclosure rules that kept something back, at any pod."""
        return tuple(sorted({rule for run in self.runs.values() for rule in run.suppressed}))

    @property
    def rows(self) -> int:
        """How many rows the released figures stand for, rounded at each pod."""
        return sum(run.rows for run in self.runs.values())

    @property
    def result(self) -> Any:
        """A pandas DataFrame where the algorithm has groups, else a number; None while there is none, or when it is suppressed.

        An algorithm that is answered in rounds has a result of its own, whose `state` says why there are no figures when there are none.
        """
        if self._outcome is not None and self._outcome.result is not None and self.status in _ANSWERED:
            return self._outcome.result
        if not self._combined.released:
            return None
        if not consistent(self._replies):
            raise _misshapen()
        algorithm = Algorithm.load(self._asked.question.algorithm)
        partly = self._asked.allow_partial
        try:
            result = algorithm.combine(self._combined.released, frozenset() if partly else self._combined.incomplete)
        except (LookupError, ValueError, TypeError, ArithmeticError):
            raise _misshapen() from None
        by = self._combined.released[0].by
        if not (partly and by):
            return result
        return label_partial(result, by, self._combined.incomplete, closed=self._combined.closed)


def _run(reply: Reply, rounds: int) -> Run:
    released, message = reply.released, reply.message
    rules = tuple(dict.fromkeys(item.rule for item in released.suppressed)) if released else ()
    if reply.status == Status.CANCELLED and rounds:
        message += f" It had answered {rounds} round{'s' if rounds > 1 else ''}: what they released stays released."
    return Run(reply.status, released.rows if released else 0, rules, reply.code, message, rounds)


def _misshapen() -> TaskError:
    message = "the figures of the pods do not fit the question or each other."
    return TaskError(message, remedy="Ask the pods one by one to find the one that answers otherwise.", code="shape")
