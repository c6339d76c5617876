"""Whether a task goes on after a change, by policy; and what the pod's state says of it."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from podium import project
from podium.contracts import Column, DatasourceSchema
from podium.datasources import load_source
from podium.errors import TaskError
from podium.state import StateFile, alone, read_state

project.activate()

from schemas.changes import ChangeStore  # noqa: E402
from schemas.stores import PodDatabase, SchemaStore  # noqa: E402
from tasks import drift  # noqa: E402
from tasks.words import public  # noqa: E402

AGE, SEX = (Column(name=name, type="integer", semantic="continuous", nulls=0) for name in ("age", "sex"))


@pytest.fixture
def sent(monkeypatch):
    """Events as they are handed to Prefect's client; the end-to-end test looks for them on the server."""
    monkeypatch.setattr(logging.getLogger("podium"), "propagate", True)  # a test before may have set up a pod's log
    monkeypatch.setattr(drift, "timeline", lambda *_, **__: None)  # there is no flow run to show it
    events = []
    monkeypatch.setattr(drift, "emit_event", lambda name, **fields: events.append((name, fields)))
    return events


@pytest.fixture
def desk(tmp_path, sent):
    """A desk's parts that drift is about, all of them real, of a pod that is up."""
    source = {"name": "p", "kind": "csv", "path": "/p.csv"}
    database = PodDatabase.of(folder=tmp_path, pod="demo/a")
    made = SimpleNamespace(
        tag="a@demo",
        config=SimpleNamespace(identifier="demo/a"),
        database=database,
        schemas=SchemaStore(database),
        changes=ChangeStore(database),
        state=StateFile(tmp_path),
        folder=tmp_path,
        fields=source,
    )
    made.source = lambda _: load_source(made.fields)
    with alone(tmp_path):
        made.state.begin()
        yield made
    database.close()


async def taken(desk, *columns):
    desk.schemas.add(DatasourceSchema(datasource="p", stage="full", rows=400, columns=columns))
    return await drift.compare.fn(desk, "p")


@pytest.mark.parametrize(
    ("policy", "refused", "shown", "events"), [("stop", True, True, 1), ("warn", False, True, 1), ("ignore", False, False, 0)]
)
async def test_by_policy(desk, sent, caplog, policy, refused, shown, events):
    desk.fields["on_drift"] = policy
    assert await taken(desk, AGE, SEX) is None
    with caplog.at_level(logging.INFO):
        standing = await taken(desk, SEX)
    assert (standing is not None and standing.open) == shown
    assert read_state(desk.folder).drift == ({"p": "break"} if shown else {})
    assert len(sent) == events
    assert ("column_dropped age" in caplog.text) == shown
    if refused:
        with pytest.raises(TaskError) as error:
            drift.check_accepted(desk, "p")
        assert (error.value.code, error.value.status) == ("drift", "rejected")
        assert "age" not in " ".join(public("drift"))
        desk.changes.accept("p", now=1)
    drift.check_accepted(desk, "p")


async def test_it_is_said_once_and_again_when_it_is_over(desk, sent, caplog):
    await taken(desk, AGE, SEX)
    await taken(desk, SEX)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        assert (await taken(desk, SEX)).open  # still, but no news
        assert (len(sent), caplog.text) == (1, "")
        assert not (await taken(desk, AGE, SEX)).open
    assert "again as it was accepted" in caplog.text
    assert read_state(desk.folder).drift == {}
    assert len(sent) == 1


async def test_an_event_names_pod_datasource_rules_and_columns(desk, sent):
    await taken(desk, AGE, SEX)
    await taken(desk, SEX)
    ((name, fields),) = sent
    assert name == "podium.schema.drift"
    assert fields["resource"]["prefect.resource.id"] == "podium.datasource.a@demo.p"
    assert fields["payload"]["changes"] == [{"rule": "column_dropped", "level": "break", "column": "age"}]


async def test_a_note_is_no_event_and_holds_nobody_up(desk, sent):
    desk.fields["on_drift"] = "stop"
    await taken(desk, AGE)
    assert not (await taken(desk, AGE, SEX)).open
    assert sent == []
    drift.check_accepted(desk, "p")


async def test_a_crash_before_the_comparison_is_made_up_for(desk, sent):
    await taken(desk, AGE, SEX)
    desk.schemas.add(DatasourceSchema(datasource="p", stage="full", rows=400, columns=(SEX,)))
    assert (await drift.compare.fn(desk, "p")).open  # as a refresh does that finds the data unchanged
    assert len(sent) == 1


async def test_columns_that_the_pod_file_leaves_out_now_are_no_news(desk, sent):
    await taken(desk, AGE, SEX)
    desk.fields["ignore_columns"] = ["age"]
    assert (await taken(desk, SEX)).drift.level == "none"
