"""Validate: how what was read stands against the datasource's contract. Rule names and counts, never a value.

The worker holds every row against the contract before the algorithm sees it, and leaves the bad ones out. Here it is judged whether what
is left may still be called an answer. Where a rule about the whole table is broken, it may not.
"""

from __future__ import annotations

from podium.errors import TaskError
from podium.workers.sifting import FATAL
from tasks.case import Case
from tasks.step import log, step


@step("validate")
async def validate(case: Case) -> None:
    """Raises TaskError (`contract`) when too many rows are bad; which rules they break is for the custodian's log."""
    tally, source = case.reading.tally, case.desk.source(case.task.datasource)
    if not tally.failures:
        return
    broken = ", ".join(f"{rule.removeprefix(FATAL)} ({count})" for rule, count in sorted(tally.failures.items()))
    name = case.task.datasource
    log.warning("run %s: %s breaks its contract %s: %s", case.id8, name, case.reading.contract.name, broken)
    plan, fatal = case.reading.plan, any(rule.startswith(FATAL) for rule in tally.failures)
    too_many = tally.quarantined + plan.bad > source.max_bad_share * (tally.rows + plan.unread)  # as if all parts had been read now
    if fatal or source.on_bad_rows == "stop" or too_many:
        raise TaskError("The data do not meet this pod's contract; its custodian has been told.", code="contract")
    log.warning("run %s: %d datapoints of %s are in quarantine", case.id8, tally.quarantined, name)
