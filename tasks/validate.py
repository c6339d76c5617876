"""Validate: the chosen rows against the datasource's contract. The report has rule names and counts, never a value."""

from __future__ import annotations

from podium.errors import TaskError
from tasks.case import Case
from tasks.step import log, step


@step("validate")
async def validate(case: Case) -> None:
    """Raises TaskError (`contract`) when a rule is broken; which one is for the custodian's log."""
    path = case.desk.contract(case.task.datasource)
    report = await case.worker.validate(path)
    if not report.ok:
        broken = ", ".join(f"{rule} ({count})" for rule, count in sorted(report.failures.items()))
        log.warning("run %s: %s breaks its contract %s: %s", case.id8, case.task.datasource, path.name, broken)
        raise TaskError("The data do not meet this pod's contract; its custodian has been told.", code="contract")
