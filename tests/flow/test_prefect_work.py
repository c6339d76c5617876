"""Flows on the server that Podium starts: many at once, served, silent, and what their logs may carry."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from typing import Any

from podium.runner import server
from podium.runner.settings import OWN_URL

AT_ONCE = 20


def rows(found: server.Server, query: str, *values: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{found.folder / 'prefect.db'}?mode=ro", uri=True)) as connection:
        return connection.execute(query, values).fetchall()


def test_twenty_flows_at_once_all_complete_without_one_refusal(prefect_server, run_script) -> None:
    done = run_script("many_flows", str(AT_ONCE))
    assert Counter(done["states"]) == {"Completed": AT_ONCE}
    assert Counter(done["tasks"])["Completed"] >= 4 * AT_ONCE
    assert done["wall"] < 60  # 3 s where it works; the stalls that this guards against took minutes
    log = (prefect_server.folder / "server.log").read_text()
    assert "retryable exception" not in log  # every 503 would be logged: PREFECT_SERVER_LOG_RETRYABLE_ERRORS
    assert "database is locked" not in log
    counted = rows(
        prefect_server, "SELECT state_name, count(*) FROM flow_run r JOIN flow f ON f.id = r.flow_id WHERE f.name = 'crowd' GROUP BY 1"
    )
    assert dict(counted) == {"Completed": AT_ONCE}


def test_an_interval_schedule_creates_runs_and_a_served_run_completes(prefect_server, run_script) -> None:
    done = run_script("served_flow")
    assert set(done["scheduled"]) == {"Scheduled"}
    assert done["served"] == "Completed"
    shipped = [message for (message,) in rows(prefect_server, "SELECT message FROM log WHERE flow_run_id = ?", done["run"])]
    assert shipped == ["served  rows=40"]  # the allow-list holds in the child that Prefect's runner started
    assert "planted-in-child" in done["stderr"]


def test_only_marked_lines_reach_prefects_log(prefect_server, run_script) -> None:
    done = run_script("leaky_flow")
    shipped = {message for (message,) in rows(prefect_server, "SELECT message FROM log WHERE flow_run_id = ?", done["run"])}
    assert shipped == {"validated  rows=40", "released  rule=min_cell  rows=40  name=(not shown)"}
    for planted in ("planted-by-logger", "planted-by-exception", "planted-by-engine", "planted-by-library"):
        assert planted in done["stderr"], "the local log keeps every line"
        assert not rows(prefect_server, "SELECT message FROM log WHERE message LIKE ?", f"%{planted}%")


def test_without_the_allow_list_the_same_lines_would_be_there(prefect_server, run_script) -> None:
    done = run_script("leaky_flow", env={"PREFECT_LOGGING_SETTINGS_PATH": "no-such-file"})
    shipped = " ".join(message for (message,) in rows(prefect_server, "SELECT message FROM log WHERE flow_run_id = ?", done["run"]))
    assert all(f"planted-by-{what}" in shipped for what in ("logger", "exception", "engine", "library"))


def test_the_zombie_rule_is_made_once_and_mended(run_script) -> None:
    done = run_script("zombie_rule")
    assert len(set(done["ids"])) == 1
    rule = done["rule"]
    assert rule["enabled"] is True
    assert (rule["trigger"]["posture"], rule["trigger"]["within"], rule["trigger"]["after"]) == (
        "Proactive",
        120.0,
        ["prefect.flow-run.heartbeat"],
    )
    assert {"prefect.flow-run.heartbeat", "prefect.flow-run.Suspended", "prefect.flow-run.Completed"} <= set(rule["trigger"]["expect"])
    assert rule["actions"][0]["state"] == "CRASHED"


def test_the_session_server_is_not_taken_for_our_own(prefect_server, monkeypatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", prefect_server.url)
    monkeypatch.delenv(OWN_URL, raising=False)
    found = server.ensure()
    assert (found.own, found.url) == (False, prefect_server.url)
    assert server.status()["state"] == "external"
    assert server.stop() is False
    assert server.wait_ready(prefect_server.url, 1)
