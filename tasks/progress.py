"""Progress: how far a run is that takes its time, in the pod's state, its log, and as a percentage in Prefect.

    async with pace_of(case) as pace:
        report = await case.worker.part(place, on_progress=lambda scanned: pace.told(before + scanned.rows, of=total))

A run that ends within two seconds is shown nowhere, and costs no request more. Prefect is told percentages and rounded counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact

from podium.drift.telling import rows_told
from podium.state import RunPace
from tasks.case import Case
from tasks.show import artifact_key
from tasks.step import log

QUIET_SECONDS, TELLING_SECONDS, LOGGING_SECONDS = 2.0, 1.0, 10.0
WINDOW_SECONDS, SAMPLE_SECONDS = 10.0, 0.25


class Pace:
    """Datapoints done, and how fast lately. `told` may be called as often as a worker says something."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._samples: deque[tuple[float, int]] = deque([(clock(), 0)])
        self._done = 0
        self._of: int | None = None

    def told(self, done: int, of: int | None = None) -> None:
        """So many datapoints are done of so many, where that is known."""
        now = self._clock()
        if done < self._done:  # taken up again
            self._samples = deque([(now, done)])
        self._done, self._of = done, of
        if now - self._samples[-1][0] >= SAMPLE_SECONDS:
            self._samples.append((now, done))
        while len(self._samples) > 2 and self._samples[1][0] <= now - WINDOW_SECONDS:
            self._samples.popleft()

    def now(self) -> RunPace:
        """How it stands at this moment. A worker that says nothing any more grows slower."""
        since, before = self._samples[0]
        seconds = self._clock() - since
        rate = (self._done - before) / seconds if seconds > 0 else 0.0
        left = math.ceil(max(0, self._of - self._done) / rate) if self._of is not None and rate > 0 else None
        return RunPace(done=self._done, of=self._of, rate=round(rate, 1), left=left)


@asynccontextmanager
async def pace_of(case: Case, *, quiet: float = QUIET_SECONDS, every: float = TELLING_SECONDS) -> AsyncIterator[Pace]:
    """A pace that is shown, from `quiet` seconds on, once in `every`, until the block ends."""
    pace = Pace()
    shown = _Shown(case, pace)
    showing = asyncio.create_task(shown.go_on(quiet=quiet, every=every))
    try:
        yield pace
    finally:
        showing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await showing
        case.desk.state.pace(case.run, None)
    await shown.done()


class _Shown:
    """Where a pace is shown."""

    def __init__(self, case: Case, pace: Pace) -> None:
        self._case, self._pace = case, pace
        self._artifact: UUID | None = None
        self._prefect = True
        self._log_at = 0.0

    async def go_on(self, *, quiet: float, every: float) -> None:
        """Until it is cancelled."""
        await asyncio.sleep(quiet)
        while True:
            now = self._pace.now()
            if now.done:
                self._case.desk.state.pace(self._case.run, now)
                self._log(now)
                await self._tell_prefect(now)
            await asyncio.sleep(every)

    async def done(self) -> None:
        """The last word to Prefect, where there was a first."""
        if self._artifact is not None:
            now = self._pace.now()
            await self._tell_prefect(now.model_copy(update={"of": now.done}))

    def _log(self, now: RunPace) -> None:
        if time.monotonic() >= self._log_at:
            self._log_at = time.monotonic() + LOGGING_SECONDS
            log.info("run %s: %s", self._case.id8, now)

    async def _tell_prefect(self, now: RunPace) -> None:
        if now.percent is None or not self._prefect:
            return
        rules, desk = self._case.desk.config.disclosure, self._case.desk
        said = f"{rows_told(now.done, rules)} of {rows_told(now.of, rules)} datapoints on {desk.tag}"
        try:
            if self._artifact is None:
                key = artifact_key("progress", self._case.id8)
                self._artifact = await acreate_progress_artifact(now.percent, key=key, description=said)
            else:
                await aupdate_progress_artifact(self._artifact, now.percent, description=said)
        except Exception as error:  # noqa: BLE001 - the view may be down; the run goes on
            self._prefect = False
            log.warning("progress could not be kept in Prefect: %s", type(error).__name__)
