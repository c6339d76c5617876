"""Things that happen at once, or between two steps: starts, stops, runs and a custodian's change of mind."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from by_hand import Hand
from prefect_view import flow_run_state
from town import PODIUM, Town, patients, until

import podium
from podium.contracts import Status

COUNT = {"pods": ["demo/a"], "datasource": "patients"}


def served(town: Town, rows: int = 200) -> Any:
    town.start_hub()
    town.start_pod("a", town.csv("a", patients(rows)))
    return town.session()


def held(town: Town, session: Any) -> tuple[Any, psutil.Process]:
    answer = session.ask(podium.algorithms.Count(), wait=False, **COUNT)
    worker = town.worker("a")
    worker.suspend()
    return answer, worker


def test_a_grant_revoked_while_the_run_is_under_way_lets_nothing_out(town: Town):
    """The specification has it checked on acceptance and again before release."""
    session = served(town)
    created = town.podium(*GRANT, session.fingerprint, "--max-runs", "5", "--json")
    answer, worker = held(town, session)
    town.podium("grant", "revoke", "--pod", "demo/a", json.loads(created.stdout)["id"])
    worker.resume()
    assert answer.wait(60).status is Status.REJECTED
    assert answer.runs["demo/a"].code == "refused"
    assert town.rows("a", "SELECT count(*) FROM result") == [(0,)]


GRANT = [
    *("grant", "create", "--pod", "demo/a", "--datasource", "patients", "--algorithm", "count", "--algorithm", "mean"),
    *("--column", "age", "--column", "sex", "--alias", "Ana", "--analyst"),
]


def test_eight_tasks_at_once_for_three_runs(town: Town):
    """`max_runs` holds in a race: three are answered, five refused, and each has one decision. Then SIGTERM in the middle of a run."""
    session = served(town)
    town.podium(*GRANT, session.fingerprint, "--max-runs", "3")
    hand = Hand(session, town.home)
    posted = [hand.post() for _ in range(8)]
    replies = [hand.reply(one, wait=30) for one in posted]
    statuses = sorted(str(reply.status) for reply in replies if reply)
    assert statuses == ["rejected"] * 5 + ["released"] * 3
    assert town.rows("a", "SELECT count(*), sum(allowed) FROM decision") == [(8, 3)]
    until(lambda: town.state("a")["running"] == 0, seconds=5)

    town.podium(*GRANT, session.fingerprint)
    answer, worker = held(town, session)
    until(lambda: town.state("a")["running"] == 1, seconds=5)
    pod = psutil.Process(town.pid("a"))
    began = time.monotonic()
    pod.terminate()
    pod.wait(15)
    assert time.monotonic() - began < 5, "a pod ends within five seconds"
    worker.wait(1)
    state = json.loads(town.podium("pod", "status", "demo/a", "--json").stdout)["demo/a"]
    assert (state["phase"], state["running"], state["error"]) == ("stopped", 0, {})
    assert not list((town.home / "pods" / "demo" / "a" / "work").glob("worker-*"))
    town.start_pod("a", town.csv("a", patients(200)))
    assert answer.wait(60).status is Status.RELEASED
    assert town.rows("a", "SELECT count(*) FROM run WHERE lower(status) = 'released'") == [(4,)]


def test_a_hub_that_lost_its_database_gets_everything_again(town: Town):
    """Identity, pod and cards: the pod registers by itself, and what it serves can be asked for without a restart."""
    session = served(town)
    town.podium(*GRANT, session.fingerprint)
    answer, worker = held(town, session)
    port = town.kill_hub()
    for path in (town.home / "hub").glob("hub.db*"):
        path.unlink()
    town.start_hub(port)
    until(lambda: "registers again" in town.log("a.log"), seconds=30)
    until(lambda: "pod is up" in town.log("a.log").partition("registers again")[2], seconds=30)
    worker.resume()
    ((flow_run,),) = until(lambda: town.rows("a", "SELECT flow_run FROM run WHERE lower(status) = 'released'"))
    until(lambda: flow_run_state(flow_run) == "Released", seconds=10, why=lambda: f"Prefect says {flow_run_state(flow_run)}")
    again = town.session()
    until(
        lambda: [row for row in again.pods().to_dict("records") if row["datasources"] == ["patients"]],
        seconds=30,
        why=lambda: town.log("a.log"),
    )
    assert town.state("a")["datasources"] == {"patients": "full"}
    assert again.ask(podium.algorithms.Count(by="sex"), **COUNT, timeout=60).status is Status.RELEASED
    assert answer.runs["demo/a"].status is not Status.RELEASED  # the hub has forgotten that message; it was answered to nobody


def test_a_lease_lost_while_the_run_is_under_way_changes_nothing(town: Town):
    """The hub hands the same message out again, and to the same pod: one run, one answer, acknowledged under the newest attempt."""
    session = served(town)
    town.podium(*GRANT, session.fingerprint)
    answer, worker = held(town, session)
    with sqlite3.connect(town.home / "hub" / "hub.db", timeout=10) as hub:
        hub.execute("UPDATE hub_messages SET lease_until = 0 WHERE recipient = 'demo/a'")
    hand = Hand(session, town.home)
    other = hand.post()  # wakes the long poll; the older message comes first
    until(lambda: town.rows("a", "SELECT 1 FROM run WHERE lease_attempt = 2"), seconds=30)
    worker.resume()
    assert answer.wait(60).status is Status.RELEASED
    assert hand.reply(other, wait=20) is not None
    until(lambda: town.rows("a", "SELECT count(acknowledged_at) FROM run") == [(2,)])
    assert town.rows("a", "SELECT tries, lease_attempt FROM run ORDER BY no") == [(1, 2), (1, 1)]
    with sqlite3.connect(town.home / "hub" / "hub.db", timeout=10) as hub:
        assert hub.execute("SELECT count(*) FROM hub_messages WHERE recipient = 'demo/a' AND NOT acked").fetchall() == [(0,)]


def test_two_pods_that_start_at_once_share_one_prefect(town: Town):
    """A home where nothing is yet: keys, credentials, Prefect and its database are made once, by whoever comes first."""
    own_prefect(town)
    town.start_hub()
    town.start_pod("a", town.csv("a", patients(100)), ready=False)
    town.start_pod("b", town.csv("b", patients(100, seed=1)), ready=False)
    urls = {town.ready(name)["prefect_url"] for name in ("a", "b")}
    assert len(urls) == 1
    held_by = json.loads((town.podium("prefect", "status", "--json")).stdout)["holders"]
    assert sorted(held_by) == sorted(town.pid(name) for name in ("a", "b"))
    assert len({(town.home / "pods" / "demo" / name / "keys" / "custodian.pem").read_text() for name in ("a", "b")}) == 1
    for name in ("a", "b"):
        assert "Traceback" not in (town.home / "pods" / "demo" / name / "pod.log").read_text()
    town.pods["a"].terminate()
    town.pods["a"].wait(15)
    assert town.state("b")["phase"] == "serving"
    until(lambda: town.state("b")["prefect"] == "reached", seconds=5)
    town.pods["b"].terminate()
    town.pods["b"].wait(15)
    until(lambda: not (town.home / "prefect" / "server.json").exists(), seconds=10)


def test_the_same_pod_started_twice_at_once_runs_once(town: Town):
    town.start_hub()
    path = str(town.pod_file("a", town.csv("a", patients(100))))
    both = [town.spawn([*PODIUM, "pod", "start", path], f"start{i}.log") for i in range(2)]
    town.pods["a"] = both[0]
    until(
        lambda: any(process.poll() is not None for process in both),
        seconds=40,
        why=lambda: f"both run: {[len(runners(town)), town.state('a')]}",
    )
    assert len([process for process in both if process.poll() is None]) == 1
    assert len(runners(town)) == 1
    refused = next(process for process in both if process.poll() is not None)
    assert refused.returncode == 4
    town.pods["a"] = next(process for process in both if process.poll() is None)
    town.ready("a")


def runners(town: Town) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if "podium.runner" in process.cmdline() and process.environ().get("PODIUM_HOME") == str(town.home):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_ctrl_c_while_prefect_starts_leaves_nothing(town: Town):
    own_prefect(town)
    town.start_hub()
    process = town.start_pod("a", town.csv("a", patients(100)), ready=False)
    until(lambda: "Starting Prefect" in town.log("a.log"), seconds=20)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    process.wait(20)
    assert time.monotonic() - began < 8
    assert town.state("a")["phase"] == "stopped"
    left = [p for p in psutil.process_iter() if at_home(p, town.home) and town.hub is not None and p.pid != town.hub.pid]
    assert not left, [p.cmdline() for p in left]


def test_a_recycled_process_id_is_not_taken_for_the_pod(town: Town):
    """After a crash and a reboot, or in a container, the number in state.json belongs to somebody else."""
    town.start_hub()
    folder = town.home / "pods" / "demo" / "a"
    folder.mkdir(parents=True, mode=0o700)
    mine = {"pid": os.getpid(), "phase": "serving", "since": int(time.time()) - 90_000, "running": 2}
    (folder / "state.json").write_text(json.dumps(mine))
    (folder / "pod.json").write_text("{}")
    assert json.loads(town.podium("pod", "status", "demo/a", "--json").stdout)["demo/a"]["phase"] == "stopped"
    town.start_pod("a", town.csv("a", patients(100)))


def own_prefect(town: Town) -> None:
    for name in [name for name in town.env if name.startswith("PREFECT_")]:
        del town.env[name]
    town.env["PODIUM_PREFECT_PORT"] = "0"


def at_home(process: psutil.Process, home: Path) -> bool:
    try:
        return process.environ().get("PODIUM_HOME") == str(home) and process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid()
    except psutil.Error:
        return False


MAKE = """
import sys
from pathlib import Path
from podium import project
project.load("schemas.stores").PodDatabase.of(pod='demo/a', folder=Path(sys.argv[1])).close()
"""


@pytest.mark.parametrize("attempt", range(3))
def test_a_database_that_several_processes_make_at_once(tmp_path: Path, attempt: int):
    """A custodian's `grant create` while the pod starts for the first time."""
    command = [sys.executable, "-P", "-c", MAKE, str(tmp_path / "pod")]
    every = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(6)]
    errors = [process.communicate(timeout=60)[1] for process in every]
    assert [process.returncode for process in every] == [0] * 6, errors


AT_ONCE = """
import asyncio
from prefect.client.orchestration import get_client
from podium.runner import automation

async def main():
    async with get_client() as client:
        wanted = automation._automation()
        for _ in range(2):
            await client.create_automation(wanted)  # as two pods do that start at once where there is none
        await asyncio.gather(*(automation.ensure_zombie_automation(client) for _ in range(4)))
        print(len(await client.read_automations_by_name(automation.NAME)))

asyncio.run(main())
"""


def test_pods_that_tidy_up_the_same_automation_at_once(prefect_server: object):
    """Two pods that start together for the second time: both find the copies of the first, and both remove them."""
    done = subprocess.run([sys.executable, "-c", AT_ONCE], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-1500:]
    assert int(done.stdout.split()[-1]) == 1
