"""A tally: what a run has read so far, and what it says of the history when it ends."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from podium.contracts import PartReport
from schemas.datapoints import BatchRecord
from schemas.history import Used
from tasks.desk import Desk


@dataclass
class Tally:
    """What was read so far: datapoints by what became of them, and rows by the contract's rule that they break."""

    rows: int = 0
    used: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    quarantined: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    states: list[dict[str, Any]] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)

    def add(self, part: PartReport | BatchRecord) -> None:
        """One part more."""
        for name in ("rows", "used", "new", "changed", "unchanged", "quarantined"):
            setattr(self, name, getattr(self, name) + getattr(part, name))
        if isinstance(part, PartReport):
            self.failures.update(part.failures)
            self.digests.append(part.digest)
            self.states += [part.state] if part.state is not None else []
        else:
            self.failures.update(json.loads(part.failures) if part.failures else {})
            self.states += [json.loads(part.state)] if part.state else []


def used(desk: Desk, run: str, *, strict: bool) -> Used | None:
    """What the run's committed parts come to; None where it has kept nothing. From the tables: a crash loses nothing of it."""
    record = desk.runs.get(run)
    if record.task_no is None or record.unread is None or record.no is None:
        return None
    tally = Tally()
    for batch in desk.history.batches(record.no):
        tally.add(batch)
    return Used(
        task_no=record.task_no,
        after=record.after_run,
        token=record.token,
        total=tally.rows + record.unread,
        new=tally.new,
        changed=tally.changed,
        unchanged=tally.unchanged + record.unread,
        quarantined=tally.quarantined,
        gone=record.gone or 0,
        strict=strict,
    )
