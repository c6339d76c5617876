"""Standing: a task that is asked again by itself, from its acceptance to its end. Prefect says when it is due, the tables the rest."""

from __future__ import annotations

import asyncio

from pydantic import TypeAdapter

from podium.contracts import Cell, Disclosure, Partial, Released, Reply, Status, Suppression, Task
from podium.crypto.header import Header
from podium.errors import TaskError
from podium.privacy.successive import Difference, last_left, too_few_new, untold
from podium.repeating import check_repeat
from podium.timeline import timeline
from schemas.standing_record import StandingRecord
from tasks.cancel import cancel
from tasks.case import Case
from tasks.desk import Desk, now, open_desk
from tasks.step import coded
from tasks.words import public

ASKED, UNDER_WAY, NOTHING_NEW, ENDED = "Asked", "UnderWay", "NothingNew", "Ended"
_CELLS = TypeAdapter(tuple[Cell, ...])


def check_standing(case: Case) -> None:
    """Raise ConfigError for a task that says to repeat and cannot. A repeat was looked at when its task came."""
    if case.task.repeat is not None and not case.record.standing:
        kind = str(case.task.protocol.get("kind"))
        check_repeat(case.task.repeat, protocol=kind, new_data_only=case.task.new_data_only, now=now())


async def stand(case: Case) -> None:
    """Keep what it takes to ask an admitted task again, before a row is read; it stands once its first run has ended well."""
    repeat = case.task.repeat
    if repeat is None or case.record.standing:
        return
    desk = case.desk
    if not desk.config.history.pod_db:
        raise TaskError("No history is kept, so nothing can be new.", status="rejected", code="no_history")
    token = await asyncio.to_thread(desk.source(case.task.datasource).token)  # before a row is read: what comes later is new
    record = StandingRecord(
        run=case.run,
        header=case.header.encode(),
        reference=case.reference,
        task_json=case.task.model_dump_json(),
        until=repeat.until,
        looked_at=now(),
        token=token,
    )
    await asyncio.to_thread(desk.standings.accept, record)


def again(case: Case) -> tuple[Header, Task]:
    """Who asks and what, of a repeat: as it was verified when the task came."""
    kept = case.desk.standings.of(case.record.standing)
    assert kept is not None
    return case.desk.header_of(case.record), kept.task


def hold_back(case: Case, difference: Difference, *, total: int) -> None:
    """Whether this repeat may go on, by how the datapoints differ from the last release; of the source there are `total`.

    Raises TaskError (`nothing_new`, `not_grown`, `too_few_new`): the run ends as suppressed, and what was new stays new.
    """
    kept = case.desk.standings.of(case.record.standing) if case.record.standing else None
    if kept is None or kept.released_at is None:
        return
    if difference == Difference():
        raise TaskError("There is nothing new since this task's last release.", status="suppressed", code="nothing_new")
    if not kept.repeat.grown(before=kept.total, now=total):
        raise TaskError("The source has not grown by enough.", status="suppressed", code="not_grown")
    if too_few_new(difference, cumulative=kept.repeat.cumulative, min_cell=case.desk.config.disclosure.min_cell):
        raise TaskError("Too few datapoints differ from the last release.", status="suppressed", code="too_few_new")


def without_few(case: Case, partial: Partial, disclosure: Disclosure) -> Partial:
    """Of a cumulative repeat, the partial without cells that differ from their own last release by too few datapoints; else the same."""
    kept = _cumulative(case)
    if kept is None or kept.released_at is None:
        return partial
    tally, plan = case.reading.tally, case.reading.plan
    left = untold(
        partial,
        _CELLS.validate_json(kept.cells or "[]"),
        difference=Difference(new=tally.new, changed=tally.changed, gone=case.record.gone or 0),
        good=tally.rows + plan.unread - tally.quarantined - plan.bad,
        disclosure=disclosure,
        min_cell=case.desk.config.disclosure.min_cell,
    )
    return left if len(left.cells) < len(partial.cells) else partial


def told_of(released: Released) -> Released:
    """The release of what `without_few` has left: that something was kept back is said by its rule."""
    if any(suppression.rule == "min_cell" and suppression.scope == "result" for suppression in released.suppressed):
        return released.model_copy(update={"suppressed": (Suppression(rule="too_few_new", scope="result"),)})
    if released.status is Status.SUPPRESSED:
        return released
    rules = sorted({*(suppression.rule for suppression in released.suppressed), "too_few_new"})
    return released.model_copy(update={"suppressed": tuple(Suppression(rule=rule, scope="cells") for rule in rules)})


def last_cells(case: Case) -> str:
    """What a cumulative task's next repeat is set against: each cell as it was when it last left, before the gate, as JSON."""
    kept = _cumulative(case)
    if kept is None or case.released.status is not Status.RELEASED:
        return ""
    last = _CELLS.validate_json(kept.cells or "[]")
    return _CELLS.dump_json(last_left(case.partial, last, left=(cell.key for cell in case.released.cells))).decode()


def _cumulative(case: Case) -> StandingRecord | None:
    kept = case.desk.standings.of(case.first) if case.task.repeat else None
    return kept if kept is not None and kept.repeat.cumulative else None


@coded
async def ask_again(pod: str, task: str) -> str:
    """A standing task is due: begin its next repeat, unless there is nothing to do. The word for what came of it. Raises TaskError.

    An unchanged token costs no run. How much has grown no kind can tell without a look at its rows: the run finds that out.
    """
    desk = open_desk(pod)
    kept = desk.standings.of(task)
    if kept is None:
        raise TaskError("there is no such standing task.", field="task", code="unknown_task")
    if kept.since is None or kept.ended_at is not None or kept.until <= now():
        return ENDED
    if desk.standings.under_way(task) is not None:
        return UNDER_WAY
    token = await asyncio.to_thread(desk.source(kept.task.datasource).token)
    if token == kept.token:
        desk.standings.looked(task, now=now())
        return NOTHING_NEW
    run = desk.standings.ask(task, token=token, now=now())
    if run is None:
        return UNDER_WAY
    timeline("asked again", task=task[:8], run=run.id[:8], repeat=run.repeat_no)
    return ASKED


async def attend_standing(desk: Desk) -> frozenset[str]:
    """Take up the repeats that are queued, and see to it that what somebody ended has ended; which tasks stand now."""
    desk.standings.expire(now())
    for kept in desk.standings.untold():
        if (run := desk.standings.under_way(kept.run)) is not None:
            cancel(desk, run.id)
        else:
            _farewell(desk, kept)
    for repeat in desk.standings.queued():
        desk.enqueue(repeat)
    return frozenset(kept.run for kept in desk.standings.standing())


def _farewell(desk: Desk, kept: StandingRecord) -> None:
    """Tell the analyst that it is over, where no repeat is under way that could."""
    case = Case(desk, desk.standings.last(kept.run, now=now()))
    case.header = desk.header_of(case.record)
    code, sentence = public("cancelled")
    reply = Reply(run=case.run, status=Status.CANCELLED, code=code, message=sentence)
    desk.standings.farewell(case.record, reply=case.sealed(reply))
    timeline("standing task ended", task=kept.run[:8], by=kept.ended_by)
