"""A custodian's day at the command line: a pod file, a pod, what was asked of it, its end; and a pod that runs flows of her own."""

from __future__ import annotations

import json
import sqlite3
import subprocess

import psutil
from prefect_view import ask_prefect
from town import PODIUM, Town, patients, until

import podium as library


def test_from_data_to_history_and_the_end(town: Town):
    frame = patients(130)
    frame.to_csv(town.folder / "patients.csv", index=False)
    town.start_hub()

    # five minutes: a pod file, a check, a start
    town.podium("pod", "init", "--name", "a", "--owner", "demo", "--hub", town.url, "--data", "patients.csv")
    file = town.folder / "pod.yaml"
    file.write_text(file.read_text().replace("#    key: []  ", "    key: [patient]"))
    said = json.loads(town.podium("pod", "check", "pod.yaml", "--json").stdout)
    assert said == {"pod": "demo/a", "datasources": {"patients": "ok, 3 columns"}}
    with (town.folder / "first.json").open("w") as out, (town.folder / "a.log").open("w") as log:
        command = [*PODIUM, "pod", "start", "pod.yaml", "--json"]
        town.pods["a"] = subprocess.Popen(
            command, env=town.env, cwd=town.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=log, text=True
        )
    town.processes.append(town.pods["a"])
    town.ready("a")
    first = json.loads((town.folder / "first.json").read_text())  # one JSON value, and no line of the log
    assert (first["pod"], first["pid"]) == ("demo/a", town.pid("a"))

    # a column that is not there is told now, not by a refusal later
    session = town.session()
    wrong = ["grant", "create", "--pod", "demo/a", "--analyst", session.fingerprint, "--alias", "Ana", "--datasource", "patients"]
    told = json.loads(town.verb(*wrong, "--algorithm", "count", "--column", "agee", "--json", code=2).stdout)["error"]
    assert told["field"] == "--column"
    assert "'age'" in told["remedy"]

    # refused, released, nothing new, then one changed and twenty new datapoints
    count = library.algorithms.Count(by="sex")
    asking = {"pods": ["demo/a"], "datasource": "patients"}
    assert session.ask(count, **asking).status == "rejected"
    town.grant("a", session)
    assert session.ask(count, **asking, new_data_only=True).status == "released"
    assert session.ask(count, **asking, new_data_only=True).status == "suppressed"
    (frame := patients(150)).loc[0, "age"] = 99
    frame.to_csv(town.folder / "patients.csv", index=False)
    some = session.ask(count, **asking, new_data_only=True)
    assert some.status == "released"
    told = some.runs["demo/a"]  # 20 new, 1 changed and 129 others: that is for the custodian
    assert (told.code, told.rows) == ("", 20)
    assert not [exact for exact in ("21", "129", "150") if exact in str(some.result)]
    mean = library.algorithms.Mean(column="age")
    assert session.ask(mean, **asking).status == "released"

    # the history, while the pod is at work
    runs = json.loads(town.podium("pod", "history", "a", "--json").stdout)
    shown = [(run["status"], run["code"], run["algorithm"], run["new"], run["changed"], run["unchanged"]) for run in runs]
    assert shown[0] == ("released", "", "mean", 150, 0, 0)
    assert shown[2] == ("suppressed", "nothing_new", "count", None, None, 130)
    assert shown[3] == ("released", "", "count", 130, 0, 0)
    assert shown[4][:2] == ("rejected", "refused")
    assert shown[1] == ("released", "", "count", 20, 1, 129)
    assert {run["alias"] for run in runs[:4]} == {"Ana"}
    table = town.verb("pod", "history").stdout
    assert all(run["id"][:8] in table for run in runs)

    released = json.loads(town.verb("pod", "history", "demo/a", "--run", runs[3]["id"][:10], "--json").stdout)
    assert released["decision"]["allowed"]
    assert released["suppressed"] == []
    assert sum(cell["values"]["count"] for cell in released["released"]["cells"]) == 130
    refused = town.verb("pod", "history", "--run", runs[4]["id"]).stdout
    assert "no: no grant names this analyst's key" in refused

    # which results used a patient
    (used, *others) = json.loads(town.verb("pod", "history", "--datapoint", "canaryid0x000000", "--json").stdout)
    assert [run["how"] for run in used["used_in"]] == ["new", "changed"]
    assert [one["algorithm"] for one in others] == ["mean"]

    # the end: once in good order, then no error
    pid = town.pid("a")
    assert json.loads(town.podium("pod", "stop", "pod.yaml", "--json").stdout) == {"stopped": ["demo/a"], "not_running": []}
    assert town.pods["a"].wait(10) == 0
    assert not psutil.pid_exists(pid)
    assert town.state("a")["phase"] == "stopped"
    assert "was not running" in town.verb("pod", "stop", "a").stdout
    assert "No pod" in town.verb("pod", "stop", "--all").stdout
    assert json.loads(town.verb("pod", "status", "--json").stdout)["demo/a"]["phase"] == "stopped"
    assert json.loads(town.verb("pod", "history", "--json").stdout) == runs
    place = town.home / "pods" / "demo" / "a" / "pod.db"
    with sqlite3.connect(place) as database:  # nothing that history did has changed it
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_pod_that_runs_flows_of_her_own(shared: Town):
    town = shared
    mine = town.folder / "mine"
    said = json.loads(town.verb("pod", "eject", "mine", "--json").stdout)
    assert said["project"] == str(mine)
    for file, before, after in (
        ("flows/pod_startup.py", '"pod is up"', '"my own pod is up"'),
        ("tasks/show.py", 'f"# Run {case.id8}', 'f"# My run {case.id8}'),
        ("schemas/contract_file.py", "# Edit below;", "# Mine;"),  # which a worker runs
    ):
        text = (mine / file).read_text()
        assert before in text
        (mine / file).write_text(text.replace(before, after))
    town.verb("pod", "eject", "mine", code=2)  # nothing is overwritten
    assert "my own pod" in (mine / "flows" / "pod_startup.py").read_text()

    file = town.pod_file("own", town.csv("own", patients(60)))
    town.pods["own"] = town.spawn([*PODIUM, "pod", "start", str(file), "--project", "mine"], "own.log")
    town.ready("own")
    folder = town.home / "pods" / "demo" / "own"
    assert "my own pod is up" in (folder / "pod.log").read_text()
    assert "# Mine;" in (folder / "contracts" / "patients.yaml").read_text()

    session = town.newcomer()
    town.grant("own", session)
    answer = session.ask(library.algorithms.Count(by="sex"), pods=["demo/own"], datasource="patients")
    assert answer.status == "released"
    assert until(lambda: "# My run" in artifacts(), seconds=20)
    town.leave("own")


def test_a_start_that_fails_says_why_as_one_json_value(shared: Town):
    town = shared
    file = town.pod_file("fails", town.csv("fails", patients(20)), policy={"custodian": str(town.folder / "none.pem")})
    done = town.podium("pod", "start", str(file), "--json", code=2, timeout=120)
    error = json.loads(done.stdout)["error"]
    assert (error["field"], error["remedy"]) == ("policy.custodian", "Write it with: podium keys show --pem")


def artifacts() -> str:
    """The markdown artifacts that Prefect has."""
    return " ".join(str(one["data"]) for one in ask_prefect("/artifacts/filter", {"sort": "CREATED_DESC"}))


def test_half_a_project_is_refused(shared: Town):
    town = shared
    (town.folder / "half" / "flows").mkdir(parents=True)
    (town.folder / "half" / "flows" / "__init__.py").touch()
    file = town.folder / "half.yaml"
    file.write_text("pod: {name: a, owner: demo}\ndatasources: [{name: patients, kind: csv, path: x.csv}]\n")
    told = json.loads(town.podium("pod", "start", str(file), "--project", "half", "--json", code=2).stdout)["error"]
    assert told["field"] == "PODIUM_PROJECT"
    assert "tasks, schemas, deployments" in told["message"]
