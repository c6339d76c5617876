"""`podium pod history` about questions and datapoints, and its two verbs that write."""

from __future__ import annotations

import json
import math
import struct
import sys
from pathlib import Path

import pytest

from podium import project
from podium.contracts import Column, DatasourceSchema

sys.path.append(str(Path(__file__).parents[1] / "schemas"))
project.activate()

from history_scene import DONE, QUARANTINED, Past, print_  # noqa: E402

from podium.cli._history_key import keys_of  # noqa: E402
from podium.datasources import load_source  # noqa: E402
from podium.history.results import Sealer  # noqa: E402
from podium.history.secret import datasource_secret, pod_secret  # noqa: E402
from schemas.stores import PodDatabase, SchemaStore  # noqa: E402

HOSTILE = "\x1b]0;owned\x07[red]x\u202e"
SOURCE = {"name": "patients", "kind": "csv", "path": "/a.csv", "key": ["id"]}


@pytest.fixture
def past(tmp_path: Path) -> Past:
    """A pod that is not running, with two questions; patient 7 was used twice, and patient 8 is in quarantine."""
    folder = tmp_path / "home" / "pods" / "clinic" / "north"
    folder.mkdir(parents=True)
    fields = {"pod": {"name": "north", "owner": "clinic"}, "datasources": [SOURCE, {"name": "visits", "kind": "csv", "path": "/v.csv"}]}
    (folder / "pod.json").write_text(json.dumps(fields))
    made = Past(PodDatabase.of(folder=folder, pod="clinic/north"))
    schema = DatasourceSchema(datasource="patients", stage="full", columns=(Column(name="id", type="integer", semantic="identifier"),))
    SchemaStore(made.database).add(schema)
    secret = datasource_secret(pod_secret(folder / "keys" / "history.key"), "patients")
    key = {n: keys_of(str(n), source=load_source(SOURCE), schemas=[schema], secret=secret)[0] for n in (7, 8)}
    mean = made.task("mean")
    made.run(mean, {key[7]: (DONE, print_(1)), key[8]: (QUARANTINED, print_(2))}, new=2, quarantined=1)
    made.run(mean, unchanged=2)
    run = made.received(made.task(HOSTILE[:16]), task=HOSTILE, repeat_no=3, standing="ef" * 16)
    made.runs.note(run, alias=HOSTILE)
    made.part(run, {key[8]: (QUARANTINED, print_(2))}, part=HOSTILE, rule=HOSTILE)
    made.end(run, quarantined=1)
    yield made
    made.database.close()


def test_which_results_used_a_patient(podium, past: Past) -> None:
    (found,) = podium("pod", "history", "--datapoint", "7", "--datasource", "patients", "--json").data
    assert (found["pod"], found["no"], found["algorithm"], found["now"]) == ("clinic/north", 1, "mean", "known")
    assert [(run["id"], run["how"], run["alias"]) for run in found["used_in"]] == [
        (f"{1:032x}", "new", "Ana"),
        (f"{2:032x}", "unchanged", "Ana"),
    ]
    assert found["used_in"][0]["released"]["cells"] == [{"key": [], "values": {"count": 20}}]
    told = podium("pod", "history", "north", "--datapoint", "7", "--datasource", "patients").out
    assert "Question 1 at clinic/north: mean of patients" in told
    assert "figures of 20 rows" in told
    bad = podium("pod", "history", "--datapoint", "8", "--datasource", "patients").out
    assert "quarantined (age_range)" in bad
    assert podium("pod", "history", "--datapoint", "9", "--datasource", "patients", "--json").data == []
    assert "No result used" in podium("pod", "history", "--datapoint", "9", "--datasource", "patients").out


def test_the_secret_must_be_there_and_be_private(podium, past: Past, tmp_path: Path) -> None:
    secret, asked = tmp_path / "home" / "pods" / "clinic" / "north" / "keys" / "history.key", ("--datasource", "patients", "--json")
    secret.chmod(0o640)
    assert "readable by you alone" in podium("pod", "history", "--datapoint", "7", *asked, code=2).error["message"]
    secret.unlink()
    error = podium("pod", "history", "--datapoint", "7", *asked, code=2).error
    assert (error["field"], str(secret) in error["remedy"]) == ("--datapoint", True)
    assert not secret.exists(), "a new secret knows nothing"


def test_questions_and_one_of_them(podium, past: Past) -> None:
    listed = podium("pod", "history", "--tasks", "--json").data
    assert [(one["no"], one["datasource"], one["datapoints"], one["quarantined"], one["runs"]) for one in listed] == [
        (2, "patients", 20, 1, 1),
        (1, "patients", 20, 1, 2),
    ]
    one = podium("pod", "history", "--task", "1", "--json").data
    assert (one["known"], one["in_quarantine"], one["gone"]) == (1, 1, 0)
    assert [(run["new"], run["unchanged"], run["quarantined"]) for run in one["runs"]] == [(0, 2, 0), (2, 0, 1)]
    assert podium("pod", "history", "--task", one["question"][:8], "--json").data == one
    told = podium("pod", "history", "--task", "1").out
    assert "1 known, 1 in quarantine, 0 gone" in told
    assert "age_range: 1" in told


def test_a_run_with_its_parts(podium, past: Past) -> None:
    run = podium("pod", "history", "--run", f"{1:032x}", "--json").data
    assert [(part["part"], part["rows"], part["quarantined"]) for part in run["parts"]] == [("p0", 2, 1)]
    assert run["broken"] == {"age_range": 1}
    assert "question 1; see: podium pod history --task 1" in podium("pod", "history", "--run", f"{1:032x}").out
    assert "3 of the standing task that came with run efefefef" in podium("pod", "history", "--run", f"{3:032x}").out


def test_quarantined_and_gone_are_columns_where_there_are_any(podium, past: Past) -> None:
    assert "quarantined" in podium("pod", "history").out
    assert "gone" not in podium("pod", "history").out
    run = past.run(1, gone=1, new_only=True)
    assert "gone" in podium("pod", "history", "--limit", "1").out
    assert "quarantined" not in podium("pod", "history", "--limit", "1").out
    assert run[:8] in podium("pod", "history", "show", "--limit", "1").out


def test_what_others_chose_is_shown_and_not_obeyed(podium, past: Past) -> None:
    for asked in (["--tasks"], ["--task", "2"], ["--run", f"{3:032x}"], ["--datapoint", "8", "--datasource", "patients"]):
        for more in ([], ["--json"]):
            said = podium("pod", "history", *asked, *more).out
            assert not {"\x1b", "\x07", "\u202e"} & set(said), asked
            assert "[red]x" in said or asked[0] != "--run"


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (["--run", "a", "--task", "1"], "--task"),
        (["--datasource", "patients"], "--datasource"),
        (["--datapoint", "7"], "--datasource"),
        (["--datapoint", "7", "--datasource", "patient"], "--datasource"),
        (["--datapoint", "seven", "--datasource", "patients"], "--datapoint"),
        (["--datapoint", "7", "--datasource", "visits"], "--datapoint"),
        (["--task", "99"], "--task"),
        (["--task", "t1"], ""),
        (["retry", "--task", "99"], "--task"),
        (["retry", "--task", "1", "--datapoint", "7"], "--datapoint"),
        (["prune", "--before", "soon"], "--before"),
        (["prune", "--before", "2999-01-01"], "--before"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_errors_name_the_option_and_what_helps(podium, past: Past, asked: list[str], field: str) -> None:
    if not field:
        assert podium("pod", "history", *asked, "--json").data["no"] == 1
        return
    error = podium("pod", "history", *asked, "--json", code=2).error
    assert error["field"] == field
    assert error["remedy"]


def test_retry(podium, past: Past) -> None:
    assert podium("pod", "history", "retry", "--task", "1", "--datapoint", "8", "--json").data == {
        "pod": "clinic/north",
        "task": 1,
        "retried": 1,
    }
    (first, second) = podium("pod", "history", "--datapoint", "8", "--datasource", "patients", "--json").data
    assert (first["now"], second["now"]) == ("to be tried again", "quarantined")
    assert "nothing in quarantine" in podium("pod", "history", "retry", "--task", "1").out
    assert "will be read again" in podium("pod", "history", "--task", "1").out
    past.received(2)
    assert podium("pod", "history", "retry", "north", "--task", "2", "--json", code=7).error["code"] == "at_work"


def test_prune_says_first_what_it_looks_at(podium, past: Past) -> None:
    said = podium("pod", "history", "prune", "--before", "1", "--dry-run", "--json")
    (one,) = said.data
    assert (one["pod"], one["runs"], one["entries"], one["removed"]) == ("clinic/north", 0, 0, None)
    assert "would look through 0 runs" in said.err
    with past.database.transaction() as session:
        session.connection().exec_driver_sql("UPDATE run SET finished_at = 1700000000")
    (one,) = podium("pod", "history", "prune", "north", "--before", "2024-01-01", "--dry-run", "--json").data
    assert (one["runs"], one["entries"]) == (3, 3)
    (kept,) = podium("pod", "history", "prune", "north", "--before", "2023-01-01", "--dry-run", "--json").data
    assert (kept["runs"], kept["entries"]) == (0, 0)
    (nightly,) = podium("pod", "history", "prune", "north", "--dry-run", "--json").data
    assert (nightly["runs"], nightly["entries"]) == (0, 0)  # ten years, as upkeep has it


@pytest.fixture
def scored(past: Past, tmp_path: Path) -> Path:
    """A question that gave patients 7 and 8 a score, in a run; 9 is in the table too. Returns the table."""
    table, folder = tmp_path / "a.csv", tmp_path / "home" / "pods" / "clinic" / "north"
    table.write_text("id,age\n7,50\n8,\n9,60\n")
    fields = json.loads((folder / "pod.json").read_text())
    fields["datasources"][0]["path"] = str(table)
    (folder / "pod.json").write_text(json.dumps(fields))
    schema = DatasourceSchema(datasource="patients", stage="full", columns=(Column(name="id", type="integer", semantic="identifier"),))
    secret = pod_secret(folder / "keys" / "history.key")
    of = {"source": load_source(SOURCE), "schemas": [schema], "secret": datasource_secret(secret, "patients")}
    key = {keys_of(str(n), **of)[0]: score for n, score in ((7, 918273645.5), (8, math.nan), (6, 0.25))}
    task = past.task("score")
    run, results = past.received(task), struct.pack("<3d", *(key[one] for one in sorted(key)))
    sealer = Sealer(secret, datasource="patients", question=b"score".ljust(16, b"-"))
    past.part(run, {one: (DONE, print_(1)) for one in key}, given=sealer.seal(b"".join(sorted(key)) + results, run=run, batch=0))
    past.end(run, new=3)
    return table


def test_a_report_of_what_each_was_given(podium, past: Past, scored: Path, tmp_path: Path) -> None:
    to, no = tmp_path / "scores.csv", "3"
    shown = podium("pod", "history", "--task", no).out
    assert "3; see: podium pod history report --task 3 --to FILE" in shown
    told = podium("pod", "history", "report", "--task", no, "--to", str(to), "--json").data
    assert told == {"pod": "clinic/north", "task": 3, "file": str(to), "rows": 3, "written": 2, "without": 1, "elsewhere": 1}
    assert to.read_text() == '"id","score"\n7,918273645.5\n8,\n'
    assert to.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if "scores" in path.name] == ["scores.csv"]
    to.write_text("mine")
    error = podium("pod", "history", "report", "--task", no, "--to", str(to), "--json", code=2).error
    assert (error["field"], to.read_text()) == ("--to", "mine")
    said = podium("pod", "history", "report", "--run", f"{4:032x}", "--to", str(to), "--force").out
    assert "2 of 3 rows are in" in said
    assert "1 of them have an empty result" in said
    assert "1 results are of datapoints that the source does not have now" in said
    assert "918273645.5" in to.read_text()
    (one,) = [one for one in podium("pod", "history", "--datapoint", "7", "--datasource", "patients", "--json").data if one["no"] == 3]
    assert one["result"] == 918273645.5
    assert "none: an input is missing" in podium("pod", "history", "--datapoint", "8", "--datasource", "patients").out
    assert struct.pack("<d", 918273645.5) not in b"".join(path.read_bytes() for path in (past_folder(tmp_path)).glob("pod.db*"))


def past_folder(tmp_path: Path) -> Path:
    return tmp_path / "home" / "pods" / "clinic" / "north"


@pytest.mark.parametrize(
    ("asked", "field", "said"),
    [
        ((), "--task", "which results are meant"),
        (("--task", "3", "--run", "4"), "--task", "which results are meant"),
        (("--task", "1"), "--task", "gives datapoints no result"),
        (("--run", f"{1:032x}"), "--run", "gives datapoints no result"),
        (("--run", f"{5:032x}"), "--run", "has no results: it is queued"),
        (("--task", "3", "--to", "/nowhere/at/all.csv"), "--to", "no folder"),
    ],
)
def test_where_there_is_no_report(podium, past: Past, scored: Path, tmp_path: Path, asked: tuple[str, ...], field: str, said: str) -> None:
    past.received(past.task("score"))
    where = () if "--to" in asked else ("--to", str(tmp_path / "scores.csv"))
    error = podium("pod", "history", "report", *asked, *where, "--json", code=2).error
    assert (error["field"], said in error["message"]) == (field, True)
    assert not (tmp_path / "scores.csv").exists()


def test_a_report_without_the_secret_or_with_another(podium, past: Past, scored: Path, tmp_path: Path) -> None:
    secret, to = past_folder(tmp_path) / "keys" / "history.key", tmp_path / "scores.csv"
    secret.write_bytes(bytes(32))
    assert "cannot be opened" in podium("pod", "history", "report", "--task", "3", "--to", str(to), "--json", code=2).error["message"]
    secret.unlink()
    assert str(secret) in podium("pod", "history", "report", "--task", "3", "--to", str(to), "--json", code=2).error["remedy"]
    assert not to.exists()


def test_prune(podium, past: Past) -> None:
    with past.database.transaction() as session:
        used = session.connection().exec_driver_sql("SELECT key FROM datapoint WHERE run_no = 1 AND outcome = 0").scalar()
    past.run(1, {used: (DONE, print_(5))}, changed=1)
    with past.database.transaction() as session:
        session.connection().exec_driver_sql("UPDATE run SET finished_at = 1700000000 WHERE no < 4")
    before = podium("pod", "history", "--task", "1", "--json").data
    (one,) = podium("pod", "history", "prune", "--before", "2024-01-01", "--json").data
    assert one["removed"] == 1  # the version that was replaced; what stands stays
    after = podium("pod", "history", "--task", "1", "--json").data
    assert (after["known"], after["in_quarantine"]) == (before["known"], before["in_quarantine"]) == (1, 1)


def test_nothing_is_cut_on_a_narrow_terminal(podium, past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    past.run(1, new_only=True, new=6_000_000, unchanged=2_999, quarantined=28, gone=1)
    for asked in ([], ["--tasks"], ["--task", "1"], ["--run", f"{1:032x}"], ["--datapoint", "7", "--datasource", "patients"]):
        said = podium("pod", "history", *asked).out
        assert "…" not in said, asked
    listed = podium("pod", "history", "--limit", "1").out
    for word in ("6,000,000 new", "28", "quarantined", "1 gone"):
        assert word in listed
