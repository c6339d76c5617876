"""Asking a running pod to bring its schemas up to date, from whatever process, and waiting for it."""

from __future__ import annotations

import asyncio
import time

from podium.config import PodConfig
from podium.errors import DataSourceError, PodRegistrationError
from podium.files import write_private
from podium.state import REFRESH, PodState, read_state


async def refresh_schemas(config: PodConfig) -> None:
    """Returns once a refresh of all schemas is done that began after this call. Raises PodRegistrationError, DataSourceError."""
    asked = time.monotonic_ns()
    _running(config)
    await asyncio.to_thread(write_private, config.folder / REFRESH, "")
    while (state := _running(config)).refreshed < asked:
        await asyncio.sleep(0.1)
    broken = {name: how.removeprefix("broken: ") for name, how in state.datasources.items() if how.startswith("broken")}
    if broken:
        told = "; ".join(f"{name}: {how}" for name, how in broken.items())
        raise DataSourceError(f"not every schema could be taken. {told}", field="datasources", remedy=f"See {config.folder / 'pod.log'}.")


def _running(config: PodConfig) -> PodState:
    state = read_state(config.folder)
    if state is None or state.phase not in ("starting", "serving"):
        remedy = "Start it: Pod.start() in another thread or process, or podium pod start FILE."
        raise PodRegistrationError(f"{config.identifier} is not running, so nobody can take its schemas.", field="pod", remedy=remedy)
    return state
