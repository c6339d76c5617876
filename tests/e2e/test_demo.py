"""`podium demo` as a person runs it: what it prints, and that nothing is left of it, however it ends."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import nbclient
import nbformat
import psutil
import pytest
from town import PODIUM, until

ENTRY = {"name", "status", "pods", "rows", "answer", "pooled", "difference", "tolerance", "seconds"}
POD = {"status", "rows", "kept_back_by"}
GONE_SECONDS = 10.0
SHORT = "from podium.demo import run; every = run.questions; run.questions = lambda: every()[:1]; from podium import cli; cli.main()"
NOTEBOOK = Path(__file__).resolve().parents[2] / "docs" / "notebooks" / "asking.ipynb"


class Demo:
    """`podium demo` in a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.home, self.err = folder / "home", folder / "err.txt"
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "PODIUM_"))}
        self.env = {**clean, "PODIUM_HOME": str(self.home), "COLUMNS": "200"}

    def start(self, *args: str, command: list[str] = PODIUM) -> subprocess.Popen[str]:
        with self.err.open("w") as err:
            return subprocess.Popen(
                [*command, "demo", *args], env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=err, text=True
            )

    def run(self, *args: str, code: int = 0, timeout: float = 300, command: list[str] = PODIUM) -> str:
        process = self.start(*args, command=command)
        out, _ = process.communicate(timeout=timeout)
        assert process.returncode == code, f"exit {process.returncode}: {out}\n{self.err.read_text()}"
        return out

    def says(self, line: str) -> None:
        until(lambda: line in self.err.read_text(), seconds=90, why=self.err.read_text)

    def processes(self) -> list[psutil.Process]:
        """Whatever has this home in its environment, or works in it."""
        found = []
        for process in psutil.process_iter():
            try:
                ours = process.environ().get("PODIUM_HOME", "").startswith(str(self.home)) or process.cwd().startswith(str(self.home))
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def left(self) -> list[str]:
        return [" ".join(process.cmdline()) for process in self.processes()]

    def nothing_left(self, since: float) -> None:
        until(lambda: not self.processes(), seconds=max(0.5, GONE_SECONDS - (time.monotonic() - since)), why=lambda: "\n".join(self.left()))
        assert not (self.home / "demo").exists(), list((self.home / "demo").rglob("*"))


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    made = Demo(tmp_path)
    yield made
    stubborn, lines = made.processes(), made.left()
    for process in stubborn:
        process.kill()
    shutil.rmtree(made.home, ignore_errors=True)
    assert not stubborn, f"these were left: {lines}"


def test_it_ends_by_itself_and_nothing_is_left(demo: Demo):
    """With its first question only: that all of them are answered, and right, is seen on the one that is kept."""
    report = json.loads(demo.run("--json", command=[sys.executable, "-P", "-c", SHORT]))
    demo.nothing_left(time.monotonic())
    assert set(report) == {"questions", "seconds"}
    (entry,) = report["questions"]
    assert (set(entry), entry["status"]) == (ENTRY, "released")


def every_question_is_right(entries: list[dict[str, Any]]) -> None:
    assert len(entries) >= 5
    for entry in entries:
        assert set(entry) == ENTRY, entry
        assert entry["status"] == "released", entry
        assert set(entry["pods"]) == {"demo/clinic-a", "demo/clinic-b"}
        assert all(set(part) == POD and part["status"] == "released" for part in entry["pods"].values())
        assert entry["difference"] <= entry["tolerance"], entry
        compare(entry)
    kept_back = [entry for entry in entries if any("min_cell" in part["kept_back_by"] for part in entry["pods"].values())]
    assert kept_back
    assert any(value is None for entry in kept_back for value in entry["answer"].values())  # and shown as such, never as 0
    truth(entries)


def compare(entry: dict[str, Any]) -> None:
    """The report's own verdict, reckoned again: every pooled level is there, near or marked as kept back."""
    if not isinstance(entry["pooled"], dict):
        assert abs(entry["answer"] - entry["pooled"]) <= entry["tolerance"]
        return
    assert set(entry["pooled"]) <= set(entry["answer"]) | {level for level, value in entry["pooled"].items() if value is None}, entry
    for level, value in entry["pooled"].items():
        mine = entry["answer"].get(level)
        assert mine is None or value is None or abs(mine - value) <= entry["tolerance"]


def truth(entries: list[dict[str, Any]]) -> None:
    """The pooled figures are not only what the demo says they are."""
    from sklearn.datasets import load_breast_cancer

    loaded = load_breast_cancer(as_frame=True)
    by_name = {entry["name"]: entry for entry in entries}
    radius, names = loaded.data["mean radius"], loaded.target.map(dict(enumerate(loaded.target_names)))
    assert by_name["Mean radius (mm)"]["answer"] == pytest.approx(radius.mean(), abs=1e-9)
    assert by_name["Mean radius (mm) by diagnosis"]["answer"] == pytest.approx(radius.groupby(names).mean().to_dict(), abs=1e-9)
    assert by_name["How many tumours?"]["answer"] == pytest.approx(569, abs=7.5)
    assert by_name["Log-odds that a tumour is malignant, by four measures"]["answer"]["mean_radius"] == pytest.approx(1.2784700281)


@pytest.mark.parametrize(
    ("moment", "sign"),
    [
        pytest.param("Starting Prefect", signal.SIGINT, id="Ctrl-C at the start"),
        pytest.param("Two pods are starting", signal.SIGTERM, id="SIGTERM while pods start"),
        # both signals are one to the demo, and that all of it goes is seen at every end
        pytest.param("Asking", signal.SIGINT, id="Ctrl-C while asking", marks=pytest.mark.soak),
    ],
)
def test_interrupted_it_takes_everything_with_it(demo: Demo, moment: str, sign: signal.Signals):
    process = demo.start()
    demo.says(moment)
    process.send_signal(sign)
    began = time.monotonic()
    process.communicate(timeout=60)
    assert process.returncode == 130
    demo.nothing_left(began)


def test_an_impatient_second_ctrl_c_leaves_nothing_either(demo: Demo):
    process = demo.start()
    demo.says("Starting Prefect")
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    process.communicate(timeout=60)
    demo.nothing_left(began)


def test_a_pod_that_dies_while_it_starts_ends_the_demo_in_good_order(demo: Demo):
    process = demo.start("--json")
    demo.says("Two pods are starting")
    victim = until(lambda: next((p for p in demo.processes() if "podium.runner demo/clinic-b" in " ".join(p.cmdline())), None))
    victim.kill()
    began = time.monotonic()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 4, out
    assert "clinic-b" in str(json.loads(out)["error"])
    demo.nothing_left(began)


def the_notebook_says_what_it_shows(home: Path) -> None:
    """Run against the kept demo, every cell gives what is printed in the notebook, to six digits."""
    shown = nbformat.read(NOTEBOOK, as_version=4)
    again = nbformat.from_dict(shown)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PODIUM_HOME", str(home))
        nbclient.NotebookClient(again, timeout=120, kernel_name="python3").execute()
    for before, after in zip(shown.cells, again.cells, strict=True):
        if before.cell_type == "code":
            assert said(before) == said(after), before.source


def said(cell: Any) -> list[str]:
    """What a cell shows as text, with each number cut to six digits."""
    texts = [output["data"]["text/plain"] for output in cell.outputs if output.output_type == "execute_result"]
    return [re.sub(r"-?\d+\.\d+(e[+-]\d+)?", lambda number: f"{float(number.group()):.6g}", text) for text in texts]


def test_kept_it_can_be_looked_at_and_cleaned(demo: Demo):
    shown = demo.run("--keep", "--json")
    report = json.loads(shown)
    assert set(report) == {"questions", "seconds", "kept"}
    every_question_is_right(report["questions"])
    kept = report["kept"]
    there = demo.left()
    assert len(there) == 6, there  # hub, Prefect, two pods with a loaded process each
    with httpx.Client(trust_env=False) as client:
        assert client.get(kept["prefect"]).status_code == 200
        url = f"{kept['prefect']}/api/admin/version"
        assert client.get(url).status_code == 401
        assert client.get(url, auth=(kept["user"], "wrong")).status_code == 401
        assert client.get(url, auth=(kept["user"], kept["password"])).status_code == 200
        assert client.get(f"{kept['hub']}/v1/health").json()["status"] == "ok"
    error = json.loads(demo.run("--json", code=2))["error"]
    assert "podium demo --clean" in error["remedy"]
    assert demo.left() == there, "the second one has harmed the first"
    the_notebook_says_what_it_shows(Path(kept["home"]))
    began = time.monotonic()
    assert json.loads(demo.run("--clean", "--json"))["ended"] == 4
    demo.nothing_left(began)
    assert json.loads(demo.run("--clean", "--json"))["ended"] == 0
