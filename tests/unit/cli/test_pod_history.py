"""`podium pod history` as it is printed: nothing that an analyst chose steers the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from podium import project
from podium.contracts import Decision, Released, ReleasedCell, Status

HOSTILE = "\x1b]0;owned\x07[red]x\u202e"


@pytest.fixture
def asked(tmp_path: Path) -> list[str]:
    """A pod that is not running, and what it was asked."""
    runs, stores = project.load("schemas.runs"), project.load("schemas.stores")
    folder = tmp_path / "home" / "pods" / "clinic" / "north"
    folder.mkdir(parents=True)
    fields = {"pod": {"name": "north", "owner": "clinic"}, "datasources": [{"name": "a", "kind": "csv", "path": "/a.csv"}]}
    (folder / "pod.json").write_text(json.dumps(fields))
    database = stores.PodDatabase.of(folder=folder, pod="clinic/north")
    store, ids = runs.RunStore(database), ["aa" * 16, "ab" * 16]
    for run in ids:
        store.receive(run, mid=run, attempt=1, envelope=b"")
    store.note(ids[0], algorithm=HOSTILE, datasource=HOSTILE, alias=HOSTILE, task=HOSTILE, task_json=json.dumps({"v": 1, "by": HOSTILE}))
    cells = (ReleasedCell(key=(HOSTILE,), values={"count": 20}),)
    store.finish(ids[0], Status.RELEASED, reply=None, released=Released(by=(HOSTILE,), rows=20, cells=cells), keep=True)
    stores.GrantStore(database).decide(ids[1], Decision(allowed=False, reasons=("no_grant",), task_digest="", at=1), limit=None)
    store.finish(ids[1], Status.REJECTED, reply=None, code="refused")
    database.close()
    return ids


def test_what_others_chose_is_shown_and_not_obeyed(podium, asked: list[str]) -> None:
    for said in (podium("pod", "history"), podium("pod", "history", "north", "--run", asked[0]), podium("pod", "history", "--json")):
        assert not {"\x1b", "\x07", "\u202e"} & set(said.out)
        assert "[red]x" in said.out


def test_one_run(podium, asked: list[str]) -> None:
    assert "no: no grant names this analyst's key" in podium("pod", "history", "--run", "AB").out
    assert podium("pod", "history", "--run", "ab", "--json").data["decision"]["reasons"] == ["no_grant"]
    assert "2 runs begin" in podium("pod", "history", "--run", "a", "--json", code=2).error["message"]
    assert podium("pod", "history", "--run", "ff", "--json", code=2).error["field"] == "--run"
    assert [run["id"] for run in podium("pod", "history", "--limit", "1", "--json").data] == asked[1:]
