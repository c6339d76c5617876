"""A small source that changes, and runs over it that do as a worker does: what the history's tests are made of."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from podium import project
from podium.contracts import Outcome, PartReport, Status

project.activate()

from schemas.history import ELSEWHERE, LOST, QUARANTINED, HistoryStore, Used  # noqa: E402
from schemas.runs import RunStore  # noqa: E402
from schemas.stores import PodDatabase  # noqa: E402

NOTHING = bytes(16)
PLACES = {"a": 0, "b": 1, "c": 2, "all": 3, "other": ELSEWHERE}
_numbers = itertools.count(1)


def key(number: int) -> bytes:
    return number.to_bytes(16, "little")  # with zero bytes behind and within


def mark(version: int) -> bytes:
    return bytes([version]) * 16 if version else b"\xff" + bytes(15)


@dataclass(frozen=True)
class Row:
    """A datapoint as it is in the source."""

    version: int
    part: str = "a"
    bad: bool = False


Source = Mapping[int, Row]


def report(events: Iterable[tuple[bytes, bytes, Outcome]], **more: object) -> PartReport:
    """As a worker reports: packed, in the order of the keys."""
    events = sorted(events)
    outcomes = bytes(outcome for _, _, outcome in events)
    bad = outcomes.count(Outcome.QUARANTINED)
    counts = {"rows": len(events), "new": len(events), "changed": 0, "unchanged": 0, "quarantined": bad, "used": len(events) - bad}
    return PartReport.model_validate(
        {
            **counts,
            "keys": b"".join(one for one, _, _ in events),
            "fingerprints": b"".join(print_ for _, print_, _ in events),
            "outcomes": outcomes,
            "rules": ("min_age: age", "type: sex"),
            "reasons": bytes(at % 2 for at in range(bad)),
            **more,
        }
    )


def done(*numbers: int, version: int = 1, outcome: Outcome = Outcome.DONE) -> PartReport:
    return report((key(number), NOTHING if outcome is Outcome.GONE else mark(version), outcome) for number in numbers)


class Question:
    """One question of the history, and what one may do with it."""

    def __init__(self, database: PodDatabase) -> None:
        self.database, self.runs, self.history = database, RunStore(database), HistoryStore(database)
        self.no = self.history.task(b"question" + next(_numbers).to_bytes(8, "big"), datasource="p", algorithm="mean")

    def begin(self) -> str:
        run = f"{next(_numbers):032x}"
        self.runs.receive(run, mid=run, attempt=1, envelope=b"")
        self.runs.note(run, task_no=self.no)
        self.runs.start(run)
        return run

    def number(self, run: str) -> int:
        no = self.runs.get(run).no
        assert no is not None
        return no

    def commit(self, run: str, no: int, said: PartReport, *, part: str = "a", token: str = "t", **more: object) -> None:
        self.history.commit(self.number(run), no, part=part, token=token, report=said, **{"whole": True, **more})  # type: ignore[arg-type]

    def used(self, after: int | None, token: str = "s", total: int = 0, **counts: int) -> Used:
        given = {**dict.fromkeys(("new", "changed", "unchanged", "quarantined", "gone"), 0), **counts}
        return Used(task_no=self.no, after=after, token=token, total=total, **given)

    def release(self, run: str, after: int | None, **more: object) -> None:
        self.runs.finish(run, Status.RELEASED, reply=b"", used=self.used(after, **more))  # type: ignore[arg-type]

    def known(self, run: str = "") -> dict[bytes, tuple[bytes, int, bool]]:
        """What stands: fingerprint, place and whether it is in quarantine, by key. What is gone is not in it."""
        found: dict[bytes, tuple[bytes, int, bool]] = {}
        for chunk in self.history.known(self.no, run_no=self.number(run) if run else -1, places=PLACES):
            assert len(chunk) % 36 == 0
            for at in range(0, len(chunk), 36):
                record = chunk[at : at + 36]
                end = int.from_bytes(record[32:], "big")
                found[record[:16]] = (record[16:32], end & ~QUARANTINED, bool(end & QUARANTINED))
        return {one: said for one, said in found.items() if said[0] != NOTHING}

    def of(self, source: Source) -> dict[bytes, tuple[bytes, int, bool]]:
        """`known`, where this is what stands."""
        return {key(number): (mark(row.version), PLACES.get(row.part, LOST), row.bad) for number, row in source.items()}
