"""The story of a day's housekeeping: what is overdue ends, what is old goes, and the pod's keys stay young."""

from __future__ import annotations

from prefect import flow

from flows.parameters import PodName
from podium.timeline import timeline
from tasks.desk import desk_of
from tasks.expire import expire
from tasks.post_again import post_again
from tasks.prune import prune
from tasks.register import register
from tasks.tidy import tidy


@flow(name="upkeep", flow_run_name="upkeep-{pod}", retries=3, retry_delay_seconds=60, persist_result=False, log_prints=False)
async def upkeep(pod: PodName) -> None:
    """Keep the pod in order. Everything here may be done again, and a day that is missed is made up for by the next.

    Args:
        pod: The pod, as name@owner.
    """
    desk = await desk_of(pod)
    expired = await expire(desk)
    pruned = await prune(desk)
    await register(desk)  # a key that is due is changed, and the statement of the current one published
    again = await post_again(desk)
    tidied = await tidy(desk)
    timeline("upkeep done", pod=desk.tag, runs_expired=expired, results_removed=pruned, posted_again=again, flow_runs_removed=tidied)
