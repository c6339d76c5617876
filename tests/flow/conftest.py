"""Scripts that run flows against a real Prefect server, in processes of their own.

Prefect reads its settings when it is imported, so a flow under test runs in a child process that has the environment from its
first moment, as a pod has it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from podium.runner import server

SCRIPTS = Path(__file__).parent / "scripts"
Script = Callable[..., dict[str, Any]]


@pytest.fixture
def run_script(prefect_server: server.Server) -> Script:
    """Run `scripts/NAME.py ARG…` with the server's environment; its last line of output is JSON. `stderr` holds its local log."""

    def run(name: str, *args: str, env: dict[str, str] | None = None, timeout: float = 120) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, str(SCRIPTS / f"{name}.py"), *args],
            env={**os.environ, **server.environment(prefect_server), **(env or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return {**json.loads(done.stdout.splitlines()[-1]), "stderr": done.stderr}

    return run
