"""The page on a run in Prefect: what it tells of datapoints is rounded, and a small count is not told."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from podium import project
from podium.config import DisclosureSection
from podium.contracts import Status

sys.path.append(str(Path(__file__).parents[1] / "schemas"))
project.activate()

from history_scene import Past  # noqa: E402

from schemas.stores import PodDatabase  # noqa: E402
from tasks import show  # noqa: E402


@pytest.fixture
def pages(monkeypatch):
    """Artifacts as they are handed to Prefect's client; the end-to-end tests look for them on the server."""
    kept = []

    async def create(markdown, *, key, description):
        kept.append((key, markdown, description))

    monkeypatch.setattr(show, "acreate_markdown_artifact", create)
    return kept


async def shown(past: Past, run: str) -> None:
    desk = SimpleNamespace(tag="a@demo", database=past.database, config=SimpleNamespace(disclosure=DisclosureSection()))
    await show.show_run(SimpleNamespace(record=past.runs.get(run), admitted=False, desk=desk, id8=run[:8]))


async def test_the_last_runs_of_the_question(tmp_path: Path, pages) -> None:
    past = Past(PodDatabase.of(folder=tmp_path, pod="demo/a"))
    task = past.task()
    past.run(past.task("count"), new=999)
    for _ in range(24):
        past.run(task, unchanged=130)
    run = past.run(task, new=21, changed=3, unchanged=129, quarantined=0, gone=7)
    await shown(past, run)
    ((key, page, _),) = pages
    assert key == f"run-{run[:8]}"
    assert "| Datapoints (rounded) | 20 new, fewer than 8 changed, 130 unchanged, fewer than 8 gone |" in page
    rows = [line for line in page.splitlines() if line.startswith("| 0000")]
    assert len(rows) == 20
    assert rows[0].startswith(f"| {run[:8]} | released | 20 new, fewer than 8 changed, 130 unchanged, fewer than 8 gone | ")
    assert rows[1].split(" | ")[2] == "130 unchanged"
    assert f"podium pod history --task {task}`" in page
    assert not [exact for exact in (" 21 ", " 129 ", " 3 ", " 7 ", " 999 ") if exact in page]
    past.database.close()


async def test_a_run_that_was_refused_has_no_question(tmp_path: Path, pages) -> None:
    past = Past(PodDatabase.of(folder=tmp_path, pod="demo/a"))
    past.runs.receive("ab" * 16, mid="m", attempt=1, envelope=b"")
    past.runs.finish("ab" * 16, Status.REJECTED, reply=None, code="refused")
    await shown(past, "ab" * 16)
    ((_, page, _),) = pages
    assert "| Datapoints (rounded) | - |" in page
    assert "## The last runs" not in page
    past.database.close()


async def test_a_database_that_does_not_answer_costs_the_page_and_not_the_run(tmp_path: Path, pages) -> None:
    past = Past(PodDatabase.of(folder=tmp_path, pod="demo/a"))
    run = past.run(past.task(), new=20)
    with past.database.transaction() as session:
        session.connection().exec_driver_sql("ALTER TABLE run RENAME TO elsewhere")
    desk = SimpleNamespace(tag="a@demo", database=past.database, config=SimpleNamespace(disclosure=DisclosureSection()))
    record = SimpleNamespace(
        **{**dict.fromkeys(show.COUNTS), "task_no": 1, "status": Status.RELEASED, "code": "", "alias": "Ana", "task": ""}
    )
    record.algorithm, record.datasource, record.rows_released = "mean", "p", 20
    await show.show_run(SimpleNamespace(record=record, admitted=False, desk=desk, id8=run[:8]))
    assert pages == []
    past.database.close()
