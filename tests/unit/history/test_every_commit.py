"""`kill -9` before every commit of a run: taken up again, it ends as if nothing had happened. The commits are counted, not guessed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

QUESTIONS = {
    "by_parts": ({"kind": "mean", "column": "age", "by": "sex"}, False),
    "new_only": ({"kind": "count", "by": "sex"}, True),
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
    return {name: sorted(pod.rows(f"SELECT {columns} FROM {name}"), key=str) for name, columns in TABLES.items()}


@pytest.mark.parametrize("which", QUESTIONS)
def test_a_run_that_dies_before_any_commit_ends_as_if_it_had_not(which: str, lone: Any, tmp_path: Path):
    algorithm, new = QUESTIONS[which]
    folder = tmp_path / "parts"
    folder.mkdir()
    for place in range(2):
        (folder / f"{place}.csv").write_text(rows(100 * place, 100 * place + 100))
    pod = lone([{"name": "patients", "kind": "csv", "path": str(folder), "key": ["patient"]}], apart=True)
    before = pod.do("post", task=pod.task(algorithm, new=new))
    pod.do("carry_out", run=before["run"])
    (folder / "1.csv").write_text(rows(110, 250))  # some gone, some new
    asked = pod.do("post", task=pod.task(algorithm, new=new))
    home = pod.database.parent
    shutil.copytree(home, tmp_path / "kept")

    def again() -> None:
        shutil.rmtree(home)
        shutil.copytree(tmp_path / "kept", home)

    undisturbed = pod.do("carry_out", run=asked["run"])
    expected, commits = everything(pod), undisturbed.pop("commits")
    assert undisturbed["status"] == "released"
    assert commits > 8
    for number in range(1, commits + 1):
        again()
        assert pod.do("carry_out", run=asked["run"], kill_at=number) is None
        ended = pod.do("carry_out", run=asked["run"])
        ended.pop("commits")
        assert ended | {"tries": 0} == undisturbed | {"tries": 0}, f"killed before commit {number} of {commits}"
        assert everything(pod) == expected, f"killed before commit {number} of {commits}"
