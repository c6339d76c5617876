"""What goes on in a pod's process beside its flows: loops that start them, keep the hub informed and send what is still unsent.

Podium's tables are the truth. A computation that Prefect could not start, or lost, is started again from them; a run that ended
while Prefect was away is shown to Prefect when it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

from podium.config import home
from podium.contracts import Status
from podium.errors import HubError, HubUnavailable
from podium.runner import server
from podium.runner.cancelling import Cancelling
from podium.runner.computing import Computing
from podium.runner.flows import Flows
from podium.runner.health import Health
from podium.runner.slots import Seat
from podium.runner.standing import Standing
from podium.state import REFRESH

log = logging.getLogger("podium.pod")
LEASE_EVERY, OUTBOX_EVERY, PREFECT_EVERY, CANCEL_EVERY, APPROVALS_EVERY, STANDING_EVERY = 20.0, 1.0, 2.0, 1.0, 1.0, 1.0
LEASE = 90
LONGEST_PAUSE, MOST_FAILURES = 30.0, 12


class Supervisor:
    """Runs one pod until it is told to close. `desk` is `tasks.desk.Desk`, `flows` the project's flows."""

    def __init__(self, desk: Any, flows: Flows) -> None:
        self.desk, self.flows = desk, flows
        self.prefect = Health()
        self.cancelling = Cancelling(desk, flows)
        self.computing = Computing(desk, flows)
        self.standing = Standing(desk, flows, self.prefect)
        self.background: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Everything at once, until the desk closes."""
        loops = [
            self._forever(self._poll),
            self._forever(self._heartbeat, every=self.desk.config.limits.heartbeat_seconds),
            self._forever(self._keep_leases, every=LEASE_EVERY),
            self._forever(self._send_unsent, every=OUTBOX_EVERY),
            self._forever(self._approvals, every=APPROVALS_EVERY),
            self._forever(self.standing.look, every=STANDING_EVERY),
            self._forever(self._watch_prefect, every=PREFECT_EVERY),
            self._forever(self._cancel, every=CANCEL_EVERY),
            self._forever(self._deployments, every=5.0),
            self._forever(self._refresh_when_asked, every=0.5),
            self._take_runs(),
        ]
        running = [asyncio.create_task(loop) for loop in loops]
        self._spawn(self.schemas(force=self.desk.config.prefect.update_schema))
        try:
            await self.desk.closing.wait()
            await asyncio.wait(running[:1], timeout=2)  # the polling flow closes by itself, as Completed
        finally:
            for task in (*running, *self.background):
                task.cancel()
            await asyncio.wait({*running, *self.background}, timeout=3)

    async def schemas(self, *, force: bool = False) -> None:
        """Bring every schema up to date, in the background; `force`: also where nothing has changed."""
        await self._prefect_answers()
        with contextlib.suppress(Exception):  # the flow has told the log and the state file
            await self.flows.schema_generation(self.desk.tag, force=force)

    async def _refresh_when_asked(self) -> None:
        """`Pod.schema_manager()` asks with a file, and looks in the pod's state for a refresh that began after that."""
        asked, began = self.desk.folder / REFRESH, time.monotonic_ns()
        if asked.exists():
            asked.unlink()
            await self.schemas()
            self.desk.state.set(refreshed=began)

    async def _poll(self) -> None:
        await self._prefect_answers()
        await self.flows.task_polling(self.desk.tag)

    async def _deployments(self) -> None:
        await self._prefect_answers()
        await self.flows.serve(self.desk.config)

    async def _cancel(self) -> None:
        if self.cancelling.due():
            await self._prefect_answers()
            await self.cancelling.look()

    async def _take_runs(self) -> None:
        limit = asyncio.Semaphore(self.desk.config.limits.runs_at_once)
        while True:
            run = await self.desk.queue.get()
            self._spawn(self._carry_out(run, Seat(limit, home() / "prefect" / "slots")))

    async def _carry_out(self, run: str, seat: Seat) -> None:
        """Start the computation until the tables say that the run has an end. It gives it one itself after three tries."""
        desk, pause, failures = self.desk, 0.5, 0
        desk.seats[run] = seat
        try:
            while not (status := desk.runs.get(run).status).final and status is not Status.PENDING_APPROVAL:
                if failures == MOST_FAILURES:  # something is wrong with the pod itself; a slot must not be held for ever
                    desk.runs.finish(run, Status.FAILED, reply=None, code="gave_up")
                    return
                desk.state.set(running=len(desk.active))
                try:
                    with desk.stops.heeded(run):
                        await self._prefect_answers()
                        await seat.take()
                    if desk.runs.get(run).status.final:  # cancelled while it waited for its place
                        return
                    await self.computing.run(run)
                except Exception as error:
                    expected = hasattr(error, "code") or desk.runs.get(run).status.final
                    log.warning("run %s: its flow run ended with %s", run[:8], type(error).__name__, exc_info=None if expected else error)
                    self._spawn(self._show_end(run))
                    await seat.give()
                    failures += 1
                    with desk.stops.heeded(run):
                        await asyncio.sleep(pause)
                    pause = min(LONGEST_PAUSE, pause * 2)
        finally:
            await seat.give()
            desk.seats.pop(run, None)
            desk.active.discard(run)
            desk.state.set(running=len(desk.active))

    async def _show_end(self, run: str) -> None:
        """When Prefect is back, give the flow run that it lost the end that the tables know."""
        await self._prefect_answers()
        record = self.desk.runs.get(run)
        if record.flow_run and record.status.final:
            with contextlib.suppress(Exception):  # the view only
                await self.flows.settle(record.flow_run, record.status)

    async def _heartbeat(self) -> None:
        if time.monotonic() < self.desk.heard_until:
            return
        try:
            await self.desk.hub.heartbeat(self.desk.config.identifier)
            self.desk.state.set(hub="reached")
        except HubUnavailable as error:
            self.desk.state.set(hub=str(error))
        except HubError as error:
            log.error("the hub refuses the heartbeat, so the pod registers again: %s", error)
            await self.flows.pod_startup(self.desk.tag)
            self._spawn(self.schemas())  # a hub that has forgotten the pod has forgotten its cards

    async def _keep_leases(self) -> None:
        for record in self.desk.runs.unfinished():
            if record.acknowledged_at is None:
                with contextlib.suppress(HubError):  # a lost lease comes back as a new attempt of the same run
                    await self.desk.mail.extend(record.mid, attempt=record.lease_attempt, seconds=LEASE)
            if record.status in (Status.QUEUED, Status.RUNNING):
                self.desk.enqueue(record.id)  # in hand already, unless whoever had it failed

    async def _send_unsent(self) -> None:
        """A run that ended while no flow run was at it, or whose flow run died with the pod, is told to the analyst, then to Prefect."""
        for record in self.desk.runs.unsent():
            if record.id not in self.desk.active:
                with contextlib.suppress(HubUnavailable):
                    await self.flows.deliver(self.desk, record)
                    self._spawn(self._show_end(record.id))

    async def _approvals(self) -> None:
        """Go on with what has its answer; then Prefect's to-do list, which may wait until Prefect is there."""
        if await self.flows.attend(self.desk) and await self.prefect.answers():
            await self.flows.list_open(self.desk)

    async def _watch_prefect(self) -> None:
        """Say how Prefect stands; a server of Podium's own that has died is started again on its old address."""
        if await self.prefect.answers():
            self.desk.state.set(prefect="reached")
            return
        self.desk.state.set(prefect="Prefect's server does not answer: nothing new starts until it is back.")
        await asyncio.to_thread(server.ensure, holder=os.getpid())

    async def _prefect_answers(self) -> None:
        while not await self.prefect.answers():
            await asyncio.sleep(0.2)

    async def _forever(self, work: Callable[[], Awaitable[None]], *, every: float = 1.0) -> None:
        while not self.desk.closing.is_set():
            try:
                await work()
            except Exception as error:
                log.exception("%s", type(error).__name__)
            await self.desk.unless_closing(asyncio.sleep(every))

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self.background.add(task)
        task.add_done_callback(self.background.discard)
