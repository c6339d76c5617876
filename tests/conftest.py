"""What every kind of test may ask for: one real Prefect server for the whole session; and which files one worker takes together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from together import TOGETHER

from podium.runner import server
from podium.runner.settings import OWN_URL

os.environ["PYARROW_IGNORE_TIMEZONE"] = ""  # as `schemas` has it: a test may load pandera first


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Server]:
    """One server for every test that asks. Its settings are in `os.environ`, so whatever a test starts uses it and never stops it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("PREFECT_")]:
            patch.delenv(name)
        patch.setenv("PODIUM_HOME", str(tmp_path_factory.mktemp("prefect-home")))
        patch.setenv("PODIUM_PREFECT_PORT", "0")
        started = server.ensure()
        home = os.environ["PODIUM_HOME"]
        for name, value in server.environment(started).items():
            if name != OWN_URL:  # so that a pod under test takes it for somebody else's
                patch.setenv(name, value)
        try:
            yield started
        finally:
            patch.delenv("PREFECT_API_URL")
            patch.setenv("PODIUM_HOME", home)
            server.stop()


WAITING = {"browser", "e2e", "flow"}  # folders whose tests wait for processes most of the time


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """As `--dist loadfile`, but the files of the shared town go to one worker, so that it is built once.

    And the last worker begins with what computes, the others with what waits: so no core is idle while all of them wait.
    """
    from xdist.scheduler import LoadFileScheduling

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = str(super()._split_scope(nodeid))
            return "the shared town" if Path(file).stem in TOGETHER else file

        def _assign_work_unit(self, node: Any) -> None:
            computes = node is self.nodes[-1]
            wanted = (scope for scope, tests in self.workqueue.items() if waits(next(iter(tests))) != computes)
            if (first := next(wanted, None)) is not None:
                self.workqueue.move_to_end(first, last=False)
            super()._assign_work_unit(node)

    return Together(config, log)


def waits(nodeid: str) -> bool:
    """Whether the test is one of those that wait."""
    return Path(nodeid.partition("::")[0]).parent.name in WAITING
