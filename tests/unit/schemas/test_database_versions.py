"""An older database becomes this version's, on SQLite and PostgreSQL, with all that is in it; or stays what it was."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from history_world import key, mark
from sqlalchemy import Engine, create_engine, event, inspect, text

from podium import project
from podium.errors import ConfigError

project.activate()

from schemas.history import LOST, HistoryStore  # noqa: E402
from schemas.opening import quoted  # noqa: E402
from schemas.reading import RunReader  # noqa: E402
from schemas.runs import RunStore  # noqa: E402
from schemas.stores import PodDatabase  # noqa: E402
from schemas.versions import MIGRATIONS, THIS, VERSIONS  # noqa: E402

POD = "demo/old"
TASKS = (b"mean of age.....", b"count by sex....")
ROWS = [(TASKS[0], n, 1 + n % 2, 1 + n % 2) for n in range(300)] + [(TASKS[1], n, 7, 3) for n in range(5)]


def put(connection: Any, layout: int = 2) -> None:
    """A database as a pod of layout 2 left it: four runs, two questions."""
    ddl = Path(__file__).parent / f"layout_2.{connection.dialect.name}.sql"
    for statement in ddl.read_text().splitlines():
        connection.execute(text(statement))
    connection.execute(text("INSERT INTO pod VALUES (1, :pod, :layout)"), {"pod": POD, "layout": layout})
    words = ("mid", "flow_run", "task", "task_json", "task_digest", "analyst", "alias", "code")
    for no, algorithm in ((1, "mean"), (2, "mean"), (3, "count"), (4, "mean")):
        connection.execute(
            text(
                f"INSERT INTO run (no, id, status, lease_attempt, envelope, received_at, tries, datasource, algorithm, {', '.join(words)}, "
                '"new", changed, unchanged, finished_at) VALUES '
                f"(:no, :id, :status, 1, :empty, :at, 1, 'patients', :algorithm, {', '.join(repr('') for _ in words)}, 10, 2, NULL, :at)"
            ),
            {
                "no": no,
                "id": f"{no:032x}",
                "status": "failed" if no == 4 else "released",
                "empty": b"",
                "at": 100 + no,
                "algorithm": algorithm,
            },
        )
    for task, number, version, run in ROWS:
        row = {"task": task, "key": key(number), "mark": mark(version), "run": run}
        connection.execute(text('INSERT INTO datapoint (task_key, "key", fingerprint, run_no) VALUES (:task, :key, :mark, :run)'), row)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    url = f"sqlite:///{tmp_path / 'pod.db'}" if request.param == "sqlite" else str(request.getfixturevalue("postgres"))
    yield url
    if request.param == "postgresql":
        wiped(url)


def wiped(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        names = connection.execute(text("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'demo/%'")).scalars().all()
        for name in [*names, "public"]:
            connection.exec_driver_sql(f"DROP SCHEMA {quoted(name)} CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()


@pytest.fixture
def old(url: str) -> str:
    engine = create_engine(url)
    with engine.begin() as connection:
        put(connection)
    engine.dispose()
    return url


def layout_of(engine: Engine) -> tuple[list[str], int, int]:
    with engine.begin() as connection:
        columns = sorted(column["name"] for column in inspect(connection).get_columns("datapoint"))
        rows = connection.scalar(text("SELECT count(*) FROM datapoint"))
        layout = connection.scalar(text("SELECT layout FROM pod"))
    return columns, int(rows or 0), int(layout or 0)


OLD = (["fingerprint", "key", "run_no", "task_key"], len(ROWS), 2)


def test_its_datapoints_are_carried_over(old: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="version 0001") as caught:
        RunReader(folder=tmp_path, pod=POD, url=old)
    assert "Start the pod once" in str(caught.value)
    with pytest.raises(ConfigError, match="belongs to demo/old"):
        RunReader(folder=tmp_path, pod="demo/other", url=old)
    database = PodDatabase(old, pod=POD)
    history, runs = HistoryStore(database), RunStore(database)
    tasks = [history.task(task, datasource="", algorithm="") for task in TASKS]
    for task, last, total in ((0, 2, 300), (1, 3, 5)):
        packed = b"".join(history.known(tasks[task], run_no=4, places={}))
        expected = sorted((key(n), mark(version)) for of, n, version, _ in ROWS if of == TASKS[task])
        assert sorted((packed[at : at + 16], packed[at + 16 : at + 32]) for at in range(0, len(packed), 36)) == expected
        assert set(re.findall(rb"(?s).{32}(.{4})", packed)) == {LOST.to_bytes(4, "big")}
        standing = history.standing(tasks[task])
        assert (standing.last_run, standing.total, set(standing.parts)) == (last, total, {"all"})
        assert (standing.parts["all"].whole, standing.parts["all"].state) == (False, None)
    found = [(run.no, run.task_no, run.counted, run.counted_no, run.repeat_no, run.standing) for run in reversed(runs.recent())]
    assert found == [
        (1, tasks[0], True, 1, 0, ""),
        (2, tasks[0], True, 2, 0, ""),
        (3, tasks[1], True, 1, 0, ""),
        (4, None, False, None, 0, ""),
    ]
    with database.transaction() as session:
        asked = session.execute(text("SELECT algorithm, datasource, first_at FROM history_task ORDER BY first_at")).all()
        assert [tuple(one) for one in asked] == [("mean", "patients", 101), ("count", "patients", 103)]
        assert session.scalar(text("SELECT version_num FROM pod_version")) == THIS
    database.close()
    PodDatabase(old, pod=POD).close()  # a second time, nothing is due
    RunReader(folder=tmp_path, pod=POD, url=old).close()


def shape(engine: Engine) -> dict[str, Any]:
    look, found = inspect(engine), {}
    for table in look.get_table_names():
        columns = {c["name"]: (str(c["type"]), c["nullable"], str(c["default"]).split("::")[0]) for c in look.get_columns(table)}
        indexes = {i["name"]: (i["column_names"], bool(i["unique"])) for i in look.get_indexes(table)}
        unique = sorted(tuple(u["column_names"]) for u in look.get_unique_constraints(table))
        foreign = sorted(
            (tuple(f["constrained_columns"]), f["referred_table"], tuple(f["referred_columns"])) for f in look.get_foreign_keys(table)
        )
        key = look.get_pk_constraint(table)
        found[table] = (columns, indexes, unique, foreign, key["constrained_columns"], key["name"])
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            found["without rowid"] = sorted(connection.scalars(text("SELECT name FROM sqlite_master WHERE sql LIKE '%WITHOUT ROWID%'")))
    return found


def test_what_migrations_make_is_what_is_made_anew(old: str, tmp_path: Path) -> None:
    upgraded = PodDatabase(old, pod=POD)
    fresh = PodDatabase(f"sqlite:///{tmp_path / 'new.db'}" if old.startswith("sqlite") else old, pod="demo/new")
    mine, expected = shape(upgraded.engine), shape(fresh.engine)
    assert {"history_task", "batch", "datapoint", "quarantine", "run", "pod_version"} <= set(expected)
    assert mine == expected
    upgraded.close()
    fresh.close()


def test_an_upgrade_that_is_killed_leaves_the_old_one(old: str) -> None:
    child = os.fork()
    if not child:

        @event.listens_for(Engine, "before_cursor_execute")
        def _end(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if statement.startswith("UPDATE pod_version"):  # the very last
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            PodDatabase(old, pod=POD)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    engine = create_engine(old)
    assert layout_of(engine) == OLD
    engine.dispose()
    database = PodDatabase(old, pod=POD)
    assert layout_of(database.engine) == (["batch", "fingerprint", "key", "outcome", "run_no"], len(ROWS), 3)
    database.close()


def test_an_upgrade_that_fails_leaves_the_old_one(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alembic.op.drop_table", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        PodDatabase(old, pod=POD)
    engine = create_engine(old)
    assert layout_of(engine) == OLD
    engine.dispose()


def test_the_versions_are_those_of_the_scripts() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = list(ScriptDirectory.from_config(config).walk_revisions())
    assert tuple(script.revision for script in reversed(scripts)) == VERSIONS


def test_alembic_is_not_loaded_where_nothing_is_due(tmp_path: Path) -> None:
    code = (
        "import sys; from podium import project; project.activate(); from schemas.stores import PodDatabase; "
        "[PodDatabase(sys.argv[1], pod='demo/a').close() for _ in range(2)]; sys.exit('alembic' in sys.modules)"
    )
    path = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    assert subprocess.run([sys.executable, "-c", code, f"sqlite:///{tmp_path / 'pod.db'}"], env=path, check=False).returncode == 0
