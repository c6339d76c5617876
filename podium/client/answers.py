"""What an analyst gets back."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from podium.client import cancelling
from podium.client.asking import send
from podium.client.combining import combine
from podium.client.conversing import go_on, outcome
from podium.client.figures import Figures
from podium.client.receiving import close_expired, receive
from podium.client.repeats import Repeated, repeats_of
from podium.client.store import TaskStore
from podium.contracts import Reply, Status, Task
from podium.errors import HubUnavailable, TaskError

if TYPE_CHECKING:
    from podium.wire.hub import HubClient

POLL_SECONDS = 10.0  # what another process of ours received is seen after at most this long
PATIENCE = 30.0  # how long a hub that is being restarted is waited for


class Answer(Figures):
    """The answer to one task, read from disk; `wait` and `refresh` bring in what the hub has meanwhile."""

    def __init__(self, store: TaskStore, hub: Callable[[], HubClient]) -> None:
        self._store, self._hub, self._asked = store, hub, store.asked()
        self._read()

    @property
    def id(self) -> str:
        """The task's identifier: `session.answer(id)` finds the answer again, in any process."""
        return self._store.task

    @property
    def question(self) -> Task:
        """What was asked."""
        return self._asked.question

    @property
    def standing(self) -> tuple[str, ...]:
        """The pods that ask this task again by themselves, as far as is known here."""
        now = int(time.time())
        return tuple(sent.pod for sent in self._asked.sent if self._store.stands(sent, now=now))

    @property
    def repeats(self) -> list[Repeated]:
        """What a standing task was answered after its first time, the oldest first; `refresh` brings in what has come."""
        return repeats_of(self._store, self._asked, now=int(time.time()))

    def refresh(self) -> Answer:
        """Bring in what has arrived, without waiting. Raises HubUnavailable."""
        self._store.forget_keys(now=int(time.time()))
        self._read()
        if not self._done or self.standing:
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
        while self._waits:
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

        A standing task is asked no more from then on. What was released stays released, and a run that has ended by then keeps its end.
        Once a task is cancelled, again changes nothing.
        Raises TaskError (`ended`) when there is nothing left to cancel, HubUnavailable when the hub is away.
        """
        if self._store.cancelled() is None:
            hub = self._hub()
            while receive(hub, self._store, wait=0):
                pass
            self._read()
            if self._done and not self.standing:
                remedy = f"Its answer: podium task result {self.id} (in Python: answer.result)."
                raise TaskError(f"the task has ended: {self.status}. Nothing is left to cancel.", field="task", remedy=remedy, code="ended")
            cancelling.begin(self._store, hub)
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

    @property
    def _waits(self) -> bool:
        """Whether there is something to wait for: the first answer, or what a cancelled task's pods say to that."""
        return not self._done or (self._store.cancelled() is not None and bool(self.standing))

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
        self._replies = {}
        self._rounds = {sent.pod: self._store.rounds_of(sent) for sent in self._asked.sent}
        for sent in self._asked.sent:
            received = self._store.received(sent)
            self._replies[sent.pod] = received.reply if received else Reply(run=sent.run, status=Status.QUEUED)
        final = all(reply.status.final for reply in self._replies.values())
        self._outcome = None
        with contextlib.suppress(TaskError):  # figures that do not fit are told when the result is asked for
            self._outcome = outcome(self._store) if final else None
        closed = self._replies | (self._outcome.replies if self._outcome else {})
        self._combined = combine(closed, allow_partial=self._asked.allow_partial)
