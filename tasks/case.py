"""A case: one run on the desk, from the sealed message to the sealed reply. A plain object; the run's table row is the truth."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from prefect.runtime import flow_run

from podium.algorithms import Additive, Algorithm, Iterative, Scoring
from podium.contracts import Partial, Released, Reply, Status, Task
from podium.crypto.encryption import decode_public
from podium.crypto.envelope import new_id, reference, seal
from podium.crypto.header import MAX_LIFE, Header, MessageType
from podium.errors import ConfigError, MessageRefused, PodiumError, TaskError, TrustError
from podium.history.identity import task_key
from podium.protocols import PodStep, Protocol
from podium.workers.session import Limits, WorkerSession
from schemas.history import Used
from schemas.records import RunRecord
from schemas.standing import stands, told
from tasks.desk import Desk, now, open_desk
from tasks.step import StepFailed, coded, log
from tasks.tally import used
from tasks.words import public

if TYPE_CHECKING:
    from tasks.reading import Reading

TRIES = 3
Step = TypeVar("Step", bound=PodStep)


class Case:
    """What is known of a run so far. `header` to `protocol` are there once it was admitted."""

    header: Header
    task: Task
    algorithm: Algorithm
    protocol: Protocol
    turns: Generator[PodStep, object, None]
    worker: WorkerSession
    reading: Reading
    partial: Partial
    released: Released
    admitted = False

    def __init__(self, desk: Desk, record: RunRecord) -> None:
        self.desk, self.run, self.record = desk, record.id, record
        self.rounds = desk.rounds.every(record.id)
        self.approval = desk.approvals.get(record.id)

    def turn(self, kind: type[Step], outcome: object = None) -> Step:
        """The protocol's next step, given what came of the last one. Raises TaskError unless it is of this kind."""
        step = self.proceed(outcome)
        if not isinstance(step, kind):
            raise TaskError(f"protocol {self.protocol.kind} does not go on with {kind.__name__}.", code="protocol")
        return step

    def proceed(self, outcome: object) -> PodStep | None:
        """The protocol's next step, whichever it is; None at its end."""
        try:
            return next(self.turns) if outcome is None else self.turns.send(outcome)
        except StopIteration:
            return None

    @property
    def answered(self) -> int:
        """How many rounds have left this pod."""
        return sum(1 for one in self.rounds if one.answered_at is not None)

    @property
    def asked(self) -> Algorithm:
        """The algorithm at the parameters of the round that is under way. Raises TaskError (`bad_task`) when they do not fit."""
        parameters = self.rounds[-1].parameters if self.rounds else ""
        if not parameters:
            return self.algorithm
        try:
            return Algorithm.load({**self.task.algorithm, "at": json.loads(parameters)})
        except ConfigError as error:
            raise TaskError(f"The round cannot be read: {error}", code="bad_task") from None

    @property
    def by_parts(self) -> bool:
        """Whether the answer is made of the states of the source's parts."""
        return isinstance(self.algorithm, Additive) and self.protocol.kind == "one_round"

    @property
    def gives_results(self) -> bool:
        """Whether each datapoint is given something that stays here."""
        return self.by_parts and isinstance(self.algorithm, Scoring)

    @property
    def in_rounds(self) -> bool:
        """Whether the same rows are read more than once."""
        return isinstance(self.algorithm, Iterative)

    @property
    def keeps(self) -> bool:
        """Whether datapoints and results are kept in the pod's database."""
        return self.desk.config.history.pod_db

    @property
    def no(self) -> int:
        """The run's number in the pod's tables."""
        assert self.record.no is not None
        return self.record.no

    def note(self, **fields: Any) -> None:
        """Set fields of the run, here and in its table."""
        self.desk.runs.note(self.run, **fields)
        for name, value in fields.items():
            setattr(self.record, name, value)

    @property
    def open(self) -> bool:
        """Whether the run still has no end."""
        return not self.record.status.final

    @property
    def id8(self) -> str:
        """The short form that people read."""
        return self.run[:8]

    @property
    def task_key(self) -> bytes:
        """16 bytes that stand for this question: algorithm, parameters, columns, code version.

        A standing task has a history of its own: what is new to it is new since its own last release, whoever else has asked the same.
        """
        return task_key(self.task, standing=self.first if self.task.repeat else "")

    @property
    def first(self) -> str:
        """The run that the task came with: this one, unless it is a repeat."""
        return self.record.standing or self.run

    @property
    def reference(self) -> str:
        """The analyst's last message, as our reply to it names it."""
        if not self.record.envelope and (kept := self.desk.standings.of(self.first)) is not None:
            return kept.reference
        last = self.rounds[-1].reference if self.rounds else ""
        return last or reference(self.header.mid, self.record.envelope)

    def sealed(self, reply: Reply, *, code: str = "") -> bytes | None:
        """The reply as a message to the task's own reply key; None where no writer is known or nobody could open it.

        `code`: the pod's own for how the run ends. Of repeats without a release the analyst hears once, until there is one.
        """
        if not hasattr(self, "header") or not self.header.reply_key:
            return None
        if reply.status.final and (kept := self.desk.standings.of(self.first)) is not None:
            reply = reply.model_copy(update={"stands": stands(kept, self.record, reply.status, code, now=now())})
            if reply.stands and not told(kept, self.record, reply.status, code):
                return None
        try:
            return self._seal(reply)
        except (TrustError, MessageRefused) as error:
            log.warning("run %s: nobody can be answered: %s", self.id8, error)
            return None

    def _seal(self, reply: Reply) -> bytes:
        return seal(
            typ=_kind(reply),
            mid=new_id(),
            task=self.header.task,
            run=self.run,
            sender=self.desk.config.identifier,
            to=self.header.from_,
            iat=now(),
            exp=now() + MAX_LIFE,
            # Of a repeat, behind its number; of the first run, behind the notice that the custodian is asked.
            seq=(self.record.repeat_no or self.answered + (self.approval is not None)) + 1,
            re=self.reference,
            body=reply.model_dump_json().encode(),
            recipient=decode_public(self.header.reply_key),
            identity=self.desk.identity,
        )

    def end(self, status: Status, *, code: str, seen: Used | None = None) -> None:
        """End the run without a result. The code is for the custodian; the analyst gets what `tasks.words` makes of it."""
        said, sentence = public(code)
        reply = Reply(run=self.run, status=status, code=said, message=sentence)
        sealed = self.sealed(reply, code=code)
        if self.answered:  # figures of a round have left: its datapoints are used, whoever was faster
            seen = used(self.desk, self.run, strict=False)
        self.record = self.desk.runs.finish(self.run, status, reply=sealed, code=code, used=seen)

    def end_unread(self, status: Status, *, code: str) -> None:
        """The same for a run that nobody has in hand: its message was verified before, and is not read again."""
        self.header = self.desk.header_of(self.record)
        self.end(status, code=code)


def _kind(reply: Reply) -> MessageType:
    if reply.round:
        return "share"
    if not reply.status.final:
        return "accept"
    return "reject" if reply.status is Status.REJECTED else "result"


@coded
async def open_case(pod: str, run: str) -> Case:
    """Take a run up, for the first time or again, and note which flow run shows it."""
    desk = open_desk(pod)
    desk.runs.note(run, flow_run=str(flow_run.id or ""))
    return Case(desk, desk.runs.start(run))


@asynccontextmanager
async def to_an_end(case: Case) -> AsyncIterator[None]:
    """Whatever goes wrong inside, the run ends in a true status; what may pass is let through for another try, twice.

    A run that is cancelled leaves here at once, with its worker gone.
    """
    with case.desk.stops.heeded(case.run):
        try:
            yield
        except StepFailed as error:
            if error.transient and case.record.tries < TRIES:
                raise StepFailed(error.code, transient=True) from None
            await end(case, Status(error.status), code=error.code)
        except PodiumError as error:
            log.warning("run %s: %s: %s", case.id8, error.code, error)
            await end(case, Status(error.status) if isinstance(error, TaskError) else Status.FAILED, code=error.code)
        except Exception:  # noqa: BLE001 - told to the pod's log alone; Prefect and the analyst get a code
            log.exception("run %s failed", case.id8)
            await end(case, Status.FAILED, code="internal")
    if case.open:
        case.record = case.desk.runs.get(case.run)


@coded
async def end(case: Case, status: Status, *, code: str) -> None:
    """End a run without a result. One that has found nothing new has still seen what moved, went away, or stays as it was."""
    case.end(status, code=code, seen=used(case.desk, case.run, strict=True) if code == "nothing_new" else None)


@asynccontextmanager
async def rows(case: Case) -> AsyncIterator[None]:
    """A worker session on the case's datasource: the child process that alone reads rows."""
    limits = case.desk.config.limits
    try:
        async with (
            asyncio.timeout(limits.run_seconds),
            WorkerSession.open(
                case.desk.source(case.task.datasource).dump(),
                limits=Limits(memory_mb=limits.worker_memory_mb, seconds=limits.run_seconds),
                folder=case.desk.folder / "work",
                warm=case.desk.warm,
                cache=case.desk.cache(case.task.datasource),
            ) as case.worker,
        ):
            yield
    except TimeoutError:
        raise TaskError(f"The run took longer than limits.run_seconds ({limits.run_seconds} s).", code="worker_timeout") from None
