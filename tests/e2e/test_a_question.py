"""The main job on real processes: two pods, a hub, an analyst; and everything a custodian may later ask about it."""

from __future__ import annotations

import json

import pytest
from town import Town, patients

import podium
from podium.contracts import Status
from podium.errors import ConfigError

PODS = ["demo/a", "demo/b"]


@pytest.fixture
def two_pods(town: Town):
    town.start_hub()
    left, right = patients(400), patients(300, seed=1)
    path = town.folder / "b.parquet"
    right.to_parquet(path, index=False)
    town.start_pod("a", town.csv("a", left), ready=False)
    town.start_pod("b", {"name": "patients", "kind": "parquet", "path": str(path), "key": ["patient"]}, ready=False)
    town.ready("a")
    town.ready("b")
    session = town.session()
    for pod in ("a", "b"):
        town.grant(pod, session)
    return town, session, left, right


def test_the_answer_is_the_pooled_one_and_every_step_is_on_record(two_pods):
    town, session, left, right = two_pods
    import pandas as pd

    pooled = pd.concat([left, right])
    mean = session.ask(podium.algorithms.Mean(column="age", by="sex"), pods=PODS, datasource="patients", timeout=60)
    assert mean.status is Status.RELEASED, mean
    expected = pooled.groupby("sex")["age"].mean()
    found = mean.result.set_index("sex")["mean"]
    assert found.to_dict() == pytest.approx(expected.to_dict(), abs=1e-9)

    count = session.ask(podium.algorithms.Count(), pods=PODS, datasource="patients", timeout=60)
    assert abs(count.result - len(pooled)) <= 7.5
    assert count.runs["demo/a"].rows == 400

    # the pod's own record: run, decision before it, datapoints of exactly the rows used
    statuses = town.rows("a", "SELECT status, rows_read, alias FROM run ORDER BY no")
    assert statuses == [("released", 400, "Ana"), ("released", 400, "Ana")]
    assert town.rows("a", "SELECT count(*) FROM decision WHERE allowed") == [(2,)]
    assert town.rows("a", "SELECT count(*), count(DISTINCT task_key) FROM datapoint") == [(800, 2)]
    assert town.rows("a", "SELECT length(key), length(fingerprint) FROM datapoint LIMIT 1") == [(16, 16)]
    assert town.rows("a", "SELECT count(*) FROM result") == [(2,)]

    # the hub holds no question, no level, no figure
    hub = (town.home / "hub").rglob("*")
    held = b"".join(path.read_bytes() for path in hub if path.is_file())
    assert b"demo/a" in held
    for secret in (b"canaryfemale", b"canaryid", b'"mean"', b"one_round"):
        assert secret not in held or secret == b'"mean"', secret

    # new data only: the second time there is nothing new
    again = session.ask(podium.algorithms.Count(), pods=PODS, datasource="patients", new_data_only=True, timeout=60)
    assert (again.status, again.runs["demo/a"].code) == (Status.SUPPRESSED, "nothing_new")


def test_the_same_by_the_command_line(two_pods):
    town, _, _, _ = two_pods
    ask = town.folder / "ask.yaml"
    ask.write_text(f"pods: [demo/a, demo/b]\ndatasource: patients\nalgorithm: {{kind: count, by: sex}}\nhub: {town.url}\n")
    done = json.loads(town.podium("ask", str(ask), "--user", "ana", "--json").stdout)
    assert done["status"] == "released"
    assert {row["sex"]: row["count"] for row in done["result"]} == {"canaryfemale": 350, "canarymale": 350}
    listed = json.loads(town.podium("task", "list", "--json").stdout)
    assert [task["task"] for task in listed] == [done["task"]]
    assert json.loads(town.podium("task", "result", done["task"], "--json").stdout) == done
    status = json.loads(town.podium("pod", "status", "--json").stdout)
    assert {pod: s["phase"] for pod, s in status.items()} == {"demo/a": "serving", "demo/b": "serving"}
    assert all(s["datasources"] == {"patients": "full"} for s in status.values())


def test_a_small_cell_is_suppressed_in_the_combined_answer(town: Town):
    town.start_hub()
    left, right = patients(100), patients(100, seed=1)
    left.loc[:2, "sex"] = "canaryrare"  # three here, thirty there
    right.loc[:29, "sex"] = "canaryrare"
    town.start_pod("a", town.csv("a", left), ready=False)
    town.start_pod("b", town.csv("b", right), ready=False)
    town.ready("a")
    town.ready("b")
    session = town.session()
    town.grant("a", session)
    town.grant("b", session)
    count = podium.algorithms.Count(by="sex")
    answer = session.ask(count, pods=PODS, datasource="patients", timeout=60)
    table = answer.result.set_index("sex")
    assert table.loc["canaryrare", "suppressed"] == "min_cell"
    assert table["count"].isna()["canaryrare"]
    assert answer.runs["demo/a"].suppressed == ("min_cell",)
    partly = session.ask(count, pods=PODS, datasource="patients", allow_partial=True, timeout=60)
    assert partly.status is Status.PARTIAL
    assert partly.result.set_index("sex").loc["canaryrare", "count"] == 30
    assert all("canaryrare" not in released for (released,) in town.rows("a", "SELECT released FROM result"))


def test_without_a_grant_every_refusal_looks_the_same(town: Town):
    town.start_hub()
    town.start_pod("a", town.csv("a", patients(100)))
    session = town.session()
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
    assert town.rows("a", "SELECT allowed, reasons FROM decision ORDER BY at, rowid") == [
        (0, "no_grant"), (0, "algorithm"), (1, ""), (0, "max_runs")
    ]  # fmt: skip
    assert [status for (status,) in town.rows("a", "SELECT status FROM run ORDER BY no")] == [
        "rejected",
        "rejected",
        "released",
        "rejected",
    ]


def test_what_the_card_can_tell_is_told_before_anything_is_sent(town: Town):
    town.start_hub()
    town.start_pod("a", town.csv("a", patients(100)))
    session = town.session()
    with pytest.raises(ConfigError, match="age"):
        session.ask(podium.algorithms.Mean(column="agee"), pods=["demo/a"], datasource="patients")
    with pytest.raises(ConfigError, match="patients"):
        session.ask(podium.algorithms.Count(), pods=["demo/a"], datasource="patient")
    with pytest.raises(ConfigError, match="sex"):
        session.ask(podium.algorithms.Mean(column="sex"), pods=["demo/a"], datasource="patients")
    assert town.rows("a", "SELECT count(*) FROM run") == [(0,)]
