"""Pods that start a Prefect server of their own: shared by all of a home, started again when it died, gone with the last pod."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from town import Town, patients, until

import podium
from podium.contracts import Status

COUNT = {"pods": ["demo/a"], "datasource": "patients"}


@pytest.fixture
def own(town: Town) -> Town:
    return town.with_own_prefect()


def test_prefect_killed_in_mid_task(own: Town):
    """A server of Podium's own: the run under way finishes by the tables, the server comes back on its old port, work goes on."""
    town = own
    town.start_hub()
    town.start_pod("a", town.csv("a", patients(200)))
    session = town.session()
    town.grant("a", session)
    answer = session.ask(podium.algorithms.Count(), wait=False, **COUNT)
    worker = town.worker("a")
    worker.suspend()
    prefect = psutil.Process(int(said(town, "prefect", "status")["pid"]))
    prefect.kill()
    worker.resume()
    assert answer.wait(180).status is Status.RELEASED  # what asks Prefect meanwhile waits until the new one has loaded
    ended_once(town)
    until(lambda: said(town, "prefect", "status")["state"] == "running", seconds=180)
    assert said(town, "prefect", "status")["pid"] != prefect.pid
    again = session.ask(podium.algorithms.Count(by="sex"), **COUNT, timeout=60)
    assert again.status is Status.RELEASED
    # Prefect shows what the tables know, also of the run that it lost
    database = next((town.home / "prefect").glob("prefect.db"))
    until(lambda: _states(database) == ["Released", "Released"], why=lambda: str(_states(database)))
    town.pods["a"].terminate()
    town.pods["a"].wait(15)
    until(lambda: said(town, "prefect", "status")["state"] == "stopped", why=lambda: "the last to leave stops it")


def ended_once(town: Town) -> None:
    """One run, one end, one answer, each datapoint once."""
    until(lambda: town.rows("a", "SELECT 1 FROM run WHERE acknowledged_at IS NOT NULL"))
    assert town.rows("a", "SELECT status, replied_at IS NOT NULL FROM run") == [("released", 1)]
    for table, rows in (("decision", 1), ("datapoint", 200), ("result", 1)):
        assert town.rows("a", f"SELECT count(*) FROM {table}") == [(rows,)]


def said(town: Town, *args: str) -> dict[str, Any]:
    return json.loads(town.verb(*args, "--json").stdout)


def _states(database: Path) -> list[str]:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as prefect:
        query = "SELECT r.state_name FROM flow_run r JOIN flow f ON f.id = r.flow_id WHERE f.name = 'computation' ORDER BY r.created"
        return [name for (name,) in prefect.execute(query)]


def test_two_pods_that_start_at_once_share_one_prefect(own: Town):
    """A home where nothing is yet: keys, credentials, Prefect and its database are made once, by whoever comes first."""
    town = own
    town.start_hub()
    town.start_pod("a", town.csv("a", patients(100)), ready=False)
    town.start_pod("b", town.csv("b", patients(100, seed=1)), ready=False)
    urls = {town.ready(name)["prefect_url"] for name in ("a", "b")}
    assert len(urls) == 1
    held_by = said(town, "prefect", "status")["holders"]
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


def test_ctrl_c_while_prefect_starts_leaves_nothing(own: Town):
    town = own
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


def at_home(process: psutil.Process, home: Path) -> bool:
    try:
        return process.environ().get("PODIUM_HOME") == str(home) and process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid()
    except psutil.Error:
        return False
