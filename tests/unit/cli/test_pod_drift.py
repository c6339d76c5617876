"""`podium pod drift`: what it shows, what it keeps to itself, and what accepting does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from podium import project
from podium.contracts import Category, Column, DatasourceSchema

HOSTILE = "\x1b]0;owned\x07[red]x"


def schema(at: int, *columns: Column) -> DatasourceSchema:
    return DatasourceSchema(datasource="a", stage="full", rows=403, columns=columns, generated_at=at)


def levels(*values: str) -> Column:
    categories = tuple(Category(value=value, rows=100) for value in values)
    return Column(name=HOSTILE, type="text", semantic="categorical", nulls=3, categories=categories)


@pytest.fixture
def changes(tmp_path: Path) -> Any:
    """A pod that does not run; a column is gone from its data, and a category is new."""
    stores, kept = project.load("schemas.stores"), project.load("schemas.changes")
    folder = tmp_path / "home" / "pods" / "clinic" / "north"
    folder.mkdir(parents=True)
    sources = [{"name": name, "kind": "csv", "path": f"/{name}.csv", "on_drift": "stop"} for name in ("a", "b")]
    (folder / "pod.json").write_text(json.dumps({"pod": {"name": "north", "owner": "clinic"}, "datasources": sources}))
    database = stores.PodDatabase.of(folder=folder, pod="clinic/north")
    gone = Column(name="gone", type="integer", semantic="continuous")
    for one in (schema(1, gone, levels("canarya", "canaryb")), schema(2, levels("canarya", "canaryc", "canaryd"))):
        stores.SchemaStore(database).add(one)
        kept.ChangeStore(database).note("a")
    yield kept.ChangeStore(database)
    database.close()


def test_what_changed_without_any_value(podium, changes):
    said = podium("pod", "drift", "north")
    assert "clinic/north a: break; not accepted, tasks are refused (on_drift: stop)" in said.out
    assert "break  gone: column gone (it held integer)" in said.out
    assert "2 categories new, 1 category gone" in said.out
    assert "clinic/north b: nothing to compare with yet" in said.out
    assert not {"\x1b", "\x07"} & set(said.out)
    assert "canary" not in said.out + podium("pod", "drift", "--json").out
    shown = podium("pod", "drift", "--full")
    assert "canaryc, canaryd" in shown.out
    assert "for you alone" in shown.err


def test_accepting_settles_it_and_says_how_it_stands_now(podium, changes):
    assert changes.is_open("a")
    assert "a: break; nothing waits for you" in podium("pod", "drift", "--accept", "a").out
    assert not changes.is_open("a")
    (found,) = podium("pod", "drift", "north", "--accept", "a", "--json").data
    assert (found["open"], found["kept"][0]["settled_by"]) == (False, "custodian")


def test_a_name_that_is_not_there_is_refused_and_settles_nothing(podium, changes):
    assert podium("pod", "drift", "--accept", "aa", "--json", code=2).error["field"] == "--accept"
    assert changes.is_open("a")
    assert podium("pod", "drift", "--json").data[1]["changes"] == []


def test_without_any_pod(podium):
    assert podium("pod", "drift").out.strip() == "No pod was started here."
