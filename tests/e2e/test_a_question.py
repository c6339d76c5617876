"""The main job on real processes: two pods, a hub, an analyst; and everything a custodian may later ask about it."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from town import Town, halves

import podium
from podium.contracts import Status
from podium.errors import ConfigError

PODS = ["demo/a", "demo/b"]


def served(town: Town, *, more: tuple[str, ...] = ()) -> Any:
    """A new analyst who may ask both pods."""
    session = town.newcomer()
    for pod in ("a", "b"):
        town.grant(pod, session, more=more)
    return session


def at_a(town: Town, session: Any, query: str) -> list[tuple[Any, ...]]:
    """What `a` has on record of her; `{hers}` in the query: her runs."""
    return town.rows("a", query.replace("{hers}", f"(SELECT id FROM run WHERE analyst = '{session.fingerprint}')"))


def test_the_answer_is_the_pooled_one_and_every_step_is_on_record(two_pods: Town):
    town, session, pooled = two_pods, served(two_pods), pd.concat(halves())
    mean = session.ask(podium.algorithms.Mean(column="age", by="sex"), pods=PODS, datasource="patients", timeout=60)
    assert mean.status is Status.RELEASED, mean
    expected = pooled.groupby("sex")["age"].mean()
    found = mean.result.set_index("sex")["mean"]
    assert found.to_dict() == pytest.approx(expected.to_dict(), abs=1e-9)

    count = session.ask(podium.algorithms.Count(), pods=PODS, datasource="patients", timeout=60)
    assert abs(count.result - len(pooled)) <= 7.5
    assert count.runs["demo/a"].rows == 400

    # the pod's own record: run, decision before it, datapoints of exactly the rows used
    statuses = at_a(town, session, "SELECT status, rows_read, alias FROM run WHERE id IN {hers} ORDER BY no")
    assert statuses == [("released", 400, "Ana"), ("released", 400, "Ana")]
    assert at_a(town, session, "SELECT count(*) FROM decision WHERE allowed AND run IN {hers}") == [(2,)]
    used = "SELECT count(*), count(DISTINCT task_no), min(counted) FROM datapoint JOIN run ON no = run_no WHERE id IN {hers}"
    assert at_a(town, session, used) == [(800, 2, 1)]
    assert town.rows("a", "SELECT length(key), length(fingerprint) FROM datapoint LIMIT 1") == [(16, 16)]
    assert at_a(town, session, "SELECT count(*) FROM result WHERE run IN {hers}") == [(2,)]

    # the hub holds no question, no level, no figure
    hub = (town.home / "hub").rglob("*")
    held = b"".join(path.read_bytes() for path in hub if path.is_file())
    assert b"demo/a" in held
    for secret in (b"canaryfemale", b"canaryid", b'"mean"', b"one_round"):
        assert secret not in held or secret == b'"mean"', secret

    # new data only: the second time there is nothing new
    again = session.ask(podium.algorithms.Count(), pods=PODS, datasource="patients", new_data_only=True, timeout=60)
    assert (again.status, again.runs["demo/a"].code) == (Status.SUPPRESSED, "nothing_new")


def test_the_same_by_the_command_line(two_pods: Town):
    town = two_pods
    ana = town.session()  # at home where the command looks
    for pod in ("a", "b"):
        town.grant(pod, ana)
    ask = town.folder / "ask.yaml"
    ask.write_text(f"pods: [demo/a, demo/b]\ndatasource: patients\nalgorithm: {{kind: count, by: sex}}\nhub: {town.url}\n")
    done = json.loads(town.podium("ask", str(ask), "--user", "ana", "--json").stdout)
    assert done["status"] == "released"
    assert {row["sex"]: row["count"] for row in done["result"]} == {"canaryfemale": 350, "canarymale": 350}
    listed = json.loads(town.verb("task", "list", "--json").stdout)
    assert [task["task"] for task in listed] == [done["task"]]
    assert json.loads(town.podium("task", "result", done["task"], "--json").stdout) == done
    status = json.loads(town.verb("pod", "status", "--json").stdout)
    assert [status[pod]["phase"] for pod in PODS] == ["serving"] * 2
    assert all(status[pod]["datasources"] == {"patients": "full"} for pod in PODS)


def test_a_small_cell_is_suppressed_in_the_combined_answer(two_pods: Town):
    town, session = two_pods, served(two_pods, more=("--column", "kind"))
    count = podium.algorithms.Count(by="kind")
    answer = session.ask(count, pods=PODS, datasource="patients", timeout=60)
    table = answer.result.set_index("kind")
    assert table.loc["canaryrare", "suppressed"] == "min_cell"
    assert table["count"].isna()["canaryrare"]
    assert answer.runs["demo/a"].suppressed == ("min_cell",)
    partly = session.ask(count, pods=PODS, datasource="patients", allow_partial=True, timeout=60)
    assert partly.status is Status.PARTIAL
    assert partly.result.set_index("kind").loc["canaryrare", "count"] == 30
    released = at_a(town, session, "SELECT released FROM result WHERE run IN {hers}")
    assert len(released) == 2
    assert all("canaryrare" not in text for (text,) in released)


def test_without_a_grant_every_refusal_looks_the_same(two_pods: Town):
    town, session = two_pods, two_pods.newcomer()
    ask = {"pods": ["demo/a"], "datasource": "patients", "timeout": 60}
    stranger = session.ask(podium.algorithms.Count(), **ask)
    town.grant("a", session, algorithms=("count",), more=("--max-runs", "1"))
    wrong_algorithm = session.ask(podium.algorithms.Mean(column="age"), **ask)
    allowed = session.ask(podium.algorithms.Count(), **ask)
    used_up = session.ask(podium.algorithms.Count(), **ask)
    refused = [stranger, wrong_algorithm, used_up]
    assert [answer.status for answer in refused] == [Status.REJECTED] * 3
    assert len({(run.code, run.message) for answer in refused for run in answer.runs.values()}) == 1
    assert allowed.status is Status.RELEASED
    assert at_a(town, session, "SELECT allowed, reasons FROM decision WHERE run IN {hers} ORDER BY at, rowid") == [
        (0, "no_grant"), (0, "algorithm"), (1, ""), (0, "max_runs")
    ]  # fmt: skip
    statuses = at_a(town, session, "SELECT status FROM run WHERE id IN {hers} ORDER BY no")
    assert [status for (status,) in statuses] == ["rejected", "rejected", "released", "rejected"]


def test_what_the_card_can_tell_is_told_before_anything_is_sent(two_pods: Town):
    session, runs = two_pods.newcomer(), "SELECT count(*) FROM run"
    before = two_pods.rows("a", runs)
    with pytest.raises(ConfigError, match="age"):
        session.ask(podium.algorithms.Mean(column="agee"), pods=["demo/a"], datasource="patients")
    with pytest.raises(ConfigError, match="patients"):
        session.ask(podium.algorithms.Count(), pods=["demo/a"], datasource="patient")
    with pytest.raises(ConfigError, match="sex"):
        session.ask(podium.algorithms.Mean(column="sex"), pods=["demo/a"], datasource="patients")
    assert two_pods.rows("a", runs) == before
