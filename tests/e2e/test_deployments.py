"""What a custodian may start by hand, with the card's own `prefect deployment run 'schema-generation/clinic-a@demo' --watch` and otherwise.

A served run is a process that loads Prefect first: tests start theirs side by side where they can.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from by_hand import Hand
from prefect_view import ask_prefect, flow_run_state, flow_runs
from town import Town, patients, until

import podium
from podium import project
from podium.contracts import Status

PREFECT = Path(sys.executable).parent / "prefect"
FLOWS = {"pod-startup", "schema-generation", "computation", "approval", "standing-task", "upkeep"}
COUNT = {"pods": ["demo/a"], "datasource": "patients", "timeout": 60}
DAY = 86_400


@pytest.fixture(scope="module")
def town(long_town: Town) -> Town:
    """A pod that has answered one question."""
    long_town.start_hub()
    long_town.start_pod("a", long_town.csv("a", patients(100)) | {"on_drift": "stop"})
    session = long_town.session()
    long_town.grant("a", session)
    assert session.ask(podium.algorithms.Count(), **COUNT).status is Status.RELEASED
    return long_town


def prefect(town: Town, *args: str, code: int = 0, cwd: Path | None = None) -> str:
    """What the command prints, in a shell of the custodian's."""
    shell = {**town.env, "PREFECT_CLI_COLORS": "false", "PWD": str(cwd or town.folder)}
    command = [str(PREFECT), *args]
    done = subprocess.run(command, env=shell, cwd=cwd or town.folder, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == code, done.stdout + done.stderr + town.log("a.log")
    return " ".join((done.stdout + done.stderr).split())


def start(flow: str, deployment: str = "a@demo", **parameters: Any) -> str:
    """Start a deployment as Prefect's UI does; its flow run."""
    path = f"/deployments/{deployments(deployment)[flow]['id']}/create_flow_run"
    return str(ask_prefect(path, {"parameters": parameters, "state": {"type": "SCHEDULED"}})["id"])


def ended(flow_run: str) -> tuple[str, str]:
    """The last state's name and message."""

    def state() -> dict[str, Any] | None:
        (found,) = ask_prefect("/flow_runs/filter", {"flow_runs": {"id": {"any_": [flow_run]}}})
        return found["state"] if found["state"]["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") else None

    last = until(state, seconds=120, why=lambda: f"still {flow_run_state(flow_run)}")
    return last["name"], last["message"]


def deployments(pod: str) -> dict[str, dict[str, Any]]:
    """Flow name → deployment."""
    found = ask_prefect("/deployments/filter", {"deployments": {"name": {"any_": [pod]}}})
    flows = ask_prefect("/flows/filter", {"flows": {"id": {"any_": [each["flow_id"] for each in found]}}})
    names = {flow["id"]: flow["name"] for flow in flows}
    return {names[each["flow_id"]]: each for each in found}


def test_a_schema_is_refreshed_by_its_deployment_and_a_source_that_was_mended_is_served(town: Town):
    before = town.rows("a", "SELECT count(*) FROM datasource_schema")[0][0]
    source = town.folder / "a.csv"
    source.rename(town.folder / "hidden.csv")
    assert ended(start("schema-generation")) == ("Failed", "Flow run encountered an exception: StepFailed: schema_not_taken")
    assert town.state("a")["datasources"]["patients"].startswith("broken: ")
    frame = patients(120)
    frame["weight"] = 70
    frame.to_csv(source, index=False)
    prefect(town, "deployment", "run", "schema-generation/a@demo", "--param", 'datasources=["patients"]', "--watch")
    assert town.rows("a", "SELECT count(*) FROM datasource_schema")[0][0] == before + 1
    assert "weight" in town.session().schema("demo/a", "patients")["column"].tolist()
    assert town.state("a")["datasources"] == {"patients": "full"}


def test_changed_data_are_shown_and_stop_tasks_until_the_custodian_accepts_them(town: Town):
    frame = patients(120)
    frame["sex"] = ["canaryother" if i < 60 else sex for i, sex in enumerate(frame["sex"])]
    frame.to_csv(town.folder / "a.csv", index=False)  # the weight is gone again, and half of the people have another sex
    session = town.session()
    assert session.ask(podium.algorithms.Count(), **COUNT).status is Status.RELEASED  # nobody knows yet
    assert ended(start("schema-generation"))[0] == "Completed"
    assert town.state("a")["drift"] == {"patients": "break"}
    told = "WARNING datasource patients has changed (break): column_dropped weight, distribution sex"
    until(lambda: told in town.log("a.log"))
    assert told in (town.home / "pods" / "demo" / "a" / "pod.log").read_text(), "what a served run says is not in the pod's log"
    assert "Finished in state" not in town.log("a.log"), "the engine's own lines are on the terminal"
    refused = session.ask(podium.algorithms.Count(), **COUNT)
    assert (refused.status, refused.runs["demo/a"].code) == (Status.REJECTED, "drift")
    assert "weight" not in refused.runs["demo/a"].message

    (page,) = ask_prefect("/artifacts/latest/filter", {"artifacts": {"key": {"any_": ["drift-a-demo-patients"]}}})
    assert "- **weight**: column gone" in page["data"]
    assert "podium pod drift demo/a --accept patients" in page["data"]
    assert "canary" not in page["data"] + page["description"]
    asked = {"filter": {"event": {"name": ["podium.schema.drift"]}}}
    (event,) = until(lambda: ask_prefect("/events/filter", asked)["events"], why=lambda: "the event is not there")
    assert event["resource"]["prefect.resource.id"] == "podium.datasource.a@demo.patients"
    assert {"rule": "column_dropped", "level": "break", "column": "weight"} in event["payload"]["changes"]
    assert "canary" not in json.dumps(event)

    assert "its data have changed (break)" in town.verb("pod", "status", "a").stdout
    assert "canaryother" in town.verb("pod", "drift", "a", "--full").stdout
    town.verb("pod", "drift", "a", "--accept", "patients")
    assert town.state("a")["drift"] == {}
    assert session.ask(podium.algorithms.Count(), **COUNT).status is Status.RELEASED


def test_every_flow_has_its_form_and_the_daily_ones_have_runs_ahead(town: Town):
    found = deployments("a@demo")
    assert set(found) == FLOWS
    crons = {flow: [each["schedule"]["cron"] for each in found[flow]["schedules"] if each["active"]] for flow in FLOWS}
    assert crons == {
        "pod-startup": [],
        "schema-generation": ["0 3 * * *"],
        "computation": [],
        "approval": [],
        "standing-task": [],
        "upkeep": ["30 3 * * *"],
    }
    for flow, minute in (("schema-generation", 0), ("upkeep", 30)):
        (schedule,) = found[flow]["schedules"]
        asked = {"deployments": {"id": {"any_": [found[flow]["id"]]}}, "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
        runs = until(lambda asked=asked: ask_prefect("/flow_runs/filter", asked), why=lambda: "no scheduled run appears")
        times = sorted(datetime.fromisoformat(each["expected_start_time"]) for each in runs)
        assert {(time.minute, time.second) for time in times} == {(minute, 0)}
        assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(times))
        assert schedule["schedule"]["timezone"]
    form = found["schema-generation"]["parameter_openapi_schema"]["properties"]
    assert form["pod"]["enum"] == ["a@demo"]
    assert form["datasources"]["items"]["enum"] == ["patients"]
    assert all(field["description"] for each in found.values() for field in each["parameter_openapi_schema"]["properties"].values())


@pytest.mark.parametrize(
    ("flow", "parameters", "said"),
    [
        ("schema-generation", {"pod": "b@demo"}, "is not one of"),
        ("schema-generation", {"datasources": ["nosuch"]}, "is not one of"),
        ("schema-generation", {"force": "perhaps"}, "is not of type"),
        ("computation", {"run": "xyz"}, "does not match"),
        ("computation", {}, "required"),
    ],
)
def test_a_wrong_parameter_is_refused_and_nothing_starts(town: Town, flow: str, parameters: dict[str, Any], said: str):
    before = len(flow_runs(flow, "a@demo"))
    with pytest.raises(AssertionError, match=said):
        start(flow, **parameters)
    assert len(flow_runs(flow, "a@demo")) == before


def test_a_run_that_has_ended_is_shown_as_it_ended_and_nothing_is_done_again(town: Town):
    ((known,),) = town.rows("a", "SELECT id FROM run WHERE status = 'released' LIMIT 1")
    everything = "SELECT * FROM run", "SELECT * FROM decision", "SELECT * FROM result", "SELECT count(*) FROM datapoint"
    before = [town.rows("a", query) for query in everything]
    started = [start("computation", run=run) for run in (known, "0" * 32)]
    assert [ended(each) for each in started] == [("Released", ""), ("Failed", "unknown_run")]
    assert [town.rows("a", query) for query in everything] == before
    assert [each["run_count"] for each in flow_runs("computation", "a@demo") if each["id"] in started] == [1, 1]


def test_startup_and_computation_by_hand_leave_a_run_under_way_alone(town: Town):
    session = town.session()
    answer = session.ask(podium.algorithms.Mean(column="age"), wait=False, pods=["demo/a"], datasource="patients")
    worker = town.worker("a")
    worker.suspend()
    ((known, flow_run),) = town.rows("a", "SELECT id, flow_run FROM run WHERE status = 'running'")
    watching, startup = start("computation", run=known), start("pod-startup")
    assert ended(startup)[0] == "Completed"
    assert flow_run_state(flow_run) == "Running"
    assert town.state("a")["datasources"] == {"patients": "full"}
    until(lambda: flow_run_state(watching) == "Running")
    worker.resume()
    assert answer.wait(60).status is Status.RELEASED
    assert ended(watching)[0] == "Released"
    assert town.rows("a", f"SELECT tries, flow_run FROM run WHERE id = '{known}'") == [(1, flow_run)]


def test_upkeep_ends_what_is_overdue_and_removes_what_is_old(town: Town, prefect_server: Any):
    session = town.session()
    now = int(datetime.now(UTC).timestamp())
    overdue = Overdue(session, town.home)
    posted = overdue.post(exp=now - 60, iat=now - 120)
    ring = town.home / "pods" / "demo" / "a" / "keys" / "encryption"
    (key,) = ring.glob("*.json")
    key.write_text(json.dumps({**json.loads(key.read_text()), "not_before": now - 15 * DAY}))
    computation = flow_runs("computation", "a@demo")[0]
    with sqlite3.connect(town.home / "pods" / "demo" / "a" / "pod.db") as pod:
        pod.execute("UPDATE result SET at = ? WHERE run = (SELECT run FROM result LIMIT 1)", (now - 400 * DAY,))
        kept = pod.execute("SELECT count(*) FROM result").fetchone()[0] - 1
        pod.execute(
            "INSERT INTO run (id, status, mid, lease_attempt, envelope, received_at, tries, flow_run, task, task_json, task_digest, "
            "analyst, alias, algorithm, datasource, code) "
            "VALUES (?, 'pending_approval', ?, 1, ?, ?, 0, '', '', '', '', '', '', '', '', '')",
            (posted.run, "0" * 32, overdue.raw, now),
        )
    pod.close()
    with sqlite3.connect(prefect_server.folder / "prefect.db", timeout=30) as view:
        old = (datetime.now(UTC) - timedelta(days=31)).strftime("%Y-%m-%d %H:%M:%S.%f")
        view.execute("UPDATE flow_run SET end_time = ? WHERE id = ?", (old, computation["id"]))
    view.close()

    assert ended(start("upkeep"))[0] == "Completed"
    assert town.rows("a", f"SELECT status, code FROM run WHERE id = '{posted.run}'") == [("expired", "unanswered")]
    reply = overdue.reply(posted, wait=30)
    assert reply is not None
    assert (reply.status, reply.code) == (Status.EXPIRED, "unanswered")
    assert len(list(ring.glob("*.json"))) == 2
    assert overdue.session.hub.pod("demo/a")["statement"]["prev"] == key.stem
    assert town.rows("a", "SELECT count(*) FROM result") == [(kept,)]
    assert computation["id"] not in [each["id"] for each in flow_runs("computation", "a@demo")]
    assert session.ask(podium.algorithms.Count(by="sex"), **COUNT).status is Status.RELEASED  # under the new key


class Overdue(Hand):
    """Seals a message and keeps it: no hub would take one that is too old."""

    raw: bytes

    class Keeper:
        def __init__(self, hand: Overdue) -> None:
            self.hand = hand

        def post(self, raw: bytes) -> None:
            self.hand.raw = raw

    def post(self, *args: Any, **changes: Any) -> Any:
        hub, self.hub = self.hub, self.Keeper(self)
        try:
            return super().post(*args, **changes)
        finally:
            self.hub = hub


def test_the_file_for_a_work_pool_deploys_and_a_worker_runs_it(town: Town):
    root = project.root()
    said = prefect(town, "--no-prompt", "deploy", "--all", "--prefect-file", "deployments/prefect.yaml", cwd=root)
    assert said.count("successfully created") == len(FLOWS)
    assert {(flow, each["work_pool_name"]) for flow, each in deployments("any-pod").items()} == {(flow, "podium") for flow in FLOWS}
    worker = town.spawn([str(PREFECT), "worker", "start", "--pool", "podium"], "worker.log")
    known, unknown = start("schema-generation", "any-pod", pod="a@demo"), start("pod-startup", "any-pod", pod="nosuch@demo")
    assert ended(known)[0] == "Completed"
    assert ended(unknown) == ("Failed", "Flow run encountered an exception: StepFailed: unknown_pod")
    worker.terminate()
    worker.wait(30)
