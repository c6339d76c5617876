"""Tidy: keep Prefect's database small. It is the view; what a run did stays in the pod's own tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterEndTime, FlowRunFilterTags
from prefect.exceptions import ObjectNotFound

from tasks.desk import Desk
from tasks.step import step

AT_ONCE = 200


@step("tidy", retries=3)
async def tidy(desk: Desk) -> int:
    """Delete this pod's flow runs that ended more than `prefect.keep_days` ago; how many."""
    before = datetime.now(UTC) - timedelta(days=desk.config.prefect.keep_days)
    old = FlowRunFilter(tags=FlowRunFilterTags(all_=[desk.tag]), end_time=FlowRunFilterEndTime(before_=before))
    removed = 0
    async with get_client() as client:
        while found := await client.read_flow_runs(flow_run_filter=old, limit=AT_ONCE):
            for run in found:
                try:
                    await client.delete_flow_run(run.id)
                    removed += 1
                except ObjectNotFound:  # the server's own vacuum was faster
                    continue
    return removed
