"""Prefect is the view, and everyone with its password sees it: what is private must not get there, whatever goes wrong.

Recognisable values stand in rows, files, tasks, names and keys. After released, suppressed, rejected and failed runs and a schema
generation that failed, the whole of Prefect is searched: every column of every table, the raw database files, the server's log and its
home; then the pod's own log, where no cell and no secret may stand either.
"""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import struct
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from by_hand import Hand
from prefect_view import ask_prefect
from town import Town, until

import podium
from podium.contracts import Status

CELLS = ["canaryid", "canaryfemale", "canarymale", "canaryrare", "canarynote", "canarybadcell", "canarybreach", "918273645"]
ANALYST = ["canaryname", "canaryreason", "canaryliteral", "canarybody", "canarykind", "canaryvalue"]


@pytest.fixture
def own(town: Town) -> Town:
    """A town whose pods start a Prefect server of their own."""
    return town.with_own_prefect()


def rows() -> pd.DataFrame:
    count = 200
    sex = ["canaryrare" if i < 3 else "canaryfemale" if i % 2 else "canarymale" for i in range(count)]
    return pd.DataFrame(
        {
            "patient": [f"canaryid{i:06d}" for i in range(count)],
            "sex": sex,
            "dose": [918273645 + i * i for i in range(count)],
            "note": [f"canarynote number {i}" for i in range(count)],
        }
    )


def test_prefect_and_the_pods_log_hold_nothing_private(own: Town):
    town = own
    town.start_hub()
    code = json.loads(town.verb("hub", "invite", "demo", "--json").stdout)["code"]
    town.env["PODIUM_HUB_CODE"] = code
    sources = datasources(town)
    town.start_pod("a", *sources, ready=False)
    state = town.ready("a")
    del town.env["PODIUM_HUB_CODE"]
    assert state["datasources"]["bad"].startswith("broken: ")
    with (town.folder / "visits.csv").open("a") as file:
        file.write("canaryidv,canarybreach\n")

    statuses, figures = every_kind_of_run(town)
    approved_runs(town)
    assert statuses == {"released", "suppressed", "rejected", "failed"}
    plant(town)
    time.sleep(4)  # logs and events are shipped in batches
    town.pods["a"].terminate()
    town.pods["a"].wait(20)
    until(lambda: not (town.home / "prefect" / "server.json").exists(), seconds=15)

    prefect = town.home / "prefect"
    shown = dict(everything(prefect))
    found = " ".join(text.decode("utf-8", "replace") for text in shown.values())
    for told in ("May this task run", "Approved", "dose", "min_cell", "nothing_new", "planted-marker", "compute-", "Ana"):
        assert told in found, f"the search is blind: {told} should be there"
    secrets = keys(town, code)
    scores = [("a score", struct.pack("<d", 918273645.0 + i * i)) for i in range(200)]
    for what, needle in [*((text, text.encode()) for text in [*CELLS, *ANALYST, *figures]), *secrets, *scores]:
        places = [place for place, text in shown.items() if needle in text]
        assert not places, f"{what} is in Prefect: {places}"

    log = b"".join(path.read_bytes() for path in (town.home / "pods" / "demo" / "a").glob("pod.log*"))
    assert b"breaks its contract" in log
    for what, needle in [*((text, text.encode()) for text in [*CELLS, *figures]), *secrets]:
        assert needle not in log, f"{what} is in pod.log"


def datasources(town: Town) -> list[dict[str, Any]]:
    """One good; one whose last line holds a cell that does not fit; one that will break its contract later."""
    rows().to_csv(town.folder / "good.csv", index=False)
    lines = "".join(f"{i},{i}\n" for i in range(120_000))
    (town.folder / "bad.csv").write_text(f"id,amount\n{lines}7,canarybadcell\n")
    (town.folder / "visits.csv").write_text("patient,score\n" + "".join(f"canaryidv{i},{i % 50}\n" for i in range(100)))
    return [
        {"name": "patients", "kind": "csv", "path": str(town.folder / "good.csv"), "key": ["patient"]},
        {"name": "bad", "kind": "csv", "path": str(town.folder / "bad.csv")},
        {"name": "visits", "kind": "csv", "path": str(town.folder / "visits.csv"), "key": ["patient"]},
    ]


def every_kind_of_run(town: Town) -> tuple[set[str], list[str]]:
    """The statuses that came out, and figures of the released results as they would be written."""
    session = town.session("canaryname")
    hand = Hand(session, town.home)
    refused = hand.ask()
    assert refused is not None
    assert refused.status is Status.REJECTED
    every = ["--datasource", "*", "--algorithm", "*", "--column", "*", "--alias", "Ana"]
    town.verb("grant", "create", "--pod", "demo/a", "--analyst", session.fingerprint, *every)

    ask: dict[str, Any] = {"pods": ["demo/a"], "timeout": 60}
    mean = session.ask(podium.algorithms.Mean(column="dose", by="sex"), datasource="patients", **ask)
    assert mean.status is Status.RELEASED
    assert mean.suppressed == ("min_cell",)
    assert session.ask(podium.algorithms.Count(), datasource="patients", **ask).status is Status.RELEASED
    again = session.ask(podium.algorithms.Count(), datasource="patients", new_data_only=True, **ask)
    assert again.status is Status.SUPPRESSED
    score = podium.algorithms.Score(coefficients={"dose": 1.0}, edges=(918280000, 918300000))  # each score is a cell
    assert session.ask(score, datasource="patients", **ask).status is Status.RELEASED
    assert town.rows("a", "SELECT datapoints FROM datapoint_result") == [(200,)]
    breach = session.ask(podium.algorithms.Count(), datasource="visits", **ask)
    assert (breach.status, breach.runs["demo/a"].code) == (Status.FAILED, "contract")

    by_hand = [
        hand.ask({"kind": "mean", "column": "note"}),
        hand.ask({"kind": "count", "by": "patient"}),
        hand.ask({"kind": "mean", "column": "nosuchcolumn"}),
        hand.ask({"kind": "canarykind"}),
        hand.ask({"kind": "count", "canaryliteral": "canaryvalue"}),
        hand.ask({"kind": "mean", "column": {"canaryliteral": "canaryvalue"}}),
        hand.ask(datasource="bad"),
        hand.ask(datasource="nosuchsource"),
    ]
    assert None not in by_hand
    for body in (b'{"v":1,"canarybody":"canaryvalue"}', b"canarybody"):
        posted = hand.post(body=body)
        until(lambda run=posted.run: town.rows("a", f"SELECT 1 FROM run WHERE id = '{run}' AND finished_at IS NOT NULL"))
    statuses = {str(status).lower() for (status,) in town.rows("a", "SELECT status FROM run")}
    released = [json.loads(text) for (text,) in town.rows("a", "SELECT released FROM result")]
    sums = [cell["values"]["sum"] for one in released for cell in one["cells"] if "sum" in cell["values"]]
    assert sums
    means = [format(value, ".4f") for value in mean.result["mean"].dropna()]
    return statuses, [*map(str, sums), *means]


def approved_runs(town: Town) -> None:
    """A filter's literal and a custodian's reason are in the pod's tables, and on the form of neither."""
    session = town.session("canaryname")
    every = ["--datasource", "*", "--algorithm", "*", "--column", "*", "--alias", "Ana", "--approval", "every_run"]
    town.verb("grant", "create", "--pod", "demo/a", "--analyst", session.fingerprint, *every)
    count = podium.algorithms.Count(where="sex != 'canaryliteral' and dose > 918273645")
    answer = session.ask(count, pods=["demo/a"], datasource="patients", wait=False)
    ((run,),) = until(lambda: town.rows("a", "SELECT run FROM approval"))
    environ = json.loads(town.verb("prefect", "env", "--json").stdout)

    def state() -> str:
        time.sleep(0.5)
        found = ask_prefect("/flow_runs/filter", {"flow_runs": {"name": {"any_": [f"approve-{run[:8]}"]}}}, environ)
        return found[0]["state"]["name"] if found else ""

    until(lambda: state() == "Suspended", seconds=120, why=state)
    town.verb("approvals", "approve", run, "--pod", "demo/a", "--reason", "canaryreason")
    assert answer.wait(60).status is Status.RELEASED
    until(lambda: state() == "Approved", why=state)


def plant(town: Town) -> None:
    """Put a marker into Prefect, to be found: a search that cannot find anything proves nothing."""
    environ = json.loads(town.verb("prefect", "env", "--json").stdout)
    ask_prefect("/artifacts/", {"key": "planted", "data": "planted-marker"}, environ)


def everything(prefect: Path) -> Iterator[tuple[str, bytes]]:
    """(place, content) of all that Prefect keeps: each column of each table as one text, each file as it lies."""
    with sqlite3.connect(prefect / "prefect.db") as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            cursor = database.execute(f'SELECT * FROM "{table}"')
            names = [column[0] for column in cursor.description]
            for name, values in zip(names, zip(*cursor, strict=True), strict=False):
                yield f"{table}.{name}", b"\n".join(v if isinstance(v, bytes) else str(v).encode() for v in values)
    assert len(tables) > 20
    for path in sorted(prefect.rglob("*")):
        if path.is_file() and path.name != "auth" and "ui" not in path.relative_to(prefect).parts:
            yield str(path.relative_to(prefect)), path.read_bytes()


def keys(town: Town, code: str) -> list[tuple[str, bytes]]:
    """Every secret of this home, in each form in which it could be written down."""
    found = [("hub code", code.encode())]
    for path in town.home.rglob("*.pem"):
        lines = [line for line in path.read_bytes().splitlines() if not line.startswith(b"-----")]
        if b"PRIVATE" in path.read_bytes():
            found += [(f"{path.name} of {path.parent.parent.name}", line) for line in lines[1:-1]]
    pod = town.home / "pods" / "demo" / "a" / "keys"
    secret = (pod / "history.key").read_bytes()
    found += [("history secret", form) for form in (secret, secret.hex().encode(), base64.b64encode(secret))]
    for path in (pod / "encryption").glob("*.json"):
        found.append(("encryption key", json.loads(path.read_bytes())["private"].encode()))
    for people in json.loads((town.home / "credentials.json").read_bytes()).values():
        found += [("API key", entry["api_key"].encode()) for entry in people.values()]
    found.append(("admin key", (town.home / "hub" / "admin.key").read_bytes().strip()))
    auth = (town.home / "prefect" / "auth").read_text().partition(":")[2]
    found.append(("Prefect's password", auth.encode()))
    assert len(found) > 30
    assert os.environ["PODIUM_HOME"] == str(town.home)
    return found


def test_a_record_that_a_later_version_cannot_read_is_not_quoted_to_prefect(town: Town):
    """pydantic quotes the value that it refuses. A stored schema holds levels and extremes, so its refusal must not reach Prefect."""
    town.start_hub()
    frame = rows()
    source = town.csv("a", frame)
    town.start_pod("a", source)
    town.pods["a"].terminate()
    town.pods["a"].wait(20)
    database = town.home / "pods" / "demo" / "a" / "pod.db"
    with sqlite3.connect(database) as pod:
        ((body,),) = pod.execute("SELECT body FROM datasource_schema").fetchall()
        stale = json.loads(body) | {"histogram": ["canaryrare", "canaryid000007"]}
        pod.execute("UPDATE datasource_schema SET body = ?", (json.dumps(stale),))
    before = datetime.now(UTC).isoformat()
    town.start_pod("a", source, ready=False)
    until(lambda: town.state("a").get("phase") == "serving", seconds=60, why=lambda: town.log("a.log"))

    def states() -> str:
        """How this pod's schema generation ended; empty until it has."""
        runs = ask_prefect("/flow_runs/filter", {"flow_runs": {"name": {"any_": ["schemas-a@demo"]}, "start_time": {"after_": before}}})
        return " ".join(f"{run['state']['type']}: {run['state']['message']}" for run in runs if run["end_time"])

    messages = until(states, seconds=40, why=lambda: town.log("a.log"))
    assert "canaryrare" not in messages
    assert "canaryid" not in messages
    assert town.ready("a")["datasources"]["patients"] == "full"  # and the schema is taken anew
