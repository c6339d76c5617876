"""What a custodian sees of standing tasks on the command line, and how she ends one; over a pod's real tables."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from podium import cli, project
from podium.config import keep_pod, parse_pod
from podium.contracts import Repeat, Status, Task
from podium.policy.grants import Grant

project.activate()

from schemas.approvals import ApprovalStore  # noqa: E402
from schemas.runs import RunStore  # noqa: E402
from schemas.standing import StandingStore  # noqa: E402
from schemas.standing_record import StandingRecord  # noqa: E402
from schemas.stores import PodDatabase  # noqa: E402

RUN, UNTIL = "a1" * 16, int(time.time()) + 10**6
GRANT = Grant(
    id="g1", pod="demo/a", analyst="a" * 64, alias="Ana", datasources=("*",), algorithms=("*",), columns=("*",), not_before=0,
    expires=UNTIL, approval="every_run",
)  # fmt: skip


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PodDatabase:
    """A pod with one task that stands."""
    monkeypatch.setenv("PODIUM_HOME", str(tmp_path))
    config = parse_pod({"pod": {"name": "a", "owner": "demo"}, "datasources": [{"name": "p", "kind": "csv", "path": "/x.csv"}]})
    keep_pod(config)
    made = PodDatabase.of(folder=config.folder, pod="demo/a")
    task = Task(protocol={}, algorithm={"kind": "count"}, datasource="p", new_data_only=True, repeat=Repeat(cron="0 6 * * 1", until=UNTIL))
    runs = RunStore(made)
    runs.receive(RUN, mid="m", attempt=1, envelope=b"sealed")
    runs.note(RUN, alias="Ana", algorithm="count", datasource="p", task_json=task.model_dump_json(), analyst="a" * 64)
    record = StandingRecord(run=RUN, header=b"", reference="m.d", task_json=task.model_dump_json(), until=UNTIL)
    StandingStore(made).accept(record)
    return made


def said(capsys: pytest.CaptureFixture[str], *args: str, code: int = 0) -> str:
    assert cli.run(list(args)) == code
    return capsys.readouterr().out


def test_a_task_that_stands_is_shown_and_ended(database: PodDatabase, capsys: pytest.CaptureFixture[str]):
    assert json.loads(said(capsys, "pod", "status", "a", "--json"))["demo/a"]["standing"] == []  # its first run goes on
    RunStore(database).finish(RUN, Status.RELEASED, reply=b"r")
    (shown,) = json.loads(said(capsys, "pod", "status", "a", "--json"))["demo/a"]["standing"]
    assert (shown["task"], shown["alias"], shown["last"]) == (RUN, "Ana", 1)
    assert "standing task a1a1a1a1: count on p for Ana, again by itself at the times of cron '0 6 * * 1'" in said(
        capsys, "pod", "status", "a"
    )
    assert "no task stands here" in said(capsys, "pod", "stop", "a", "--task", "b2b2", "--json", code=2)
    assert "no task stands here" in said(capsys, "pod", "stop", "a", "--task", "%", "--json", code=2)
    assert json.loads(said(capsys, "pod", "stop", "a", "--task", "a1a1", "--json")) == {"pod": "demo/a", "ended": RUN}
    kept = StandingStore(database).untold()  # the pod tells the analyst
    assert [(one.run, one.ended_by) for one in kept] == [(RUN, "custodian")]
    assert "no task stands here" in said(capsys, "pod", "stop", "a", "--task", "a1a1", "--json", code=2)


def test_who_approves_reads_that_it_repeats(database: PodDatabase, capsys: pytest.CaptureFixture[str]):
    now = int(time.time())
    ApprovalStore(database).ask(RUN, task_digest="d" * 64, grant=GRANT, expires=now + 60, notice=None, now=now)
    shown = said(capsys, "approvals", "show", RUN[:8], "--pod", "demo/a")
    assert "repeats: again by itself at the times of cron '0 6 * * 1' (UTC), on new data only, until " in shown
    assert "a yes is a yes to each of them" in shown
    assert json.loads(said(capsys, "approvals", "show", RUN[:8], "--pod", "demo/a", "--json"))["task"]["repeat"]["until"] == UNTIL
