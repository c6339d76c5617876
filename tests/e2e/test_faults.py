"""What goes wrong in real life, on real processes: a clear message, a true status, nothing lost, nothing twice."""

from __future__ import annotations

import signal
import sqlite3
import sys
from typing import Any

import psutil
import pytest
from by_hand import Hand
from town import Town, patients, until

import podium
from podium.contracts import Status
from podium.crypto.envelope import run_id


@pytest.fixture
def served(fragile: tuple[Town, Any]) -> tuple[Town, Any]:
    """A hub, a pod that may be killed, and an analyst with a grant."""
    town, session = fragile
    town.grant("c", session)
    return town, session


def held(town: Town, session: Any) -> tuple[Any, psutil.Process]:
    """A task whose worker stands still in the middle, so that something can be killed around it."""
    unlike = int(session.user[-8:], 16)  # another task has not seen a single datapoint
    count = podium.algorithms.Count(where=f"age != {-unlike}")
    answer = session.ask(count, wait=False, pods=["demo/c"], datasource="patients")
    worker = town.worker("c")
    worker.suspend()
    return answer, worker


def run(town: Town, session: Any, columns: str) -> list[tuple[Any, ...]]:
    """What the pod's table says of the analyst's only run."""
    return town.rows("c", f"SELECT {columns} FROM run WHERE analyst = '{session.fingerprint}'")


def ended_once(town: Town, session: Any) -> None:
    """One run, one end, one answer, each datapoint once."""
    until(lambda: run(town, session, "acknowledged_at IS NOT NULL") == [(1,)])
    ((this, no, *ended),) = run(town, session, "id, no, status, replied_at IS NOT NULL")
    assert ended == ["released", 1]
    assert town.rows("c", f"SELECT count(*) FROM decision WHERE run = '{this}'") == [(1,)]
    assert town.rows("c", f"SELECT count(*) FROM result WHERE run = '{this}'") == [(1,)]
    assert town.rows("c", f"SELECT count(*) FROM datapoint WHERE run_no = {no}") == [(200,)]


def test_a_pod_killed_in_mid_task_finishes_it_once_after_the_restart(served):
    town, session = served
    answer, worker = held(town, session)
    town.kill_pod("c", town.pods["c"])
    worker.resume()
    worker.wait(10)  # a worker does not outlive its pod
    assert "stopped" in town.verb("pod", "status", "demo/c").stdout
    town.mend()
    assert answer.wait(60).status is Status.RELEASED
    ended_once(town, session)


def test_a_grant_revoked_in_mid_task_lets_nothing_out(served):
    """The specification has it checked on acceptance and again before release."""
    town, session = served
    answer, worker = held(town, session)
    ((this,),) = run(town, session, "id")
    ((grant,),) = town.rows("c", f"SELECT grant_id FROM decision WHERE run = '{this}'")
    town.verb("grant", "revoke", "--pod", "demo/c", grant)
    worker.resume()
    assert answer.wait(60).status is Status.REJECTED
    assert answer.runs["demo/c"].code == "refused"
    assert run(town, session, "status, code") == [("rejected", "refused")]
    assert town.rows("c", f"SELECT count(*) FROM result WHERE run = '{this}'") == [(0,)]


def test_a_hub_killed_in_mid_task_gets_the_answer_when_it_is_back(served):
    town, session = served
    answer, worker = held(town, session)
    port = town.kill_hub()
    worker.resume()
    until(lambda: run(town, session, "status") == [("released",)], why=lambda: town.log("c.log"))
    assert run(town, session, "replied_at") == [(None,)]
    until(lambda: "cannot be reached" in town.state("c")["hub"])
    assert "cannot be reached" in town.verb("pod", "status", "demo/c").stdout
    town.start_hub(port)
    assert answer.wait(60).status is Status.RELEASED
    ended_once(town, session)
    until(lambda: town.state("c")["hub"] == "reached")


def test_a_hub_that_is_down_at_the_start_is_waited_for_and_a_broken_datasource_reported(shared: Town):
    town, port = shared, shared.kill_hub()
    ragged = town.folder / "ragged.csv"
    ragged.write_text("x,y\n1,2\n" + "3\n4,5,6,7\n" * 3)
    broken = {"name": "ragged", "kind": "csv", "path": str(ragged)}
    missing = {"name": "missing", "kind": "csv", "path": str(town.folder / "nowhere.csv")}
    town.start_pod("d", town.csv("d", patients(100)), missing, broken, ready=False)
    until(lambda: f"{town.url} cannot be reached" in town.log("d.log"), seconds=180)
    assert town.state("d")["phase"] == "starting"
    town.start_hub(port)

    states = town.ready("d")["datasources"]
    assert states["patients"] == "full"
    assert states["missing"].startswith("broken: ")
    assert "nowhere.csv" in states["missing"]
    assert states["ragged"].startswith("broken: ")
    session = town.newcomer()
    assert session.pods().set_index("identifier").loc["demo/d", "datasources"] == ["patients"]
    town.grant("d", session)
    answer = session.ask(podium.algorithms.Count(), pods=["demo/d"], datasource="patients", timeout=60)
    assert answer.status is Status.RELEASED
    assert "nowhere.csv" in town.verb("pod", "check", str(town.folder / "d.yaml"), code=3).stdout
    town.leave("d")


def test_an_unknown_key_in_the_pod_file_is_named_with_the_nearest(shared: Town):
    path = shared.folder / "bad.yaml"
    path.write_text("pod: {name: a, owner: demo}\ndatasources: [{name: x, kind: csv, path: x.csv}]\ndisclosure: {min_cel: 5}\n")
    for verb in ("check", "start"):
        done = shared.podium("pod", verb, str(path), code=2)
        assert "disclosure.min_cel" in done.stderr
        assert "'min_cell'" in done.stderr


def test_a_tampered_message_is_refused_and_the_true_one_still_counts(served):
    town, session = served
    raw = Hand(session, town.folder / session.user, "demo/c").seal().raw
    changed = raw[:-1] + bytes([raw[-1] ^ 1])  # the signature no longer holds
    session.hub.post(changed)
    refused = f"SELECT status, code, reply FROM run WHERE id = '{run_id(changed)}' AND acknowledged_at IS NOT NULL"
    assert until(lambda: town.rows("c", refused)) == [("rejected", "message_refused", None)]
    assert town.rows("c", f"SELECT count(*) FROM decision WHERE run = '{run_id(changed)}'") == [(0,)]
    assert "refused by rule signature" in town.log("c.log")
    assert session.ask(podium.algorithms.Count(), pods=["demo/c"], datasource="patients", timeout=60).status is Status.RELEASED


def test_a_replayed_message_runs_once(served):
    """A hub that kept a message and serves it again after it was acknowledged."""
    town, session = served
    answer, worker = held(town, session)
    database = town.home / "hub" / "hub.db"
    ((mid,),) = run(town, session, "mid")
    with sqlite3.connect(database) as hub:
        ((body,),) = hub.execute("SELECT body FROM hub_messages WHERE mid = ?", (mid,)).fetchall()
    worker.resume()
    assert answer.wait(60).status is Status.RELEASED
    ended_once(town, session)
    ((attempt,),) = run(town, session, "lease_attempt")
    port = town.kill_hub()
    with sqlite3.connect(database) as hub:
        hub.execute("UPDATE hub_messages SET body = ?, acked = 0, lease_until = 0 WHERE mid = ?", (body, mid))
    town.start_hub(port)
    until(lambda: run(town, session, "lease_attempt") == [(attempt + 1,)])  # it came again
    ended_once(town, session)
    assert run(town, session, "tries") == [(1,)]  # and was not run again


def test_a_caller_with_tasks_and_schemas_of_its_own(shared: Town):
    """Pod.start() from a script that has imported its own `tasks` and `schemas`, in a folder that holds them."""
    town = shared
    source = town.csv("e", patients(100))
    (own := town.folder / "caller").mkdir()
    for name in ("tasks", "schemas", "flows"):
        (own / f"{name}.py").write_text("WHOSE = 'mine'\n")
    script = own / "serve.py"
    script.write_text(
        "import tasks, schemas, flows\nimport podium\n"
        "assert tasks.WHOSE == schemas.WHOSE == flows.WHOSE == 'mine'\n"
        f"source = podium.datasources.Csv(name='patients', path={source['path']!r}, key=('patient',))\n"
        f"podium.Pod(name='e', username='demo', datasources=[source], hub={town.url!r}, pod_db=True).start()\n"
    )
    town.pods["e"] = town.spawn([sys.executable, str(script)], "e.log")
    town.ready("e")
    session = town.newcomer()
    town.grant("e", session)
    answer = session.ask(podium.algorithms.Count(), pods=["demo/e"], datasource="patients", timeout=60)
    assert answer.status is Status.RELEASED
    runner = psutil.Process(town.pid("e"))
    town.pods.pop("e").send_signal(signal.SIGKILL)  # even then the pod does not outlive the script
    runner.wait(10)


def test_a_second_pod_of_the_same_name_is_refused(served):
    town, _ = served
    assert "running already" in town.podium("pod", "start", str(town.folder / "c.yaml"), code=4).stderr
