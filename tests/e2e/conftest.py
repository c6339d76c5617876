"""Towns: each test gets a home, a hub and pods of its own; Prefect's server is shared, as on a real machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from town import Town, opened


@pytest.fixture(scope="module")
def long_town(tmp_path_factory: pytest.TempPathFactory, prefect_server: object) -> Iterator[Town]:
    """One town for all tests of a file: starting one costs more than most tests do."""
    made = Town(tmp_path_factory.mktemp("town"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PODIUM_HOME", str(made.home))
        try:
            yield made
        finally:
            stubborn = made.close()
    assert not stubborn, f"these did not end within 10 s of SIGTERM: {stubborn}"


@pytest.fixture
def town(tmp_path, prefect_server: object) -> Iterator[Town]:
    with opened(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def shared_town(tmp_path_factory, prefect_server: object) -> Iterator[Town]:
    """One for all tests of a module that do no harm to each other."""
    with opened(tmp_path_factory.mktemp("town")) as made:
        yield made
