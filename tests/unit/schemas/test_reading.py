"""The history as it is read: on SQLite and on a real PostgreSQL, beside a writer, and without a way to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from podium import project
from podium.contracts import Decision, Released, ReleasedCell, Status, Suppression
from podium.errors import ConfigError

project.activate()

from sqlalchemy import text  # noqa: E402
from sqlalchemy.exc import DBAPIError  # noqa: E402

from schemas.history import HistoryStore, Used  # noqa: E402
from schemas.reading import RunReader  # noqa: E402
from schemas.runs import RunStore  # noqa: E402
from schemas.stores import GrantStore, PodDatabase  # noqa: E402

POD = "clinic/north"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres"))


def test_runs_beside_the_pod_that_writes_them(url: str, tmp_path: Path) -> None:
    database = PodDatabase.of(folder=tmp_path, pod=POD, url=url)
    runs, first, second = RunStore(database), "ab" * 16, "ac" * 16
    try:
        for run in (first, second):
            runs.receive(run, mid=run, attempt=1, envelope=b"sealed")
        runs.note(first, algorithm="count", alias="Ana", rows_read=20)
        GrantStore(database).decide(first, Decision(allowed=True, grant="g1", task_digest="d", at=9), limit=None)
        cells = (ReleasedCell(key=("f",), values={"count": 20}),)
        released = Released(by=("sex",), rows=20, cells=cells, suppressed=(Suppression(rule="min_cell", scope="cells"),))
        history = HistoryStore(database)
        used = Used(
            task_no=history.task(b"t", datasource="p", algorithm="count"),
            after=None,
            token="",
            total=27,
            new=19,
            changed=1,
            unchanged=7,
            quarantined=0,
            gone=0,
        )
        runs.finish(first, Status.RELEASED, reply=None, released=released, keep=True, used=used)

        reader = RunReader(folder=tmp_path, pod=POD, url=url)
        listed = reader.runs(10)
        assert [(run["id"], run["status"]) for run in listed] == [(second, Status.QUEUED), (first, Status.RELEASED)]
        assert [listed[1][name] for name in ("new", "changed", "unchanged", "alias")] == [19, 1, 7, "Ana"]
        assert len(reader.runs(1)) == 1
        assert (sorted(reader.like("a")), reader.like("ab"), reader.like("%"), reader.like("_b")) == ([first, second], [first], [], [])
        found = reader.run(first)
        assert found["decision"] == {"allowed": True, "reasons": [], "grant": "g1", "at": 9}
        assert found["suppressed"] == [{"rule": "min_cell", "scope": "cells"}]
        assert found["released"]["cells"] == [{"key": ["f"], "values": {"count": 20}}]
        assert (reader.run(second)["decision"], reader.run(second)["released"]) == (None, None)

        with reader.engine.connect() as connection, pytest.raises(DBAPIError):
            connection.execute(text("DELETE FROM run"))
        reader.close()
        assert runs.get(first).status is Status.RELEASED

        # On PostgreSQL each pod has a place of its own; there, this one has none.
        with pytest.raises(ConfigError, match="cannot be read" if url else "belongs to clinic/north"):
            RunReader(folder=tmp_path, pod="clinic/south", url=url)
    finally:
        from sqlmodel import SQLModel

        SQLModel.metadata.drop_all(database.engine)
        database.close()
    with pytest.raises(ConfigError, match="cannot be read"):
        RunReader(folder=tmp_path, pod=POD, url=url)


def test_no_database_is_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        RunReader(folder=tmp_path, pod=POD)
    assert caught.value.remedy
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE pod_version SET version_num = '0099'", "version 0099"),
        ("DROP TABLE pod_version", "layout 3"),
        ("UPDATE pod_version SET version_num = '0001'", "Start the pod once"),
    ],
    ids=["newer", "unnumbered", "older"],
)
def test_another_layout_is_told(tmp_path: Path, change: str, told: str) -> None:
    database = PodDatabase.of(folder=tmp_path, pod=POD)
    with database.transaction() as session:
        session.execute(text(change))
    database.close()
    with pytest.raises(ConfigError, match=told) as caught:
        RunReader(folder=tmp_path, pod=POD)
    assert caught.value.remedy
    if told != "Start the pod once":
        with pytest.raises(ConfigError, match=told):
            PodDatabase.of(folder=tmp_path, pod=POD)
