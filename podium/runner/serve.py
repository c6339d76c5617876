"""The pod's life inside its event loop: start up, then serve until told to close. Imports Prefect, so its environment is set before."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable
from functools import partial

from prefect.client.orchestration import get_client
from prefect.context import AsyncClientContext, SyncClientContext, tags

from podium.errors import PodiumError
from podium.local_log import show_timeline
from podium.runner.access import AccessPipe
from podium.runner.automation import ensure_zombie_automation
from podium.runner.flows import Flows
from podium.runner.logs import unguarded
from podium.runner.pool import ensure_pool
from podium.runner.supervise import Supervisor

log = logging.getLogger("podium.pod")


async def serve(
    pod: str,
    on_closing: Callable[[Callable[[], object]], None],
    on_serving: Callable[[], object],
    *,
    access: AccessPipe | None = None,
) -> None:
    """Run the pod `name@owner`. `on_closing` is given the function that, from any thread, asks it to close."""
    if unguarded():
        raise PodiumError("Prefect's log handlers are not guarded: exception text would be shipped.", code="unguarded_log")
    flows = Flows()
    show_timeline()
    # Both client contexts stay open for life: a client a run costs 60 ms of CPU, most of it the CA bundle.
    with SyncClientContext.get_or_create(), tags(pod):
        async with AsyncClientContext.get_or_create():
            desk = flows.open_desk(pod)
            desk.access = access
            loop = asyncio.get_running_loop()
            on_closing(partial(loop.call_soon_threadsafe, desk.closing.set))
            started = asyncio.ensure_future(_start(flows, pod))
            await desk.unless_closing(asyncio.shield(started))
            if not started.done():
                started.cancel()
                return
            started.result()
            gc.enable()
            gc.freeze()
            desk.state.set(phase="serving")
            log.info("pod %s is serving %s", pod, ", ".join(name for name in desk.names if not desk.broken(name)) or "nothing")
            on_serving()
            await Supervisor(desk, flows).serve()
            await desk.close()


async def _start(flows: Flows, pod: str) -> None:
    async with get_client() as client:
        await ensure_zombie_automation(client)
    await ensure_pool()
    await flows.pod_startup(pod)
