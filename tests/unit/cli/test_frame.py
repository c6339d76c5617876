"""The command line's frame: light, honest about what exists, one line when it fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from podium import cli
from podium.cli import _frame
from podium.errors import ConfigError, PrefectUnavailable

HEAVY = ["pandas", "prefect", "duckdb", "pyarrow", "fastapi", "sqlmodel", "pydantic_settings"]


def podium(*args: str, home: Path, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "PODIUM_"))}
    command = [sys.executable, "-c", "from podium.cli import main; main()", *args]
    return subprocess.run(command, env={**clean, "PODIUM_HOME": str(home), **env}, capture_output=True, text=True, check=False)


def test_help_lists_the_verbs_that_are_there_and_loads_none(tmp_path: Path) -> None:
    code = f"""
import sys
from podium.cli import run
assert run(["--help"]) == 0
loaded = [name for name in sys.modules if name.split(".")[0] in {HEAVY} or (name.startswith("podium.cli.") and name != "podium.cli._frame")]
sys.exit(str(loaded) if loaded else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    there = {verb for verb in _frame.VERBS if Path(_frame.__file__).with_name(f"{verb}.py").is_file()}
    assert "prefect" in there
    for verb, text in _frame.VERBS.items():
        assert (text.split(".")[0].split(";")[0][:30] in done.stdout) == (verb in there)


@pytest.mark.parametrize("verb", ["pod", "data", "doctor", "ask", "task"])
def test_help_of_a_verb_loads_no_data_library(verb: str) -> None:
    code = f"""
import sys
from podium.cli import run
assert run([{verb!r}, "--help"]) == 0
loaded = [name for name in sys.modules if name.split(".")[0] in {HEAVY}]
sys.exit(str(loaded) if loaded else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_version(tmp_path: Path) -> None:
    assert podium("--version", home=tmp_path).stdout.startswith("podium 0.")


@pytest.mark.parametrize("args", [["nonsense"], ["prefect", "--nonsense"], ["prefect", "nonsense"]])
def test_a_wrong_command_line_is_one_line_and_exit_2(args: list[str], tmp_path: Path) -> None:
    done = podium(*args, home=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: No such ")
    assert done.stderr.count("\n") == 1
    shown = podium(*args, "--json", home=tmp_path)
    assert json.loads(shown.stdout)["error"]["code"] == "usage"


def test_a_group_without_a_verb_shows_its_help(tmp_path: Path) -> None:
    assert "start" in podium("prefect", home=tmp_path).stdout


def test_status_without_a_server(tmp_path: Path) -> None:
    assert json.loads(podium("prefect", "status", "--json", home=tmp_path).stdout) == {"state": "stopped"}
    assert "not running" in podium("prefect", "status", home=tmp_path).stdout
    done = podium("prefect", "env", "--json", home=tmp_path)
    assert done.returncode == PrefectUnavailable.exit_code
    assert json.loads(done.stdout)["error"] == {
        "code": "prefect_unavailable",
        "message": "no Prefect server runs here.",
        "field": "",
        "remedy": "Run: podium prefect start",
    }


def raising(error: BaseException) -> object:
    class Command:
        def main(self, **_: object) -> None:
            raise error

    return Command


def test_errors_of_podium_are_one_line_with_their_exit_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(cli, "_command", raising(ConfigError("unknown key.", field="pod.nme", remedy="Did you mean\n 'name'?")))
    assert cli.run([]) == 2
    assert capsys.readouterr() == ("", "error: pod.nme: unknown key. Did you mean 'name'?\n")
    assert cli.run(["x", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["field"] == "pod.nme"
    assert cli.run(["x", "--", "--json"]) == 2  # an argument, not the flag
    assert capsys.readouterr().out == ""


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_command", raising(KeyboardInterrupt()))
    assert cli.run([]) == 130


def test_a_fault_is_one_line_and_its_traceback_a_private_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PODIUM_HOME", str(tmp_path))
    monkeypatch.delenv("PODIUM_DEBUG", raising=False)
    monkeypatch.setattr(cli, "_command", raising(ValueError("cell 47")))
    assert cli.run([]) == 70
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "cell 47" not in said
    log = tmp_path / "last-fault.log"
    assert str(log) in said
    assert "cell 47" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0
    monkeypatch.setenv("PODIUM_DEBUG", "1")
    with pytest.raises(ValueError, match="cell 47"):
        cli.run([])
