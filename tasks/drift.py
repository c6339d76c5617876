"""Drift: what has changed since the last full schema, kept, said aloud, and held against tasks where the custodian wants that.

Compared is what the pod's tables hold, so that a crash between a schema and its comparison loses nothing: the next refresh makes up for it.
"""

from __future__ import annotations

import asyncio

from prefect.events import emit_event

from podium.drift.diff import Drift
from podium.drift.telling import in_brief
from podium.errors import TaskError
from podium.timeline import timeline
from schemas.changes import Standing
from tasks.desk import Desk
from tasks.step import log, step

EVENT = "podium.schema.drift"


@step("compare", retries=3)
async def compare(desk: Desk, name: str) -> Standing | None:
    """How the newest full schema stands to the last one, or the last that was accepted; None: no other, or nobody wants to know."""
    source = desk.source(name)
    ignored, was_open = source.on_drift == "ignore", desk.changes.is_open(name)
    found = await asyncio.to_thread(desk.changes.note, name, decided=decided(desk, name), settled_by="policy" if ignored else "")
    standing = None if ignored else await asyncio.to_thread(desk.changes.standing, name, decided=decided(desk, name))
    desk.state.drifted(name, standing.drift.level if standing is not None and standing.open else "")
    if standing is not None and standing.open and found is not None and found.of_consequence:
        _say(desk, name, found, standing)
    elif standing is not None and was_open and not standing.open:
        log.info("datasource %s is again as it was accepted", name)
        timeline("drift is over", datasource=name)
    return standing


def decided(desk: Desk, name: str) -> set[str]:
    """The columns of which the pod file says that they are left out, or what they are to be taken for."""
    source = desk.source(name)
    return {*source.ignore_columns, *source.force_types}


def check_accepted(desk: Desk, name: str) -> None:
    """Raise TaskError (`drift`) where tasks wait until the custodian has accepted what changed."""
    if desk.source(name).on_drift == "stop" and desk.changes.is_open(name):
        raise TaskError(f"{name} has changed, and nobody has accepted it yet.", status="rejected", code="drift")


def _say(desk: Desk, name: str, found: Drift, standing: Standing) -> None:
    """To the log and the timeline, and as an event that an automation may act on."""
    consequence = "tasks on it are refused" if desk.source(name).on_drift == "stop" else "tasks go on"
    remedy = f"See: podium pod drift {desk.config.identifier}"
    log.warning("datasource %s has changed (%s): %s; %s. %s", name, found.level, in_brief(found), consequence, remedy)
    timeline("drift found", datasource=name, level=found.level, changes=len(found.changes))
    try:
        emit_event(EVENT, resource=_resource(desk, name, found), payload=_payload(found, standing))
    except Exception as error:  # noqa: BLE001 - the view may be down; the tables are the truth
        log.warning("an event could not be sent to Prefect: %s", type(error).__name__)


def _resource(desk: Desk, name: str, found: Drift) -> dict[str, str]:
    return {
        "prefect.resource.id": f"podium.datasource.{desk.tag}.{name}",
        "prefect.resource.name": name,
        "podium.pod": desk.tag,
        "podium.datasource": name,
        "podium.level": found.level,
        "podium.on_drift": desk.source(name).on_drift,
    }


def _payload(found: Drift, standing: Standing) -> dict[str, object]:
    """Names, rules and levels: no figure, no value."""
    return {
        "level": found.level,
        "before": standing.before,
        "after": standing.after,
        "changes": [{"rule": change.rule, "level": change.level, "column": change.column} for change in found.changes],
    }
