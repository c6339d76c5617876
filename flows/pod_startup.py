"""The story of a pod's start: is the data there, is the hub there, who are we, what was left undone."""

from __future__ import annotations

from prefect import flow

from flows.parameters import PodName
from podium.timeline import timeline
from tasks.check import check
from tasks.connect import connect
from tasks.desk import desk_of
from tasks.recover import recover
from tasks.register import register
from tasks.show import show_start
from tasks.sign_in import sign_in


@flow(name="pod-startup", flow_run_name="start-{pod}", persist_result=False, log_prints=False)
async def pod_startup(pod: PodName) -> None:
    """Bring the pod to where it can take tasks. Steps that reach out are tried again five times, with growing pauses.

    It may be started again while the pod runs: everything in it can be done twice.

    Args:
        pod: The pod, as name@owner.
    """
    desk = await desk_of(pod)
    found = await check(desk)  # a broken datasource is reported; the others are served
    await connect(desk)
    await sign_in(desk)
    await register(desk)
    unfinished = await recover(desk)  # runs that a crash left open go back into the queue
    await show_start(desk, found)
    timeline("pod is up", pod=desk.tag, recovered=unfinished)
