"""What goes wrong in real life, on real processes: a clear message, a true status, nothing lost, nothing twice."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import sys
import time
from typing import Any

import psutil
import pytest
from town import Town, patients, until

import podium
from podium.contracts import Status
from podium.crypto.encryption import EncryptionKey, KeyStatement, encode_public
from podium.crypto.envelope import new_id, seal
from podium.crypto.keys import RSAKeyPair, load_public

COUNT = {"pods": ["demo/a"], "datasource": "patients"}


@pytest.fixture
def served(town: Town) -> tuple[Town, Any]:
    """A hub, a pod and an analyst with a grant."""
    town.start_hub()
    town.start_pod("a", town.csv("a", patients(200)))
    session = town.session()
    town.grant("a", session)
    return town, session


def held(town: Town, session: Any) -> tuple[Any, psutil.Process]:
    """A task whose worker stands still in the middle, so that something can be killed around it."""
    answer = session.ask(podium.algorithms.Count(), wait=False, **COUNT)
    worker = town.worker("a")
    worker.suspend()
    return answer, worker


def ended_once(town: Town) -> None:
    """One run, one end, one answer, each datapoint once."""
    until(lambda: town.rows("a", "SELECT 1 FROM run WHERE acknowledged_at IS NOT NULL"))
    assert town.rows("a", "SELECT status, replied_at IS NOT NULL FROM run") == [("released", 1)]
    assert town.rows("a", "SELECT count(*) FROM decision") == [(1,)]
    assert town.rows("a", "SELECT count(*) FROM datapoint") == [(200,)]
    assert town.rows("a", "SELECT count(*) FROM result") == [(1,)]


def test_a_pod_killed_in_mid_task_finishes_it_once_after_the_restart(served):
    town, session = served
    answer, worker = held(town, session)
    town.kill_pod("a", town.pods["a"])
    worker.resume()
    worker.wait(10)  # a worker does not outlive its pod
    assert "stopped" in town.podium("pod", "status", "demo/a").stdout
    town.start_pod("a", town.csv("a", patients(200)))
    assert answer.wait(60).status is Status.RELEASED
    ended_once(town)


def test_a_grant_revoked_in_mid_task_lets_nothing_out(served):
    town, session = served
    answer, worker = held(town, session)
    ((grant,),) = town.rows("a", "SELECT id FROM grant_")
    town.podium("grant", "revoke", "--pod", "demo/a", grant)
    worker.resume()
    assert answer.wait(60).status is Status.REJECTED
    assert town.rows("a", "SELECT status, code FROM run") == [("rejected", "refused")]
    assert town.rows("a", "SELECT count(*) FROM result") == [(0,)]


def test_a_hub_killed_in_mid_task_gets_the_answer_when_it_is_back(served):
    town, session = served
    answer, worker = held(town, session)
    port = town.kill_hub()
    worker.resume()
    until(lambda: town.rows("a", "SELECT 1 FROM run WHERE status = 'released'"), why=lambda: town.log("a.log"))
    assert town.rows("a", "SELECT replied_at FROM run") == [(None,)]
    until(lambda: "cannot be reached" in town.podium("pod", "status", "demo/a").stdout)
    town.start_hub(port)
    assert answer.wait(60).status is Status.RELEASED
    ended_once(town)
    until(lambda: town.state("a")["hub"] == "reached")


def test_a_hub_that_is_down_at_the_start_is_waited_for(town: Town):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    town.url = f"http://127.0.0.1:{port}"
    town.start_pod("a", town.csv("a", patients(200)), ready=False)
    until(lambda: f"http://127.0.0.1:{port} cannot be reached" in town.log("a.log"))
    assert town.state("a")["phase"] == "starting"
    town.start_hub(port)
    town.ready("a")


def test_prefect_killed_in_mid_task(town: Town, monkeypatch: pytest.MonkeyPatch):
    """A server of Podium's own: the run under way finishes by the tables, the server comes back on its old port, work goes on."""
    for name in [name for name in town.env if name.startswith("PREFECT_")]:
        del town.env[name]
    town.env["PODIUM_PREFECT_PORT"] = "0"
    town.start_hub()
    town.start_pod("a", town.csv("a", patients(200)))
    session = town.session()
    town.grant("a", session)
    answer, worker = held(town, session)
    prefect = psutil.Process(int(podium_json(town, "prefect", "status")["pid"]))
    prefect.kill()
    worker.resume()
    assert answer.wait(60).status is Status.RELEASED
    ended_once(town)
    until(lambda: podium_json(town, "prefect", "status")["state"] == "running", seconds=60)
    assert podium_json(town, "prefect", "status")["pid"] != prefect.pid
    again = session.ask(podium.algorithms.Count(by="sex"), **COUNT, timeout=60)
    assert again.status is Status.RELEASED
    # Prefect shows what the tables know, also of the run that it lost
    database = next((town.home / "prefect").glob("prefect.db"))
    until(lambda: _states(database) == ["Released", "Released"], why=lambda: str(_states(database)))
    town.pods["a"].terminate()
    town.pods["a"].wait(15)
    until(lambda: podium_json(town, "prefect", "status")["state"] == "stopped", why=lambda: "the last to leave stops it")


def test_a_broken_datasource_is_reported_and_the_other_served(town: Town):
    town.start_hub()
    good = town.csv("a", patients(100))
    ragged = town.folder / "ragged.csv"
    ragged.write_text("x,y\n1,2\n" + "3\n4,5,6,7\n" * 3)
    broken = {"name": "ragged", "kind": "csv", "path": str(ragged)}
    missing = {"name": "missing", "kind": "csv", "path": str(town.folder / "nowhere.csv")}
    town.start_pod("a", good, missing, broken)
    states = town.state("a")["datasources"]
    assert states["patients"] == "full"
    assert states["missing"].startswith("broken: ")
    assert "nowhere.csv" in states["missing"]
    assert states["ragged"].startswith("broken: ")
    session = town.session()
    assert session.pods().loc[0, "datasources"] == ["patients"]
    town.grant("a", session)
    assert session.ask(podium.algorithms.Count(), **COUNT, timeout=60).status is Status.RELEASED
    assert "nowhere.csv" in town.podium("pod", "check", str(town.folder / "a.yaml"), code=3).stdout


def test_an_unknown_key_in_the_pod_file_is_named_with_the_nearest(town: Town):
    path = town.folder / "bad.yaml"
    path.write_text("pod: {name: a, owner: demo}\ndatasources: [{name: x, kind: csv, path: x.csv}]\ndisclosure: {min_cel: 5}\n")
    for verb in ("check", "start"):
        done = town.podium("pod", verb, str(path), code=2)
        assert "disclosure.min_cel" in done.stderr
        assert "'min_cell'" in done.stderr


def test_a_tampered_message_is_refused_and_the_true_one_still_counts(served):
    town, session = served
    raw = sealed_task(town, session)
    changed = raw[:-1] + bytes([raw[-1] ^ 1])  # the signature no longer holds
    session.hub.post(changed)
    until(lambda: town.rows("a", "SELECT 1 FROM run WHERE acknowledged_at IS NOT NULL"))
    assert town.rows("a", "SELECT status, code, reply FROM run") == [("rejected", "message_refused", None)]
    assert town.rows("a", "SELECT count(*) FROM decision") == [(0,)]
    assert "refused by rule signature" in town.log("a.log")
    assert session.ask(podium.algorithms.Count(), **COUNT, timeout=60).status is Status.RELEASED


def test_a_replayed_message_runs_once(served):
    """A hub that kept a message and serves it again after it was acknowledged."""
    town, session = served
    answer, worker = held(town, session)
    database = town.home / "hub" / "hub.db"
    with sqlite3.connect(database) as hub:
        ((body,),) = hub.execute("SELECT body FROM hub_messages WHERE recipient = 'demo/a'").fetchall()
    worker.resume()
    assert answer.wait(60).status is Status.RELEASED
    ended_once(town)
    ((attempt,),) = town.rows("a", "SELECT lease_attempt FROM run")
    port = town.kill_hub()
    with sqlite3.connect(database) as hub:
        hub.execute("UPDATE hub_messages SET body = ?, acked = 0, lease_until = 0 WHERE recipient = 'demo/a'", (body,))
    town.start_hub(port)
    until(lambda: town.rows("a", "SELECT lease_attempt FROM run") == [(attempt + 1,)])  # it came again
    ended_once(town)
    assert town.rows("a", "SELECT tries FROM run") == [(1,)]  # and was not run again


def test_a_taken_port_is_told_and_the_next_one_used(town: Town):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        url = town.start_hub(port)
    assert url != f"http://127.0.0.1:{port}"
    assert str(port) in town.log("hub.log")


def test_a_caller_with_tasks_and_schemas_of_its_own(town: Town):
    """Pod.start() from a script that has imported its own `tasks` and `schemas`, in a folder that holds them."""
    town.start_hub()
    source = town.csv("a", patients(100))
    for name in ("tasks", "schemas", "flows"):
        (town.folder / f"{name}.py").write_text("WHOSE = 'mine'\n")
    script = town.folder / "serve.py"
    script.write_text(
        "import tasks, schemas, flows\nimport podium\n"
        "assert tasks.WHOSE == schemas.WHOSE == flows.WHOSE == 'mine'\n"
        f"source = podium.datasources.Csv(name='patients', path={source['path']!r}, key=('patient',))\n"
        f"podium.Pod(name='a', username='demo', datasources=[source], hub={town.url!r}, pod_db=True).start()\n"
    )
    town.pods["a"] = town.spawn([sys.executable, str(script)], "a.log")
    town.ready("a")
    session = town.session()
    town.grant("a", session)
    assert session.ask(podium.algorithms.Count(), **COUNT, timeout=60).status is Status.RELEASED
    runner = psutil.Process(town.pid("a"))
    town.pods["a"].send_signal(signal.SIGKILL)  # even then the pod does not outlive the script
    runner.wait(10)


def test_a_second_pod_of_the_same_name_is_refused(served):
    town, _ = served
    assert "running already" in town.podium("pod", "start", str(town.folder / "a.yaml"), code=4).stderr


def podium_json(town: Town, *args: str) -> dict[str, Any]:
    return json.loads(town.podium(*args, "--json").stdout)


def sealed_task(town: Town, session: Any) -> bytes:
    """A good task message for demo/a, not yet sent."""
    entry = session.hub.pod("demo/a")
    statement = KeyStatement.model_validate(entry["statement"])
    statement.check(load_public(entry["public_key"]), int(time.time()))
    identity = RSAKeyPair.load(town.home / "analyst" / "identity.pem")
    now = int(time.time())
    return seal(
        typ="task",
        mid=new_id(),
        task=new_id(),
        sender=session.user,
        to="demo/a",
        iat=now,
        exp=now + 600,
        body=b'{"v":1,"protocol":{"kind":"one_round"},"algorithm":{"kind":"count"},"datasource":"patients"}',
        recipient=statement.public_bytes,
        identity=identity,
        reply_key=encode_public(EncryptionKey.generate().public),
    )


def _states(database: Any) -> list[str]:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as prefect:
        query = "SELECT r.state_name FROM flow_run r JOIN flow f ON f.id = r.flow_id WHERE f.name = 'computation' ORDER BY r.created"
        return [name for (name,) in prefect.execute(query)]
