"""`kill -9` before every commit of a run: taken up again, it ends as if nothing had happened. The commits are counted, not guessed."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from podium.history.results import Sealer, divided

SCORE = {"kind": "score", "coefficients": {"age": 0.5, "sex[m]": 1.25}, "levels": {"sex": ["f", "m"]}, "edges": [10, 20, 30], "by": "sex"}
QUESTIONS = {
    "by_parts": (SCORE, False, 1),
    "new_only": ({"kind": "count", "by": "sex"}, True, 3),
}
TABLES = {
    "datapoint": "batch, hex(key), hex(fingerprint), outcome",
    "batch": "no, part, rows, used, new, changed, unchanged, quarantined, hex(state), hex(unseen)",
    "history_task": "hex(key), total, token",
    "quarantine": "hex(key), rule",
    "result": "released",
    "decision": "allowed, reasons",
}


def rows(first: int, last: int) -> str:
    return "patient,age,sex\n" + "".join(f"p{n},{n % 80},{'fm'[n % 2]}\n" for n in range(first, last))


def everything(pod: Any) -> dict[str, Any]:
    """What the database holds, opened where it is sealed."""
    found = {name: sorted(pod.rows(f"SELECT {columns} FROM {name}"), key=str) for name, columns in TABLES.items()}
    return {**found, "results": results(pod)}


def results(pod: Any) -> list[tuple[Any, ...]]:
    """Run, batch, and what each datapoint was given, which is one row for each datapoint that was used."""
    secret, found = (pod.database.parent / "keys" / "history.key").read_bytes(), []
    used = dict(pod.rows("SELECT run_no || '.' || batch, COUNT(*) FROM datapoint WHERE outcome = 0 GROUP BY 1"))
    given = "SELECT result.run_no, batch, datapoints, sealed, run.id, task.key FROM datapoint_result AS result"
    joined = " JOIN run ON run.no = result.run_no JOIN history_task AS task ON task.no = run.task_no ORDER BY 1, 2"
    for run_no, batch, datapoints, sealed, run, question in pod.rows(given + joined):
        keys, numbers = divided(Sealer(secret, datasource="patients", question=question).open(sealed, run=run, batch=batch))
        assert len(keys) == 16 * datapoints == 16 * used.pop(f"{run_no}.{batch}")
        found.append((run_no, batch, keys.hex(), numbers.hex()))
    assert not (found and used)
    return found


@pytest.fixture(params=QUESTIONS)
def asked(request: Any, lone: Any, tmp_path: Path) -> tuple[Any, str, Callable[[], None], int]:
    """A pod that has answered a question once, the run in which it is asked again after an edit, and what puts the pod back to then.

    The last: the first commit before which it dies in a short test.
    """
    algorithm, new, first = QUESTIONS[request.param]
    folder = tmp_path / "parts"
    folder.mkdir()
    for place in range(2):
        (folder / f"{place}.csv").write_text(rows(100 * place, 100 * place + 100))
    pod = lone([{"name": "patients", "kind": "csv", "path": str(folder), "key": ["patient"]}], apart=True)
    before = pod.do("post", task=pod.task(algorithm, new=new))
    pod.do("carry_out", run=before["run"])
    (folder / "1.csv").write_text(rows(110, 250))  # some gone, some new
    run = pod.do("post", task=pod.task(algorithm, new=new))["run"]
    home = pod.database.parent
    shutil.copytree(home, tmp_path / "kept")

    def back() -> None:
        shutil.rmtree(home)
        shutil.copytree(tmp_path / "kept", home)

    return pod, run, back, first


def ended(pod: Any, run: str) -> dict[str, Any]:
    """How the run ends, and everything that the database holds then."""
    how = pod.do("carry_out", run=run)
    return {"how": {**how, "tries": 0, "commits": 0}, **everything(pod)}


# Every sixth commit here, from another one for each question; all of them in the soak.
@pytest.mark.parametrize("every", [6, pytest.param(1, marks=pytest.mark.soak)])
def test_a_run_that_dies_before_any_commit_ends_as_if_it_had_not(asked: Any, every: int):
    pod, run, back, first = asked
    commits = pod.do("carry_out", run=run)["commits"]
    back()
    undisturbed = ended(pod, run)
    assert undisturbed["how"]["status"] == "released"
    batches = 3 if pod.rows("SELECT algorithm FROM history_task") == [("score",)] else 0
    assert len(undisturbed["results"]) == batches
    assert commits > 8
    for number in range(min(first, every), commits + 1, every):
        back()
        assert pod.do("carry_out", run=run, kill_at=number) is None
        assert ended(pod, run) == undisturbed, f"killed before commit {number} of {commits}"


@pytest.mark.soak
def test_a_run_that_dies_at_any_moment_ends_as_if_it_had_not(asked: Any):
    pod, run, back, _ = asked
    undisturbed, chance, killed = ended(pod, run), random.Random(1), 0
    for number in range(200):
        back()
        for _ in range(3):
            killed += pod.do("carry_out", run=run, kill_after=chance.uniform(0.0, 1.5)) is None
        assert ended(pod, run) == undisturbed, f"after the {number}th life"
    assert killed > 300
