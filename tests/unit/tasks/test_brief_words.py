"""Who approves is told that each datapoint will have a number here; Prefect is told no more of it than that."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from podium.algorithms import Algorithm, Count, Score
from podium.cli.approvals import _keeps
from podium.config import parse_pod
from podium.contracts import Task
from podium.project import activate

activate()

from schemas.records import ApprovalRecord, RunRecord  # noqa: E402
from tasks.brief import brief  # noqa: E402

SCORE = Score(coefficients={"age": 918273.5}, edges=(817263, 817264), where="age > 716253")


def config(*, kept: bool) -> Any:
    return parse_pod({"pod": {"name": "north", "owner": "clinic"}, "datasources": [], "history": {"pod_db": kept}})


def told(algorithm: Algorithm, *, kept: bool) -> tuple[str, list[str]]:
    """The brief in Prefect, and what `podium approvals show` adds to the task."""
    task = Task(protocol={"kind": "one_round"}, algorithm=algorithm.dump(), datasource="patients")
    run = RunRecord(id="a" * 32, mid="", lease_attempt=0, envelope=b"", received_at=0, task_json=task.model_dump_json(), alias="Ana")
    run.algorithm, run.datasource = algorithm.kind, "patients"
    desk: Any = SimpleNamespace(config=config(kept=kept), tag="north@clinic", runs=SimpleNamespace(get=lambda _: run))
    asked = ApprovalRecord(run=run.id, task_digest="", grant_id="g", approver="signed", asked_at=0, expires=0)
    return brief(desk, asked), _keeps(json.loads(run.task_json), config(kept=kept))


@pytest.mark.parametrize("kept", [True, False])
def test_what_stays_is_told(kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODIUM_HOME", str(tmp_path))
    form, lines = told(SCORE, kept=kept)
    assert ("| Stays at this pod | a number for each datapoint, for you alone |" in form) is kept
    assert [("sealed" in line, "history.pod_db is false" in line) for line in lines] == [(kept, not kept)]
    assert not [secret for secret in ("918273", "817263", "716253") if secret in form]
    assert "Columns read | age |" in form


def test_of_other_kinds_there_is_nothing_to_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODIUM_HOME", str(tmp_path))
    form, lines = told(Count(), kept=True)
    assert ("Stays" in form, lines) == (False, [])
