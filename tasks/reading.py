"""A reading: one run's way through its source, part by part. What it has committed is what a crash leaves of it.

Each part is read, held against the contract and, where the algorithm's states add, computed, by the worker; then it commits with all that
belongs to it, the results of its datapoints included. What is committed counts for nobody else until the run ends with a release.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from podium.contracts import Outcome, PartReport
from podium.history.results import Sealer, results_of
from podium.history.secret import datasource_secret
from podium.workers.progress import Scanned
from schemas.datapoints import BatchRecord
from schemas.history import Standing
from tasks.case import Case
from tasks.plan import Plan, all_kept, goes_on, planned
from tasks.progress import Pace, pace_of
from tasks.tally import Tally

WIDTH = 16
LAST = ""  # the name of the batch that closes a reading: it says which datapoints are gone
_NOTHING = PartReport(rows=0, new=0, changed=0, unchanged=0, quarantined=0, used=0)


class Reading:
    """The first reading of a run; `again` is that of a further round, which reads the same rows and commits nothing."""

    plan: Plan

    def __init__(self, case: Case, *, again: bool = False) -> None:
        self._case, self._again = case, again
        self.contract: Path = case.desk.contract(case.task.datasource)
        self._judged_by = hashlib.sha256(self.contract.read_bytes()).digest()[:16]
        self._new_only = case.task.new_data_only
        self._keeps = case.keeps and not again
        self.standing = Standing()
        self.tally = Tally()
        self._committed: list[BatchRecord] = []
        self._number = 0

    @property
    def rows_read(self) -> bytes:
        """Stands for the very rows that were used, in this version."""
        return hashlib.sha256(b"".join(self.tally.digests)).digest()

    async def survey(self) -> bool:
        """Look at the source, and plan what to read of it. False where new data are asked for and nothing at all has changed."""
        case = self._case
        if case.keeps:
            self.standing = await asyncio.to_thread(self._known_so_far)
        kept = case.by_parts and all_kept(self.standing, contract=self._judged_by)
        unless = self.standing.token if (self._new_only or kept) and not self._again else ""
        survey = await case.worker.survey(unless, contract=self.contract, by_parts=case.by_parts)
        if survey.same and self._new_only:
            case.note(unread=None, gone=None)  # what it may have read in an earlier life does not count
            return False
        self._committed = await asyncio.to_thread(self._left_behind) if self._keeps else []
        if not goes_on(self._committed, survey):
            await asyncio.to_thread(case.desk.runs.begin_again, case.run)
            self._committed = []
        done = [batch.part for batch in self._committed if batch.token]
        self.plan = planned(survey, self.standing, new_only=self._new_only, contract=self._judged_by, done=done)
        for batch in self._committed:
            self.tally.add(batch)
        self._number = len(self._committed)
        self._complete = any(batch.part == LAST for batch in self._committed)
        self._idle = not (self.plan.read or self.plan.vanished or self._committed)
        if self._keeps:
            case.note(token=survey.token, after_run=self.standing.last_run, unread=self.plan.unread)
        return True

    async def begin(self) -> None:
        """Tell the worker which parts it will be asked for, and what is known of their datapoints. Where there are none, nothing."""
        if self._idle:
            return
        case, wanted = self._case, self._case.keeps or self._case.in_rounds
        await case.worker.begin(
            [part.id for part in self.plan.read],
            secret=datasource_secret(case.desk.secret, case.task.datasource) if wanted else b"",
            known=self._known() if case.keeps else (),
            lost=await asyncio.to_thread(self._lost),
            new_only=self._new_only,
            contract=self.contract,
            algorithm=case.algorithm.dump() if case.by_parts else None,
            results=self._keeps and case.gives_results,
        )

    async def read(self) -> None:
        """Part after part, each committed before the next; then what is not there any more."""
        async with pace_of(self._case) as pace:
            for place, part in enumerate(self.plan.read):
                report = await self._case.worker.part(place, on_progress=partial(self._tell, pace))
                self.tally.add(report)
                await self._commit(part.id, part.token, report)
        if self._keeps and not (self._complete or self._idle):
            await self._note_gone()

    def _tell(self, pace: Pace, scanned: Scanned) -> None:
        pace.told(self.tally.rows + scanned.rows, of=self._expected)

    @cached_property
    def _expected(self) -> int | None:
        """About how many datapoints are in the parts to be read: by the last run of this question; of a first one by the full schema."""
        schema = None if self.standing.total else self._case.desk.schema(self._case.task.datasource)
        total = self.standing.total or (schema.rows if schema else None) or 0
        return max(0, total - self.plan.unread) or None

    def states(self) -> list[dict[str, Any]]:
        """Of every part that the answer is about: those of this run, and those kept of parts that did not change."""
        return [*(() if self._new_only else self.plan.states), *self.tally.states]

    async def _note_gone(self) -> None:
        gone = await self._case.worker.unseen()
        for part in self.plan.vanished:
            await self._commit(part, "", _NOTHING)
        count = len(gone) // WIDTH
        self._case.note(gone=count)
        of_them = {"keys": gone, "fingerprints": bytes(len(gone)), "outcomes": bytes([Outcome.GONE]) * count}
        await self._commit(LAST, "", _NOTHING.model_copy(update=of_them))

    async def _commit(self, part: str, token: str, report: PartReport) -> None:
        if not self._keeps:
            return
        await asyncio.to_thread(self._write, part, token, report)
        self._number += 1

    def _write(self, part: str, token: str, report: PartReport) -> None:
        whole = self._case.by_parts and not self._new_only
        commit = partial(self._case.desk.history.commit, self._case.no, self._number, part=part, token=token, report=report)
        commit(whole=whole, contract=self._judged_by, given=self._sealed(report))

    def _sealed(self, report: PartReport) -> bytes:
        """What the algorithm has given the part's datapoints, as it is kept."""
        case = self._case
        if not (given := results_of(report)):
            return b""
        sealer = Sealer(case.desk.secret, datasource=case.task.datasource, question=case.task_key)
        return sealer.seal(given, run=case.run, batch=self._number)

    def _known_so_far(self) -> Standing:
        case = self._case
        task_no = case.desk.history.task(case.task_key, datasource=case.task.datasource, algorithm=case.algorithm.kind)
        if case.record.task_no is None:
            case.note(task_no=task_no)
        return case.desk.history.standing(task_no)

    def _left_behind(self) -> list[BatchRecord]:
        """What this run committed before it was broken off. It begins again where no state stands for the rows, or the history went on."""
        case = self._case
        found = case.desk.history.batches(case.no)
        if found and (not case.by_parts or case.record.after_run != self.standing.last_run):
            case.desk.runs.begin_again(case.run)
            return []
        return found

    def _lost(self) -> bytes:
        """What was missing in the parts that are done, and has not turned up in another of them."""
        missing = {batch.unseen[at : at + WIDTH] for batch in self._committed for at in range(0, len(batch.unseen), WIDTH)}
        return b"".join(missing - self._case.desk.history.written(self._case.no)) if missing else b""

    def _known(self) -> Iterator[bytes]:
        case = self._case
        assert case.record.task_no is not None
        return case.desk.history.known(case.record.task_no, run_no=0 if self._again else case.no, places=self.plan.places)
