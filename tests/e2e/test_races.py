"""Things that happen at once, or between two steps: starts, stops, runs and a custodian's change of mind."""

from __future__ import annotations

import json
import os
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

COUNT = {"pods": ["demo/c"], "datasource": "patients"}


def held(town: Town, session: Any) -> tuple[Any, psutil.Process]:
    answer = session.ask(podium.algorithms.Count(), wait=False, **COUNT)
    worker = town.worker("c")
    worker.suspend()
    return answer, worker


def hers(town: Town, session: Any, columns: str, rest: str = "") -> list[tuple[Any, ...]]:
    """What the pod's table says of her runs."""
    return town.rows("c", f"SELECT {columns} FROM run WHERE analyst = '{session.fingerprint}' {rest}")


def test_eight_tasks_at_once_for_three_runs(fragile: tuple[Town, Any]):
    """`max_runs` holds in a race: three are answered, five refused, and each has one decision. Then SIGTERM in the middle of a run."""
    town, session = fragile
    town.grant("c", session, more=("--max-runs", "3"))
    hand = Hand(session, town.folder / session.user, "demo/c")
    posted = [hand.post() for _ in range(8)]
    replies = [hand.reply(one, wait=30) for one in posted]
    statuses = sorted(str(reply.status) for reply in replies if reply)
    assert statuses == ["rejected"] * 5 + ["released"] * 3
    runs = ", ".join(f"'{one.run}'" for one in posted)
    assert town.rows("c", f"SELECT count(*), sum(allowed) FROM decision WHERE run IN ({runs})") == [(8, 3)]
    until(lambda: town.state("c")["running"] == 0, seconds=5)

    town.grant("c", session)
    answer, worker = held(town, session)
    until(lambda: town.state("c")["running"] == 1, seconds=5)
    pod = psutil.Process(town.pid("c"))
    began = time.monotonic()
    pod.terminate()
    pod.wait(15)
    assert time.monotonic() - began < 5, "a pod ends within five seconds"
    worker.wait(1)
    state = json.loads(town.verb("pod", "status", "demo/c", "--json").stdout)["demo/c"]
    assert (state["phase"], state["running"], state["error"]) == ("stopped", 0, {})
    assert not list((town.home / "pods" / "demo" / "c" / "work").glob("worker-*"))
    town.mend()
    assert answer.wait(60).status is Status.RELEASED
    assert hers(town, session, "count(*)", "AND lower(status) = 'released'") == [(4,)]


def test_a_hub_that_lost_its_database_gets_everything_again(fragile: tuple[Town, Any]):
    """Identity, pod and cards: the pod registers by itself, and what it serves can be asked for without a restart."""
    town, session = fragile
    town.grant("c", session)
    answer, worker = held(town, session)
    port = town.kill_hub()
    for path in (town.home / "hub").glob("hub.db*"):
        path.unlink()
    town.start_hub(port)
    until(lambda: "registers again" in town.log("c.log"), seconds=30)
    until(lambda: "pod is up" in town.log("c.log").partition("registers again")[2], seconds=30)
    worker.resume()
    ((flow_run,),) = until(lambda: hers(town, session, "flow_run", "AND lower(status) = 'released'"))
    until(lambda: flow_run_state(flow_run) == "Released", seconds=10, why=lambda: f"Prefect says {flow_run_state(flow_run)}")
    again = town.newcomer()
    town.grant("c", again)
    whole = {f"demo/{name}": ["patients"] for name in town.pods}
    until(
        lambda: {row["identifier"]: row["datasources"] for row in again.pods().to_dict("records")} == whole,
        seconds=30,
        why=lambda: town.log("c.log"),
    )
    assert town.state("c")["datasources"] == {"patients": "full"}
    assert again.ask(podium.algorithms.Count(by="sex"), **COUNT, timeout=60).status is Status.RELEASED
    assert answer.runs["demo/c"].status is not Status.RELEASED  # the hub has forgotten that message; it was answered to nobody


def test_a_lease_lost_while_the_run_is_under_way_changes_nothing(fragile: tuple[Town, Any]):
    """The hub hands the same message out again, and to the same pod: one run, one answer, acknowledged under the newest attempt."""
    town, session = fragile
    town.grant("c", session)
    answer, worker = held(town, session)
    with sqlite3.connect(town.home / "hub" / "hub.db", timeout=10) as hub:
        hub.execute("UPDATE hub_messages SET lease_until = 0 WHERE recipient = 'demo/c'")
    hand = Hand(session, town.folder / session.user, "demo/c")
    other = hand.post()  # wakes the long poll; the older message comes first
    until(lambda: hers(town, session, "1", "AND lease_attempt = 2"), seconds=90)
    worker.resume()
    assert answer.wait(60).status is Status.RELEASED
    assert hand.reply(other, wait=20) is not None
    until(lambda: hers(town, session, "count(acknowledged_at)") == [(2,)])
    assert hers(town, session, "tries, lease_attempt", "ORDER BY no") == [(1, 2), (1, 1)]
    mids = [mid for (mid,) in hers(town, session, "mid")]
    with sqlite3.connect(town.home / "hub" / "hub.db", timeout=10) as hub:
        assert hub.execute("SELECT sum(acked) FROM hub_messages WHERE mid IN (?, ?)", mids).fetchall() == [(2,)]


def test_the_same_pod_started_twice_at_once_runs_once(shared: Town):
    """And the process id that is in its state file is not taken for it: after a reboot, or in a container, it is somebody else's."""
    town, folder = shared, shared.home / "pods" / "demo" / "twice"
    folder.mkdir(parents=True, mode=0o700)
    mine = {"pid": os.getpid(), "phase": "serving", "since": int(time.time()) - 90_000, "running": 2}
    (folder / "state.json").write_text(json.dumps(mine))
    (folder / "pod.json").write_text("{}")
    assert json.loads(town.verb("pod", "status", "demo/twice", "--json").stdout)["demo/twice"]["phase"] == "stopped"

    path = str(town.pod_file("twice", town.csv("twice", patients(100))))
    both = [town.spawn([*PODIUM, "pod", "start", path], f"start{i}.log") for i in range(2)]
    until(lambda: any(process.poll() is not None for process in both), seconds=40, why=lambda: f"both run: {town.state('twice')}")
    (running,) = [process for process in both if process.poll() is None]
    assert len(runners(town)) == 1
    (refused,) = {*both} - {running}
    assert refused.returncode == 4
    town.pods["twice"] = running
    town.ready("twice")
    town.leave("twice")


def runners(town: Town) -> list[psutil.Process]:
    """The processes that run the pod `twice`."""
    found = []
    for process in psutil.process_iter():
        try:
            if {"podium.runner", "demo/twice"} <= {*process.cmdline()} and process.environ().get("PODIUM_HOME") == str(town.home):
                found.append(process)
        except psutil.Error:
            continue
    return found


MAKE = """
import sys
from pathlib import Path
from podium import project
project.load("schemas.stores").PodDatabase.of(pod='demo/a', folder=Path(sys.argv[1])).close()
"""


@pytest.mark.parametrize("attempt", [0, *(pytest.param(again, marks=pytest.mark.soak) for again in range(1, 10))])
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
