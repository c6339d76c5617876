"""Towns: a hub, pods and people in a home of their own; Prefect's server is shared, as on a real machine.

Starting a town costs more than most tests do. Tests that do no lasting harm share one, with a new analyst each; what one of them has
killed is started again for the next. A town of its own is for what must be alone, or new.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from together import TOGETHER
from town import Town, halves, opened, patients

STANDING: list[Town] = []


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End the shared town when its tests are over: pods cost something also at rest, and take up runs of others of their name.

    Without workers its files do not follow one another: then it is when those of this folder are. If asked for again, it is mended.
    """
    over = nextitem is None or nextitem.path.parent != item.path.parent
    if over or (hasattr(item.config, "workerinput") and nextitem.path.stem not in TOGETHER):
        for town in STANDING:
            assert not town.close()


@pytest.fixture(scope="session")
def standing(tmp_path_factory: pytest.TempPathFactory, prefect_server: object) -> Iterator[Town]:
    """The shared town: a hub to begin with. Tests ask for `shared`, `two_pods` or `fragile`."""
    made = Town(tmp_path_factory.mktemp("town"))
    STANDING.append(made)
    try:
        made.start_hub()
        yield made
    finally:
        stubborn = made.close()
    assert not stubborn, f"these did not end within 10 s of SIGTERM: {stubborn}"


@pytest.fixture
def shared(standing: Town, monkeypatch: pytest.MonkeyPatch) -> Town:
    """The shared town, with everything up that was ever started in it."""
    monkeypatch.setenv("PODIUM_HOME", str(standing.home))
    standing.mend()
    return standing


@pytest.fixture
def two_pods(shared: Town) -> Town:
    """The shared town with `a`, on a CSV file, and `b`, on Parquet. What they hold is `halves()`."""
    if "a" not in shared.pods:
        left, right = halves()
        path = shared.folder / "b.parquet"
        right.to_parquet(path, index=False)
        shared.start_pod("a", shared.csv("a", left), ready=False)
        shared.start_pod("b", {"name": "patients", "kind": "parquet", "path": str(path), "key": ["patient"]}, ready=False)
        shared.ready("a")
        shared.ready("b")
    return shared


@pytest.fixture
def fragile(shared: Town) -> tuple[Town, Any]:
    """The shared town with `c`, to be killed and stopped, and an analyst who has no grant yet.

    Its workers are never warm: one that has nothing to load is gone before it can be held.
    """
    if "c" not in shared.pods:
        shared.start_pod("c", shared.csv("c", patients(200)), limits={"warm_seconds": 0})
    return shared, shared.newcomer()


@pytest.fixture
def town(tmp_path, prefect_server: object) -> Iterator[Town]:
    with opened(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def long_town(tmp_path_factory, prefect_server: object) -> Iterator[Town]:
    """One for all tests of a module."""
    with opened(tmp_path_factory.mktemp("town")) as made:
        yield made
