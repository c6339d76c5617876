"""Which pod is meant, how it stands, and that a signal goes to its own process or to nobody."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from podium.state import PodState


@pytest.fixture
def pods(tmp_path: Path) -> Path:
    """Three pods that were started here at some time, two of one name."""
    for pod in ("clinic/north", "clinic/south", "bank/north"):
        folder = tmp_path / "home" / "pods" / pod
        folder.mkdir(parents=True)
        owner, name = pod.split("/")
        fields = {"pod": {"name": name, "owner": owner}, "datasources": [{"name": "a", "kind": "csv", "path": "/a.csv"}]}
        (folder / "pod.json").write_text(json.dumps(fields))
    return tmp_path / "home" / "pods"


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """Somebody's process that must come to no harm."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield child
    child.kill()
    child.wait()


def say(folder: Path, pid: int, **fields: object) -> None:
    (folder / "state.json").write_text(PodState(pid=pid, phase="serving", since=1_700_000_000, **fields).model_dump_json())


def test_each_way_to_name_a_pod(podium, pods: Path) -> None:
    Path("pod.yaml").write_text("pod: {name: south, owner: clinic}\ndatasources: [{name: a, kind: csv, path: a.csv}]\n")
    for named in ("clinic/south", "south", "pod.yaml"):
        assert list(podium("pod", "status", named, "--json").data) == ["clinic/south"]
    assert list(podium("pod", "status", "--json").data) == ["bank/north", "clinic/north", "clinic/south"]


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("north", "bank/north or clinic/north"),
        ("clinic/noth", "Did you mean 'clinic/north'?"),
        ("../etc", "never started"),
        ("\x1b[2J", "never"),
    ],
)
@pytest.mark.parametrize("verb", ["status", "stop", "history"])
def test_a_name_that_fits_none_or_two(podium, pods: Path, verb: str, named: str, says: str) -> None:
    error = podium("pod", verb, named, "--json", code=2).error
    assert error["field"] == "POD"
    assert says in error["message"] + error["remedy"]
    assert "\x1b" not in podium("pod", verb, named, code=2).err


def test_a_file_of_a_pod_that_was_never_started(podium, pods: Path) -> None:
    Path("pod.yaml").write_text("pod: {name: east, owner: clinic}\ndatasources: [{name: a, kind: csv, path: a.csv}]\n")
    assert podium("pod", "stop", "pod.yaml", "--json", code=2).error["remedy"] == "Start it: podium pod start pod.yaml"


def test_status_of_several(podium, pods: Path) -> None:
    say(pods / "clinic" / "south", 1, datasources={"a": "broken: \x1b[31mred"})
    data = podium("pod", "status", "--json").data
    assert {pod: state["phase"] for pod, state in data.items()} == dict.fromkeys(data, "stopped")
    shown = podium("pod", "status").out
    assert "clinic/north: stopped" in shown
    assert "\x1b" not in shown


def test_stop_wants_one_pod_or_all(podium, pods: Path) -> None:
    for args in ([], ["north", "--all"]):
        assert podium("pod", "stop", *args, "--json", code=2).error["field"] == "POD"


def test_a_pid_that_is_left_over_is_not_believed(podium, pods: Path, bystander: subprocess.Popen[bytes]) -> None:
    say(pods / "clinic" / "south", bystander.pid)
    (pods / "clinic" / "south" / "lock").touch()
    assert podium("pod", "stop", "south", "--json").data == {"stopped": [], "not_running": ["clinic/south"]}
    assert podium("pod", "stop", "--all", "--json").data["stopped"] == []
    assert bystander.poll() is None


def test_a_pid_of_another_program_is_not_ended(podium, pods: Path, bystander: subprocess.Popen[bytes]) -> None:
    """The pod runs, its lock says so; but the state file names somebody else."""
    say(pods / "clinic" / "south", bystander.pid)
    with (pods / "clinic" / "south" / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        error = podium("pod", "stop", "clinic/south", "--json", code=4).error
    assert "does not name its process" in error["message"]
    assert bystander.poll() is None


STUBBORN = """
import fcntl, pathlib, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
lock = open(sys.argv[1] + "/lock", "a")
fcntl.flock(lock, fcntl.LOCK_EX)
print("ready", flush=True)
input()
"""


def test_one_that_will_not_end_is_told_with_its_pid(podium, pods: Path) -> None:
    folder = pods / "clinic" / "south"
    command = [sys.executable, "-c", STUBBORN, str(folder), "podium.runner", "clinic/south"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        say(folder, child.pid)
        error = podium("pod", "stop", "south", "--timeout", "0.2", "--json", code=4).error
        assert f"kill -9 {child.pid}" in error["remedy"]
        assert child.poll() is None
    finally:
        child.kill()
        child.wait()
