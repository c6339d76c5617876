"""A question's past, written as a pod writes it: runs, their parts, what each says of datapoints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from podium import project
from podium.contracts import Outcome, PartReport, Released, ReleasedCell, Status

project.activate()

from schemas.history import HistoryStore, Used  # noqa: E402
from schemas.runs import RunStore  # noqa: E402
from schemas.stores import PodDatabase  # noqa: E402

DONE, QUARANTINED, GONE, MOVED = Outcome
NO_PRINT = bytes(16)
Said = Mapping[bytes, tuple[Outcome, bytes]]


def key(number: int) -> bytes:
    """The key of datapoint `number`."""
    return number.to_bytes(16, "big")


def print_(number: int) -> bytes:
    """A fingerprint whose short form begins with `number`, in hex."""
    return number.to_bytes(4, "big") + bytes(12)


@dataclass
class Past:
    """Runs of one database. `run` ends one that counts, and returns its id."""

    database: PodDatabase
    source: str = "patients"
    number: int = field(default=0)

    def __post_init__(self) -> None:
        self.runs, self.history = RunStore(self.database), HistoryStore(self.database)

    def task(self, name: str = "mean") -> int:
        return self.history.task(name.encode().ljust(16, b"-"), datasource=self.source, algorithm=name)

    def received(self, task_no: int, *, task: str = "t1", new_only: bool = False, **fields: object) -> str:
        self.number += 1
        run = f"{self.number:032x}"
        self.runs.receive(run, mid=run, attempt=1, envelope=b"")
        asked = json.dumps({"new_data_only": new_only})
        self.runs.note(run, task_no=task_no, task=task, alias="Ana", algorithm="mean", datasource=self.source, task_json=asked, **fields)
        return run

    def part(
        self,
        run: str,
        said: Said,
        *,
        no: int = 0,
        part: str = "all",
        token: str = "1",
        rule: str = "age_range",
        given: bytes = b"",
        **more: object,
    ) -> None:
        ordered = sorted(said)
        outcomes = [said[each][0] for each in ordered]
        bad = outcomes.count(QUARANTINED)
        counts = {"rows": len(ordered), "new": 0, "changed": 0, "unchanged": 0, "quarantined": bad, "used": outcomes.count(DONE), **more}
        report = PartReport(
            **counts,
            failures={rule: bad} if bad else {},
            rules=(rule,),
            keys=b"".join(ordered),
            fingerprints=b"".join(said[each][1] for each in ordered),
            outcomes=bytes(outcomes),
            reasons=bytes(bad),
        )
        self.history.commit(self.runs.get(run).no, no, part=part, token=token, report=report, whole=True, given=given)

    def end(self, run: str, *, rows: int = 20, **counts: int) -> str:
        record = self.runs.get(run)
        after = self.history.standing(record.task_no).last_run
        told = {"new": 0, "changed": 0, "unchanged": 0, "quarantined": 0, "gone": 0, **counts}
        used = Used(task_no=record.task_no, after=after, token="now", total=rows, **told)
        released = Released(rows=rows, cells=(ReleasedCell(values={"count": rows}),))
        self.runs.finish(run, Status.RELEASED, reply=None, released=released, keep=True, used=used)
        return run

    def run(self, task_no: int, *parts: Said, new_only: bool = False, **counts: int) -> str:
        run = self.received(task_no, new_only=new_only)
        for no, said in enumerate(parts):
            self.part(run, said, no=no, part=f"p{no}", token=f"{run}-{no}")
        return self.end(run, **counts)
