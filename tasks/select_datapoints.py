"""Select: which datapoints this run reads. With `new_data_only`, those that this task has not used in this version."""

from __future__ import annotations

import asyncio

from podium.contracts import SelectReport
from podium.errors import TaskError
from podium.history.secret import datasource_secret
from podium.privacy.successive import Difference
from podium.timeline import timeline
from tasks.case import Case
from tasks.standing import hold_back
from tasks.step import step


@step("select")
async def select_datapoints(case: Case) -> None:
    """As `choose`, where it is seen."""
    await choose(case)


async def choose(case: Case, *, to_validate: bool = True) -> None:
    """Have the worker read the source once and keep the chosen rows. Raises TaskError (`nothing_new`) where none is left."""
    desk, task = case.desk, case.task
    task_no = desk.history.task(case.task_key, datasource=task.datasource, algorithm=case.algorithm.kind)
    case.standing = desk.history.standing(task_no)
    desk.runs.note(case.run, task_no=task_no)
    known = await asyncio.to_thread(_known, case, task_no) if task.new_data_only else b""
    secret = datasource_secret(desk.secret, task.datasource)
    contract = desk.contract(task.datasource) if to_validate else None
    case.chosen = await case.worker.select(columns=None, secret=secret, known=known, contract=contract)
    desk.runs.note(case.run, rows_read=case.chosen.chosen, unchanged=case.chosen.total - case.chosen.chosen)
    chosen = case.chosen
    if task.new_data_only or not case.record.standing:
        difference = Difference(new=chosen.new, changed=chosen.changed)
    else:
        known = await asyncio.to_thread(_known, case, task_no)
        difference = await asyncio.to_thread(_difference, known, chosen)
    hold_back(case, difference, total=chosen.total)
    if task.new_data_only and case.chosen.chosen == 0:
        raise TaskError("There is nothing new since this task last ran.", status="suppressed", code="nothing_new")
    timeline("datapoints selected", run=case.id8)


def _difference(known: bytes, chosen: SelectReport) -> Difference:
    """How all of the source differs from what the last release of this task used."""
    before = {known[at : at + 16]: known[at + 16 : at + 32] for at in range(0, len(known), 32)}
    new = changed = 0
    for at in range(0, len(chosen.keys), 16):
        mark = before.pop(chosen.keys[at : at + 16], None)
        new += mark is None
        changed += mark is not None and mark != chosen.fingerprints[at : at + 16]
    return Difference(new=new, changed=changed, gone=len(before))


def _known(case: Case, task_no: int) -> bytes:
    found: dict[bytes, bytes] = {}
    for chunk in case.desk.history.known(task_no, run_no=case.record.no or 0, places={}):
        for at in range(0, len(chunk), 36):
            found[chunk[at : at + 16]] = chunk[at + 16 : at + 32]
    return b"".join(key + mark for key, mark in sorted(found.items()))
