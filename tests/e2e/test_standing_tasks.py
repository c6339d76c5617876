"""A standing task, from its first answer to its end: asked again when it is due, by what has come, over the death of the pod."""

from __future__ import annotations

import time
from typing import Any

from prefect_view import ask_prefect
from town import Town, patients, until

import podium
from podium.client.session import open_answer
from podium.contracts import Status


def test_a_task_that_stands_is_answered_again_when_there_is_enough(fragile: tuple[Town, Any]):
    town, session = fragile
    town.grant("c", session)
    repeat = podium.Repeat(cron="0 6 * * 1", until=int(time.time()) + 7 * 86_400)
    asked = session.ask(podium.algorithms.Count(), pods=["demo/c"], datasource="patients", repeat=repeat, timeout=120)
    try:
        assert (asked.status, asked.result, asked.standing) == (Status.RELEASED, 200, ("demo/c",))
        ((task,),) = town.rows("c", "SELECT run FROM standing WHERE ended_at IS NULL")
        (schedule,) = until(lambda: schedules(task), why=lambda: town.log("c.log"))
        assert (schedule["schedule"]["cron"], schedule["schedule"]["timezone"], schedule["active"]) == ("0 6 * * 1", "UTC", True)
        assert "again by itself" in town.verb("pod", "status", "c").stdout

        assert due(town, task) == "NothingNew"
        assert runs(town, task) == []

        town.csv("c", patients(203))
        assert due(town, task) == "Asked"
        until(lambda: runs(town, task) == [(2, "suppressed", "too_few_new")], seconds=120, why=lambda: str(runs(town, task)))
        (told,) = until(lambda: asked.refresh().repeats)
        assert (told.no, told.status, told.result, told.runs["demo/c"].code) == (2, Status.SUPPRESSED, None, "too_few_new")

        town.kill_pod("c", town.pods["c"])
        town.csv("c", patients(212))
        town.start_again("c")
        town.ready("c")
        until(lambda: schedules(task), why=lambda: town.log("c.log"))
        assert due(town, task) == "Asked"
        until(lambda: runs(town, task)[-1] == (3, "released", ""), seconds=120, why=lambda: str(runs(town, task)))
        later = open_answer(asked.id, home=town.folder / session.user)  # as another process of hers would
        until(lambda: len(later.refresh().repeats) == 2)
        assert (later.repeats[1].no, later.repeats[1].status, later.repeats[1].result) == (3, Status.RELEASED, 10)
        assert later.status is Status.RELEASED
        assert town.rows("c", f"SELECT count(*) FROM decision WHERE run IN (SELECT id FROM run WHERE standing = '{task}')") == [(2,)]

        assert later.cancel().wait(60).standing == ()
        assert runs(town, task)[-1] == (4, "cancelled", "cancelled")
        until(lambda: not schedules(task), why=lambda: "the schedule is still there")
        assert town.rows("c", f"SELECT ended_by FROM standing WHERE run = '{task}'") == [("analyst",)]
        assert [one.no for one in asked.repeats] == [2, 3]
    finally:
        town.csv("c", patients(200))


def schedules(task: str) -> list[dict[str, Any]]:
    """Prefect's schedules of that standing task."""
    return [one for one in deployment()["schedules"] if one["parameters"].get("task") == task]


def deployment() -> dict[str, Any]:
    asked = {"deployments": {"name": {"any_": ["c@demo"]}}, "flows": {"name": {"any_": ["standing-task"]}}}
    (found,) = ask_prefect("/deployments/filter", asked)
    return dict(found)


def due(town: Town, task: str) -> str:
    """What the schedule does when its time has come, as `prefect deployment run` does; the name of the last state."""
    body = {"parameters": {"pod": "c@demo", "task": task}, "state": {"type": "SCHEDULED"}}
    flow_run = ask_prefect(f"/deployments/{deployment()['id']}/create_flow_run", body)["id"]

    def ended() -> str:
        (found,) = ask_prefect("/flow_runs/filter", {"flow_runs": {"id": {"any_": [flow_run]}}})
        return str(found["state"]["name"]) if found["state"]["type"] in ("COMPLETED", "FAILED", "CRASHED") else ""

    return until(ended, seconds=180, why=lambda: town.log("c.log"))


def runs(town: Town, task: str) -> list[tuple[Any, ...]]:
    """The repeats so far: number, status and code."""
    return town.rows("c", f"SELECT repeat_no, status, code FROM run WHERE standing = '{task}' ORDER BY repeat_no")
