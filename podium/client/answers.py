"""What an analyst gets back."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podium.algorithms import Algorithm
from podium.client import cancelling
from podium.client.asking import send
from podium.client.combining import Combined, combine, consistent, label_partial
from podium.client.conversing import go_on, outcome
from podium.client.receiving import close_expired, receive
from podium.client.store import TaskStore
from podium.contracts import Reply, Status
from podium.errors import HubUnavailable, TaskError
from podium.protocols import Outcome

if TYPE_CHECKING:
    from podium.wire.hub import HubClient

POLL_SECONDS = 10.0  # what another process of ours received is seen after at most this long
_ANSWERED = (Status.RELEASED, Status.SUPPRESSED, Status.PARTIAL)
PATIENCE = 30.0  # how long a hub that is being restarted is waited for


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


class Answer:
    """The answer to one task, read from disk; `wait` and `refresh` bring in what the hub has meanwhile."""

    def __init__(self, store: TaskStore, hub: Callable[[], HubClient]) -> None:
        self._store, self._hub, self._asked = store, hub, store.asked()
        self._read()

    @property
    def id(self) -> str:
        """The task's identifier: `session.answer(id)` finds the answer again, in any process."""
        return self._store.task

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

    def refresh(self) -> Answer:
        """Bring in what has arrived, without waiting. Raises HubUnavailable."""
        self._read()
        if not self._done:
            hub = self._hub()
            go_on(self._store)
            send(hub, self._store)
            while receive(hub, self._store, wait=0):
                if go_on(self._store):
                    send(hub, self._store)
            close_expired(hub, self._store, now=int(time.time()))
            self._read()
        return self

    def wait(self, timeout: float | None = None, on_progress: Callable[[Answer], None] | None = None) -> Answer:
        """Wait until every pod has answered, or `timeout` seconds; then the status says how far it is, and `wait` may be called again.

        `on_progress` is called with this answer whenever a run's state has changed. Raises HubUnavailable when the hub stays away.
        """
        self._read()
        end = None if timeout is None else time.monotonic() + timeout
        away_since: float | None = None
        while not self._done:
            left = POLL_SECONDS if end is None else end - time.monotonic()
            if left <= 0:
                break
            try:
                changed = self._step(min(left, POLL_SECONDS))
                away_since = None
            except HubUnavailable:
                away_since = away_since or time.monotonic()
                if time.monotonic() - away_since > min(PATIENCE, timeout or PATIENCE):
                    raise
                time.sleep(min(0.5, left))
                continue
            if changed and on_progress:
                on_progress(self)
        return self

    def cancel(self) -> Answer:
        """Tell every pod that has not ended to end its run, and bring in what they say at once; `wait` waits for the rest.

        What was released stays released, and a run that has ended by then keeps its end. Once a task is cancelled, again changes nothing.
        Raises TaskError (`ended`) when there is nothing left to cancel, HubUnavailable when the hub is away.
        """
        if self._store.cancelled() is None:
            hub = self._hub()
            while receive(hub, self._store, wait=0):
                pass
            self._read()
            if self._done:
                remedy = f"Its answer: podium task result {self.id} (in Python: answer.result)."
                raise TaskError(f"the task has ended: {self.status}. Nothing is left to cancel.", field="task", remedy=remedy, code="ended")
            cancelling.begin(self._store)
        try:
            return self.refresh()
        except HubUnavailable as error:
            remedy = "The cancel is kept, and goes out as soon as the answer is looked at while the hub is there."
            raise HubUnavailable(error.message, remedy=remedy) from None

    def __repr__(self) -> str:
        parts = ", ".join(f"{pod} {run.status}" for pod, run in self.runs.items())
        rules = f"; kept back by {', '.join(self.suppressed)}" if self.suppressed else ""
        head = f"Answer {self.id}: {self.status} ({parts}{rules})"
        result = self.result
        return head if result is None else f"{head}\n{result}"

    @property
    def _done(self) -> bool:
        return self.status.final or self.status == Status.PARTIAL

    def _step(self, wait: float) -> bool:
        hub = self._hub()
        go_on(self._store)
        send(hub, self._store)
        before = self._replies
        if not receive(hub, self._store, wait=wait):
            close_expired(hub, self._store, now=int(time.time()))
        self._read()
        return self._replies != before

    def _read(self) -> None:
        self._replies: dict[str, Reply] = {}
        self._rounds = {sent.pod: self._store.rounds_of(sent) for sent in self._asked.sent}
        for sent in self._asked.sent:
            received = self._store.received(sent)
            self._replies[sent.pod] = received.reply if received else Reply(run=sent.run, status=Status.QUEUED)
        final = all(reply.status.final for reply in self._replies.values())
        self._outcome: Outcome | None = None
        with contextlib.suppress(TaskError):  # figures that do not fit are told when the result is asked for
            self._outcome = outcome(self._store) if final else None
        closed = self._replies | (self._outcome.replies if self._outcome else {})
        self._combined: Combined = combine(closed, allow_partial=self._asked.allow_partial)


def _run(reply: Reply, rounds: int) -> Run:
    released, message = reply.released, reply.message
    rules = tuple(dict.fromkeys(item.rule for item in released.suppressed)) if released else ()
    if reply.status == Status.CANCELLED and rounds:
        message += f" It had answered {rounds} round{'s' if rounds > 1 else ''}: what they released stays released."
    return Run(reply.status, released.rows if released else 0, rules, reply.code, message, rounds)


def _misshapen() -> TaskError:
    message = "the figures of the pods do not fit the question or each other."
    return TaskError(message, remedy="Ask the pods one by one to find the one that answers otherwise.", code="shape")
