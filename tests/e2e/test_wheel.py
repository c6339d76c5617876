"""The wheel, installed where the checkout cannot be seen, used from a folder that has a `tasks`, `flows` and `schemas` of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest
from town import Town, patients

ROOT = Path(__file__).parents[2]
FOLDERS = {"flows", "tasks", "schemas", "deployments"}

SERVE = """
import tasks, schemas, flows
assert tasks.WHOSE == schemas.WHOSE == flows.WHOSE == "mine"
import podium
assert {site!r} in podium.__file__, podium.__file__
import pandas as pd
frame = pd.read_csv("patients.csv")
source = podium.datasources.Frame.of(frame, name="patients", key=("patient",))
podium.Pod(name="a", username="demo", datasources=[source], hub={url!r}, pod_db=True).start()
"""

ASK = """
import tasks, schemas, flows
import json, podium
assert {site!r} in podium.__file__, podium.__file__
session = podium.connect({url!r}, user="ana")
answer = session.ask(podium.algorithms.Mean(column="age", by="sex"), pods=["demo/a"], datasource="patients", timeout=60)
print(json.dumps({{"status": answer.status, "mean": dict(zip(answer.result["sex"], answer.result["mean"]))}}))
assert tasks.WHOSE == schemas.WHOSE == flows.WHOSE == "mine"
"""

NOT_REBUILDABLE = """
import podium
from podium.datasources import Datasource
class Mine(Datasource):
    kind = "mine"
    def columns(self): return [("age", "integer")]
    def read(self, columns, datapoints=None): return iter(())
    def token(self): return "same"
try:
    podium.Pod(name="b", username="demo", datasources=[Mine(name="x")])
except podium.DataSourceError as error:
    print(error.code, "|", error)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as anyone would; pip fetches the build tool where it is missing."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--quiet", "--wheel-dir", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment that has the wheel, and its dependencies through a path file; not the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    site = Path(subprocess.check_output([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True).strip())
    into = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", "--quiet", str(wheel)]
    subprocess.run(into, check=True, timeout=300)
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")  # path files in *that* folder are not read
    return python


def test_the_wheel_holds_podium_and_the_project_and_nothing_else(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"podium", f"podium-{wheel.name.split('-')[1]}.dist-info"}
    packed = {name.removeprefix("podium/_project/").split("/")[0] for name in names if name.startswith("podium/_project/")}
    assert packed == FOLDERS
    junk = [name for name in names if re.search(r"__pycache__|\.pyc|\.log|\.db|\.pem|\.key|/\.", name)]
    assert not junk
    for needed in (
        "podium/py.typed",
        "podium/runner/logging.yml",
        "podium/runner/prefect_schema.sql",
        "podium/_project/flows/computation.py",
        "podium/_reference/pod-file.schema.json",
        "podium/_reference/ask-file.schema.json",
    ):
        assert needed in names
    mine = {str(path.relative_to(ROOT)) for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}
    assert {name.removeprefix("podium/_project/") for name in names if name.startswith("podium/_project/") and name.endswith(".py")} == mine


def test_nothing_of_the_checkout_is_visible(installed: Path, tmp_path: Path):
    code = (
        "import importlib.util as u, json, podium, podium.project as p\n"
        "print(json.dumps([podium.__file__, str(p.root()), [n for n in ('flows', 'tasks', 'schemas', 'deployments') if u.find_spec(n)]]))"
    )
    where, root, loose = json.loads(subprocess.check_output([installed, "-c", code], cwd=tmp_path, text=True, env=bare()))
    assert str(ROOT) + "/" not in where
    assert str(installed.parents[1]) in where
    assert root.endswith("podium/_project")
    assert loose == []


def test_a_pod_from_the_wheel_in_a_hostile_folder(installed: Path, town: Town):
    """Hub, pod and analyst all run from the wheel; the pod is started by a script that has imported its own `tasks` and `schemas`."""
    town.env = bare() | {name: value for name, value in town.env.items() if name.startswith(("PREFECT_", "PODIUM_"))} | {"COLUMNS": "200"}
    here = town.folder
    for name in ("tasks", "flows", "schemas"):
        (here / f"{name}.py").write_text("WHOSE = 'mine'\n")
    for name in ("schemas", "podium", "deployments"):  # folders as people have them: data, no packages
        (here / name).mkdir()
        (here / name / "podium-patients.csv").write_text("not,yours\n")
    (here / "prefect.py").write_text("raise RuntimeError('the wrong prefect')\n")
    (here / "prefect.toml").write_text("[server]\nephemeral = {enabled = true}\n")
    frame = patients(200)
    frame.to_csv(here / "patients.csv", index=False)
    use(town, installed)
    town.start_hub()
    site = str(installed.parents[1])
    (here / "serve.py").write_text(SERVE.format(site=site, url=town.url))
    (here / "ask.py").write_text(ASK.format(site=site, url=town.url))
    town.pods["a"] = town.spawn([str(installed), str(here / "serve.py")], "a.log")
    town.ready("a")
    fingerprint = json.loads(podium(town, installed, "keys", "show", "--json"))["analyst"]
    fixed = ["--datasource", "patients", "--algorithm", "mean", "--column", "age", "--column", "sex", "--alias", "Ana"]
    podium(town, installed, "grant", "create", "--pod", "demo/a", "--analyst", fingerprint, *fixed)
    answer = json.loads(run(town, [str(installed), "ask.py"]))
    assert answer["status"] == "released"
    assert answer["mean"] == pytest.approx(frame.groupby("sex")["age"].mean().to_dict(), abs=1e-9)
    placed = town.home / "pods" / "demo" / "a"
    written = list(placed.rglob("*.parquet"))
    assert [oct(path.stat().st_mode & 0o777) for path in written] == ["0o600"]


def test_a_class_of_the_script_itself_is_refused_with_the_remedy(installed: Path, tmp_path: Path):
    (tmp_path / "mine.py").write_text(NOT_REBUILDABLE)
    said = subprocess.check_output([installed, "mine.py"], cwd=tmp_path, text=True, env=bare() | {"PODIUM_HOME": str(tmp_path / "home")})
    assert said.startswith("not_rebuildable | ")
    assert "this script or notebook" in said
    assert 'entry-points."podium.datasources"' in said
    assert not (tmp_path / "home" / "pods").exists()


def bare() -> dict[str, str]:
    """An environment that knows nothing of this checkout or of Prefect."""
    return {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}


def use(town: Town, python: Path) -> None:
    """Let the town start its hub with this Python."""

    def spawn(command: list[str], log: str, plain: Any = town.spawn) -> Any:
        return plain([str(python), *command[1:]] if command[0] == sys.executable else command, log)

    town.spawn = spawn  # type: ignore[method-assign]


def podium(town: Town, python: Path, *args: str) -> str:
    return run(town, [str(python.parent / "podium"), *args])


def run(town: Town, command: list[str]) -> str:
    done = subprocess.run(command, env=town.env, cwd=town.folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout
