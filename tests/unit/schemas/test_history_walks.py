"""Random walks: sources that change, runs that overlap, break off, are released or not, and what is old forgotten; against a dict."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from history_world import NOTHING, Question, Row, Source, key, mark, report
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import text

from podium.contracts import Outcome, PartReport, Status
from podium.errors import TaskError
from schemas.stores import PodDatabase

KEYS, PARTS = st.integers(0, 7), st.sampled_from("abc")
LATE = 2**31 - 1


@dataclass
class Walk:
    """A run under way: what it saw of the source, what it is to commit, and how far it is."""

    run: str
    after: int | None
    seen: dict[int, Row]
    plan: list[tuple[str, str, PartReport]]
    at: int = 0


def token(source: Source, part: str) -> str:
    """The same for the same rows."""
    return repr(sorted((number, row) for number, row in source.items() if row.part == part))


def events(source: Source, part: str, known: dict[bytes, tuple[bytes, int, bool]], place: int) -> PartReport:
    """What a worker says of one part, given what is known."""
    said = []
    for number, row in source.items():
        if row.part == part:
            before = known.get(key(number))
            if before is None or before[0] != mark(row.version) or before[2] != row.bad:
                said.append((key(number), mark(row.version), Outcome.QUARANTINED if row.bad else Outcome.DONE))
            elif before[1] != place:
                said.append((key(number), mark(row.version), Outcome.QUARANTINED if row.bad else Outcome.MOVED))
    return report(said, state={"part": part})


class Walks(RuleBasedStateMachine):
    database: PodDatabase

    def __init__(self) -> None:
        super().__init__()
        self.question = Question(self.database)
        self.source = {number: Row(1, "abc"[number % 3], bad=number == 5) for number in range(6)}
        self.stands: dict[int, Row] = {}
        self.tokens: dict[str, str] = {}
        self.last: int | None = None
        self.walks: list[Walk] = []
        self.ticks = 0

    def plan(self, run: str) -> Walk:
        standing, known, seen = self.question.history.standing(self.question.no), self.question.known(), dict(self.source)
        parts = sorted({row.part for row in seen.values()})
        plan = [(part, token(seen, part), events(seen, part, known, "abc".index(part))) for part in parts]
        plan += [(part, "", report([])) for part in standing.parts if part not in parts and part != "gone"]
        gone = sorted(set(known) - {key(number) for number in seen})
        plan.append(("gone", "", report([(one, NOTHING, Outcome.GONE) for one in gone])))
        return Walk(run=run, after=standing.last_run, seen=seen, plan=plan)

    @rule(number=KEYS, version=st.integers(0, 2), part=PARTS, bad=st.booleans())
    def a_row_is_new_or_changes_or_moves(self, number: int, version: int, part: str, bad: bool) -> None:
        self.source[number] = Row(version, part, bad)

    @rule(number=KEYS)
    def a_row_goes(self, number: int) -> None:
        self.source.pop(number, None)

    @rule(part=PARTS)
    def a_part_goes(self, part: str) -> None:
        self.source = {number: row for number, row in self.source.items() if row.part != part}

    @precondition(lambda self: len(self.walks) < 3)
    @rule()
    def a_run_begins(self) -> None:
        self.walks.append(self.plan(self.question.begin()))

    @precondition(lambda self: self.walks)
    @rule(which=st.integers(0, 2), again=st.booleans())
    def a_part_is_committed(self, which: int, again: bool) -> None:
        walk = self.walks[which % len(self.walks)]
        if again and walk.at:
            walk.at -= 1  # a crash before it was known to be on disk
        self.commit(walk)

    @precondition(lambda self: self.walks)
    @rule(which=st.integers(0, 2))
    def the_pod_dies(self, which: int) -> None:
        """The run goes on behind its last batch, as the table says."""
        walk = self.walks[which % len(self.walks)]
        batches = self.question.history.batches(self.question.number(walk.run))
        assert [batch.part for batch in batches] == [part for part, _, _ in walk.plan[: walk.at]]
        walk.at = len(batches)

    @precondition(lambda self: self.walks)
    @rule(which=st.integers(0, 2), ending=st.sampled_from(["released", "released", "released", "failed"]))
    def a_run_ends(self, which: int, ending: str) -> None:
        self.end(self.walks.pop(which % len(self.walks)), ending)

    def end(self, walk: Walk, ending: str) -> None:
        while walk.at < len(walk.plan):
            self.commit(walk)
        if ending == "failed":
            self.question.runs.finish(walk.run, Status.FAILED, reply=None)
        elif walk.after != self.last:
            with pytest.raises(TaskError):
                self.question.release(walk.run, walk.after)
            self.question.runs.begin_again(walk.run)
            self.walks.append(self.plan(walk.run))
        else:
            self.question.release(walk.run, walk.after, token=f"{walk.run}", total=len(walk.seen))
            self.ticks += 1
            self.question.runs.note(walk.run, finished_at=self.ticks)
            self.stands, self.last = walk.seen, self.question.number(walk.run)
            self.tokens = {part: said for part, said, _ in walk.plan if said}

    @rule()
    def a_run_goes_all_through(self) -> None:
        self.end(self.plan(self.question.begin()), "released")

    @rule(ago=st.integers(0, 3))
    def what_is_old_is_forgotten(self, ago: int) -> None:
        before = self.question.history.standing(self.question.no)
        self.question.history.prune(before=self.ticks - ago, secret=lambda: bytes(32))
        assert self.question.history.standing(self.question.no) == before

    @invariant()
    def what_stands_is_what_the_last_released_run_saw(self) -> None:
        assert self.question.known() == self.question.of(self.stands)
        standing = self.question.history.standing(self.question.no)
        assert {part: kept.token for part, kept in standing.parts.items()} == self.tokens
        assert standing.last_run == self.last

    def commit(self, walk: Walk) -> None:
        if walk.at < len(walk.plan):
            part, said, body = walk.plan[walk.at]
            self.question.commit(walk.run, walk.at, body, part=part, token=said)
            walk.at += 1

    def teardown(self) -> None:
        for walk in self.walks:
            self.question.runs.finish(walk.run, Status.FAILED, reply=None)
        for _ in range(2):  # what is gone goes once nothing older is left
            self.question.history.prune(before=LATE, secret=lambda: bytes(32))
        self.what_stands_is_what_the_last_released_run_saw()
        which = {"task": self.question.no}
        with self.database.transaction() as session:
            left = "FROM {} JOIN run ON run.no = run_no WHERE run.task_no = :task"
            assert session.scalar(text("SELECT count(*) " + left.format("datapoint")), which) == len(self.stands)
            bad = sum(row.bad for row in self.stands.values())
            assert session.scalar(text("SELECT count(*) " + left.format("quarantine")), which) == bad
            assert session.scalar(text("SELECT count(*) " + left.format("batch") + " AND NOT run.counted"), which) == 0


def test_walks(database: PodDatabase) -> None:
    class Here(Walks):
        pass

    Here.database = database
    short = database.engine.dialect.name == "postgresql"
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Here,
        settings=settings(
            max_examples=4 if short else 15,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
