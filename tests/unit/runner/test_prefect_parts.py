"""The parts of the Prefect server that need no server."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from podium import timeline as timeline_module
from podium.runner import holders, process, settings
from podium.runner.logs import OnlyMarked
from podium.timeline import timeline


def test_a_recycled_pid_is_not_a_holder(tmp_path: Path) -> None:
    book = holders.Holders(tmp_path)
    book.add(os.getpid())
    assert book.pids() == [os.getpid()]
    started = float((tmp_path / str(os.getpid())).read_text())
    (tmp_path / str(os.getpid())).write_text(repr(started - 3600))
    assert book.pids() == []
    assert list(tmp_path.iterdir()) == []


def test_a_zombie_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.read()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert holders.birth(child.pid) is None
    child.wait()


def test_the_servers_environment_takes_nothing_of_the_persons_prefect() -> None:
    inherited = {"PATH": "/bin", "PREFECT_API_URL": "https://cloud", "PREFECT_API_KEY": "secret", "PREFECT_SERVER_API_HOST": "0.0.0.0"}
    found = settings.server_environment(host="127.0.0.1", port=4200, auth="a:b", folder=Path("/f"), inherited=inherited)
    assert found["PATH"] == "/bin"
    assert found["PREFECT_SERVER_API_HOST"] == "127.0.0.1"
    assert not {"PREFECT_API_URL", "PREFECT_API_KEY"} & set(found)
    own_database = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": "postgresql+asyncpg://db"}
    found = settings.server_environment(host="127.0.0.1", port=4200, auth="a:b", folder=Path("/f"), inherited=own_database)
    assert found["PREFECT_SERVER_DATABASE_CONNECTION_URL"] == "postgresql+asyncpg://db"


def test_the_servers_environment_takes_no_secret_along() -> None:
    secrets = {"PODIUM_HUB_CODE": "s", "AWS_SECRET_ACCESS_KEY": "s", "GITHUB_TOKEN": "s", "PYTHONSTARTUP": "s", "PREFECT_API_KEY": "s"}
    needed = {"PATH": "n", "HOME": "n", "LANG": "n", "LC_ALL": "n", "TZ": "n", "TMPDIR": "n", "PYTHONPATH": "n", "SSL_CERT_FILE": "n"}
    found = settings.server_environment(host="h", port=1, auth="a:b", folder=Path("/f"), inherited=secrets | needed)
    assert not set(secrets) & set(found)
    assert needed.items() <= found.items()


def test_every_setting_is_one_that_prefect_knows() -> None:
    pytest.importorskip("prefect")
    code = "from prefect.settings.legacy import _get_settings_fields as f; from prefect.settings import Settings; print(*f(Settings))"
    known = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    ours = settings.server_environment(host="h", port=1, auth="a:b", folder=Path("/f"), inherited={}) | settings.client_environment(
        url="u", auth="a:b", home=Path("/f"), own=True
    )
    assert {name for name in ours if name.startswith("PREFECT_")} <= known


def test_a_timeline_line_is_marked_and_shows_only_plain_values(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="prefect.flow_runs.podium"):
        timeline("released", rows=40, rule="min_cell", who="Maria Jensen, 47")
    (record,) = caplog.records
    assert record.getMessage() == "released  rows=40  rule=min_cell  who=(not shown)"
    assert OnlyMarked().filter(record)


def test_the_allow_list_lets_nothing_else_pass() -> None:
    make = logging.getLogger("x").makeRecord
    plain = make("x", logging.ERROR, "f", 1, "cell", (), None)
    assert not OnlyMarked().filter(plain)
    faulty = make("x", logging.ERROR, "f", 1, "cell", (), (ValueError, ValueError("cell"), None), extra={timeline_module.MARK: True})
    assert not OnlyMarked().filter(faulty)


def test_the_marker_needs_no_prefect() -> None:
    code = "import sys, podium.timeline, podium.runner.logs, podium.runner.server; sys.exit('prefect' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "spoil",
    [
        "import prefect.server.database.configurations as c; del c.AioSqliteConfiguration.begin_transaction",
        "import prefect.server.database.configurations as c; del c.SQLITE_BEGIN_MODE",
        "import prefect.server.database.dependencies as d; d.set_database_config = lambda _: None",
    ],
)
def test_another_prefect_is_refused_loudly(spoil: str, tmp_path: Path) -> None:
    code = f"import prefect.server.database; {spoil}; from podium.runner.launch import cure; cure('sqlite+aiosqlite:///x.db')"
    env = {**os.environ, "PREFECT_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'prefect==3.8.8'" in done.stderr.splitlines()[-1]


def test_the_last_error_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text("Traceback\n  x\nValueError: no such port\n\nShutting down\n")
    assert process.last_error(log) == "ValueError: no such port"
    log.write_text("")
    assert process.last_error(log) == "its log is empty"
