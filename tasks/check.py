"""Check: are the datasources there? A broken one is reported and left out; the others are served."""

from __future__ import annotations

import asyncio

from podium.errors import PodiumError
from podium.timeline import timeline
from tasks.desk import Desk
from tasks.step import log, step


@step("check")
async def check(desk: Desk) -> dict[str, str]:
    """How each datasource stands: `checked`, or what is wrong with it."""
    found = {name: await asyncio.to_thread(_look, desk, name) for name in desk.names}
    for name, state in found.items():
        if state != "checked" or not desk.profiled(name):  # a schema that is there says more
            desk.state.datasource(name, state)
    timeline("datasources checked", served=sum(s == "checked" for s in found.values()), broken=sum(s != "checked" for s in found.values()))
    return found


def _look(desk: Desk, name: str) -> str:
    try:
        desk.source(name).token()
    except PodiumError as error:
        log.error("datasource %s is not served: %s", name, error)
        return f"broken: {error}"
    except Exception:  # noqa: BLE001 - whatever one source does, the others are served
        log.exception("datasource %s is not served", name)
        return "broken: see the pod's log"
    return "checked"
