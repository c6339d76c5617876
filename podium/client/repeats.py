"""The repeats of a standing task, as its pods have answered them: combined by their number, each pod by itself named."""

from __future__ import annotations

from podium.client.combining import combine
from podium.client.figures import Figures
from podium.client.store import Asked, Sent, TaskStore
from podium.contracts import Reply, Status
from podium.repeating import FIRST, repeat_id

SILENT = "It released nothing this time, or what it said was not fetched in time."


class Repeated(Figures):
    """One repeat. It has what an answer has: `status`, `result`, `rows`, `runs`, `suppressed`; and its number, `no`."""

    def __init__(self, asked: Asked, no: int, replies: dict[str, Reply]) -> None:
        self.no = no
        self._asked, self._replies, self._rounds = asked, replies, dict.fromkeys(replies, 0)
        self._combined = combine(replies, allow_partial=asked.allow_partial)

    def __repr__(self) -> str:
        parts = ", ".join(f"{pod} {run.status}" for pod, run in self.runs.items())
        return f"Repeat {self.no} of {self._asked.task}: {self.status} ({parts})"


def repeats_of(store: TaskStore, asked: Asked, *, now: int) -> list[Repeated]:
    """Every repeat that some pod has answered; not the farewell of one that was ended."""
    said = {sent.pod: store.repeats(sent) for sent in asked.sent}
    numbers = sorted({no for replies in said.values() for no, reply in replies.items() if reply.status is not Status.CANCELLED})
    return [Repeated(asked, no, {sent.pod: _of(store, sent, said[sent.pod], no, now) for sent in asked.sent}) for no in numbers]


def _of(store: TaskStore, sent: Sent, said: dict[int, Reply], no: int, now: int) -> Reply:
    """This pod's reply; where there is none: it is yet to come, was kept back in silence, or the task does not stand there."""
    if no in said:
        return said[no]
    run = repeat_id(sent.run, no)
    if no < max(said, default=FIRST):
        return Reply(run=run, status=Status.SUPPRESSED, message=SILENT)
    if store.stands(sent, now=now):
        return Reply(run=run, status=Status.QUEUED)
    first, last = store.received(sent), said.get(max(said, default=FIRST))
    end = last or (first.reply if first is not None else None)
    ended = end is not None and end.status in (Status.REJECTED, Status.FAILED, Status.CANCELLED)
    return Reply(
        run=run, status=end.status if end is not None and ended else Status.EXPIRED, message="The task does not stand there any more."
    )
