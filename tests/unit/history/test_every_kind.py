"""Every kind of source, edited at random and asked by real runs: each run finds, and answers from, what an oracle finds by hand."""

from __future__ import annotations

import random
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

sys.path.append(str(Path(__file__).parents[1] / "data"))

from edited_sources import EDITS, EVERY, EVERY_ID, KINDS, Counts, Edit, Oracle

LOW = {
    "min_rows": 1,
    "min_cell": 1,
    "round_to": 1,
    "max_params_ratio": 1,
}  # so that what there is to use is told
CI_SEEDS, CI_STEPS = (1,), 2
pytestmark = pytest.mark.soak  # a minute and a half: eighteen datasources
SOAK_SEEDS, SOAK_STEPS = 3, 40


class Question:
    """One question, and what it has seen so far by hand."""

    def __init__(self, algorithm: dict[str, Any], *, keyed: bool) -> None:
        self.algorithm, self.keyed = algorithm, keyed
        self._oracle, self._seen = Oracle(keyed=keyed), Counter[Any]()

    def used(self, rows: list[Any], *, new: bool) -> list[Any]:
        """The rows that a run has to answer from."""
        return list((Counter(rows) - self._seen).elements()) if new else rows

    def counted(self, rows: list[Any]) -> Counts:
        """A run has seen these, and that counts: what it found in them."""
        self._seen = Counter(rows)
        return self._oracle.step(rows)


class Scene:
    """One datasource of the pod, and the questions that are asked of it."""

    def __init__(self, pod: Any, name: str, edited: Any, *, kind: str) -> None:
        self.pod, self.name, self.edited, self._times = pod, name, edited, 0
        self._files = kind == "images"
        by = {} if self._files else {"by": "site"}
        self.count, self.mean = {"kind": "count", **by}, {"kind": "mean", "column": "bytes" if self._files else "age", **by}
        self.questions: dict[str, Question] = {}

    @property
    def contract(self) -> Path:
        return Path(self.pod.database.parent / "contracts" / f"{self.name}.yaml")

    def begin(self) -> None:
        """Ask each question under a form of its own, of which nothing is known yet."""
        self._times += 1
        forms = {"count": self.count, "mean": self.mean}
        self.questions = {name: Question(self._same_with_another_filter(form), keyed=self.edited.keyed) for name, form in forms.items()}

    def edit(self, draw: random.Random) -> list[Edit]:
        edits = [Edit(draw.choice(EDITS), draw.randrange(100), draw.randrange(100)) for _ in range(draw.randrange(5))]
        for edit in edits:
            self.edited.edit(edit)
        self.write()
        return edits

    def write(self) -> None:
        """Bring the edits to the disk."""
        self.edited.write()
        self.edited.source()  # a frame is written when it is given to the pod

    def ask(self, which: str, *, new: bool) -> tuple[Any, Any]:
        """What a run said, and what it had to say."""
        question, rows = self.questions[which], self.edited.rows()
        used = question.used(rows, new=new)
        run = self.pod.ask(question.algorithm, new=new, datasource=self.name)
        if which == "mean" and used and not (self._files or any(row[2] for row in used)):
            return (run["status"], run["counted"]), ("suppressed", False)  # nothing to be told: it is still new the next time
        said = (run["code"] or run["status"], Counts(*(run[name] or 0 for name in Counts._fields)))
        expected = ("released" if used else "nothing_new", question.counted(rows))
        return ((*said, self._cells(run)), (*expected, self._by_hand(used))) if which == "count" else (said, expected)

    def scratch(self) -> tuple[Any, Any]:
        """The answer about all rows from what is kept of the parts, and one that nothing is kept of."""
        again = self.pod.ask(self.mean, datasource=self.name)
        scratch = self.pod.ask(self._same_with_another_filter(self.mean), datasource=self.name)
        return (again["status"], again["result"]), ("released", scratch["result"])

    def _same_with_another_filter(self, algorithm: dict[str, Any]) -> dict[str, Any]:
        self._times += 1
        return {**algorithm, "where": f"{'bytes' if self._files else 'year'} < {10**6 + self._times}"}

    def _cells(self, run: dict[str, Any]) -> dict[Any, int]:
        cells = run["result"]["cells"] if run["result"] else []
        return {cell["key"][0] if cell["key"] else None: cell["values"]["count"] for cell in cells}

    def _by_hand(self, rows: list[Any]) -> dict[Any, int]:
        return dict(Counter(None if self._files else row[3] for row in rows))


WHOLE = "csv files, read whole"  # for a rule of its contract that is about all rows together
NAMES = [*EVERY_ID, WHOLE]


@pytest.fixture(scope="module")
def scenes(lone_for_all: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scene]:
    """One pod with a datasource of every kind, with a key and without one."""
    made = {}
    for place, ((kind, keyed), name) in enumerate(zip([*EVERY, ("csv files", True)], NAMES, strict=True)):
        edited = KINDS[kind](tmp_path_factory.mktemp("source"), keyed=keyed, rows=12)
        edited.edit(Edit("change", 3, 5))  # an age that is missing, so that the contract lets others be
        edited.write()
        fields: dict[str, Any] = {**edited.source().dump(), "name": f"source-{place}", "max_bad_share": 1}
        forced = {"bytes": "continuous"} if kind == "images" else {"site": "categorical", "year": "continuous"}
        fields["force_types"] = {**fields.get("force_types", {}), **forced}
        fields |= {"key": ["id", "year"]} if name == WHOLE else {}
        made[name] = (fields, edited, kind)
    pod = lone_for_all([fields for fields, _, _ in made.values()], disclosure=LOW)
    scenes = {name: Scene(pod, fields["name"], edited, kind=kind) for name, (fields, edited, kind) in made.items()}
    contract = scenes[WHOLE].contract
    contract.write_text(contract.read_text().replace("- id\n- year\n", "- id\n"))
    return scenes


@pytest.mark.parametrize("name", NAMES)
def test_runs_find_what_the_oracle_finds(scenes: dict[str, Scene], name: str):
    for seed in CI_SEEDS:
        carried_out(scenes[name], seed=f"{name} {seed}", steps=CI_STEPS)


@pytest.mark.soak
@pytest.mark.parametrize("name", NAMES)
def test_runs_find_what_the_oracle_finds_however_long(scenes: dict[str, Scene], name: str):
    for _ in range(SOAK_SEEDS):
        carried_out(scenes[name], seed=f"{name} {random.randrange(10**9)}", steps=SOAK_STEPS)


def carried_out(scene: Scene, *, seed: str, steps: int) -> None:
    """Edits and runs by turns, drawn by the seed; the first run of a question is about all that is there."""
    draw, past = random.Random(seed), []
    scene.begin()
    for step in range(steps + 1):
        edits = scene.edit(draw) if step else []
        modes = {"count": not step or draw.random() < 0.7, "mean": draw.random() < 0.5}
        past.append((edits, modes))
        for which in ("count", "mean") if step % 2 == 0 or steps > 4 else ("count",):
            said, expected = scene.ask(which, new=modes[which])
            assert said == expected, f"seed {seed!r}, {which}, step {step}: {past}"
    said, expected = scene.scratch()
    assert said == expected, f"seed {seed!r}: {past}"


def begun(scene: Scene) -> Any:
    """A question that has seen all that is there; the source, to be edited by hand."""
    scene.begin()
    scene.write()
    found(scene, new=True)
    return scene.edited


def found(scene: Scene, *, new: bool) -> Counts:
    """What the run of a question found: what the oracle did."""
    said, expected = scene.ask("count", new=new)
    assert said == expected
    counts: Counts = said[1]
    return counts


def nothing_is_left(scene: Scene) -> None:
    """Nothing is left to be found, and the whole answer is the one from scratch."""
    scene.write()
    for new in (True, False):
        assert found(scene, new=new) == Counts(0, 0, len(scene.edited.rows()), 0)
    said, expected = scene.scratch()
    assert said == expected


FOLDERS = ["csv files, by key", "csv files, by content", "parquet folder, by key"]


@pytest.mark.parametrize("name", FOLDERS)
def test_a_file_may_be_renamed_and_only_moves_its_datapoints(scenes: dict[str, Scene], name: str):
    edited = begun(scenes[name])
    edited.edit(Edit("rename", 0))
    scenes[name].write()
    assert found(scenes[name], new=True) == Counts(0, 0, len(edited.rows()), 0)
    nothing_is_left(scenes[name])


@pytest.mark.parametrize("name", [*FOLDERS, "images, by key"])
def test_a_file_that_vanishes_and_comes_back(scenes: dict[str, Scene], name: str):
    edited = begun(scenes[name])
    file = min(edited.files)
    kept = edited.files.pop(file)
    scenes[name].write()
    assert found(scenes[name], new=True).gone == len(kept)
    edited.files[file] = kept
    scenes[name].write()
    assert found(scenes[name], new=True).new == len(kept)
    nothing_is_left(scenes[name])


@pytest.mark.parametrize("name", FOLDERS)
def test_rows_that_move_between_parts_are_what_they_were(scenes: dict[str, Scene], name: str):
    edited = begun(scenes[name])
    one, other = sorted(edited.files)[:2]
    if "parquet" not in name:  # there a folder is a year, and the row would change
        edited.files[other].append(edited.files[one].pop(0))
    edited.files[one].reverse()
    edited.edit(Edit("move", 1, 1))
    scenes[name].write()
    assert found(scenes[name], new=True) == Counts(0, 0, len(edited.rows()), 0)
    nothing_is_left(scenes[name])


@pytest.mark.parametrize("new", [True, False], ids=["new only", "all"])
@pytest.mark.parametrize("name", ["csv files, by key", "parquet folder, by key"])
def test_a_key_that_a_part_repeats_of_an_unchanged_one_is_refused(scenes: dict[str, Scene], name: str, *, new: bool):
    edited, scene = begun(scenes[name]), scenes[name]
    found(scene, new=False)  # now the state of each part is kept, and the unchanged ones are not read again
    one, other = min(edited.files), max(edited.files)
    for twice in (other, one):
        edited.files[twice].append(edited.files[one][0])
        scene.write()
        run = scene.pod.ask(scene.questions["count"].algorithm, new=new, datasource=scene.name)
        assert (run["status"], run["code"], run["counted"]) == ("failed", "key_not_unique", False)
        edited.files[twice].pop()
    nothing_is_left(scene)


@pytest.mark.parametrize("name", ["csv files, by content", "parquet, by content", "sqlite, by content"])
def test_copies_in_a_source_without_a_key_grow_and_shrink(scenes: dict[str, Scene], name: str):
    edited = begun(scenes[name])
    one, other = min(edited.files), max(edited.files)
    row = edited.files[one][0]
    if "parquet folder" in name:
        other = one
    for _ in range(3):
        edited.files[one].insert(0, row)
        edited.files[other].append(row)
    scenes[name].write()
    assert found(scenes[name], new=True).new == 6
    for _ in range(2):
        edited.files[one].remove(row)
    scenes[name].write()
    assert found(scenes[name], new=True).gone == 2
    edited.files[other].append(row)
    edited.files[one].remove(row)
    scenes[name].write()
    assert found(scenes[name], new=True)[:2] == (0, 0)
    nothing_is_left(scenes[name])


@pytest.mark.parametrize("name", ["csv, by key", "parquet, by key", "json, by content", "images, by key"])
def test_a_row_is_rewritten_and_its_file_gets_its_time_back(scenes: dict[str, Scene], name: str):
    begun(scenes[name]).edit(Edit("restore", 2, 1))
    scenes[name].write()
    counts = found(scenes[name], new=True)
    assert counts.new + counts.changed == 1
    nothing_is_left(scenes[name])


def test_rows_of_sqlite_are_updated_while_another_program_has_the_file_open(scenes: dict[str, Scene]):
    scene = scenes["sqlite, by key"]
    edited = begun(scene)
    (name, rows), age = next(iter(edited.files.items())), 77
    with closing(sqlite3.connect(edited.folder / name)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        for place in range(2):  # the second time, the log is there already
            rows[place] = rows[place]._replace(age=age + place)
            with other:
                other.execute("UPDATE visit SET age = ? WHERE id = ?", (age + place, rows[place].id))
            assert found(scene, new=True) == Counts(0, 1, len(rows) - 1, 0)
        other.execute("PRAGMA journal_mode=DELETE")
    edited._on_disk[name] = list(rows)
    nothing_is_left(scene)


def test_a_frame_is_replaced(scenes: dict[str, Scene]):
    scene = scenes["frame, by key"]
    edited = begun(scene)
    rows = edited.files["0"]
    edited.files["0"] = [*(edited._row("0", seed) for seed in range(9)), *rows[2:], rows[0]._replace(age=99)]
    scene.write()
    assert found(scene, new=True) == Counts(9, 1, len(rows) - 2, 1)
    nothing_is_left(scene)


@pytest.mark.parametrize("new", [True, False], ids=["new only", "all"])
def test_a_corrupt_image_is_quarantined_and_one_that_is_mended_is_used(scenes: dict[str, Scene], *, new: bool):
    scene = scenes["images, by key"]
    edited, count = begun(scene), scene.questions["count"].algorithm
    good = len(edited.rows())
    path = edited.folder / "a" / "bad.bmp"
    path.parent.mkdir(exist_ok=True)

    def said() -> tuple[Any, ...]:
        run = scene.pod.ask(count, new=new, datasource=scene.name)
        return (run["code"] or run["status"], run["new"] + run["changed"], run["quarantined"], run["gone"], scene._cells(run))

    def cells(fresh: int, every: int) -> dict[Any, int]:
        return {None: fresh if new else every} if fresh or not new else {}

    path.write_bytes(b"BM no image at all")
    edited.edit(Edit("add", 0, 1))
    edited.write()
    assert said() == ("released", 1, 1, 0, cells(1, good + 1))
    assert scene.pod.rows("SELECT rule FROM quarantine WHERE run_no = (SELECT max(no) FROM run)") == [("no_image",)]
    Image.new("L", (3, 1)).save(path)
    assert said() == ("released", 1, 0, 0, cells(1, good + 2))
    path.unlink()
    end = said()
    assert end[1:4] == (0, 0, 1)
    assert end[0] == ("nothing_new" if new else "released")
    again, scratch = scene.scratch()
    assert again == scratch


@pytest.mark.parametrize("name", ["csv files, by key", "json, by content", WHOLE])
def test_the_contract_is_edited_between_runs(scenes: dict[str, Scene], name: str):
    scene = scenes[name]
    edited, contract = begun(scene), scene.contract.read_text()
    count, rows = scene.questions["count"].algorithm, edited.rows()
    bad = sum(row[1] == 2020 for row in rows)
    assert 0 < bad < len(rows)

    def said(*, new: bool) -> tuple[Any, ...]:
        run = scene.pod.ask(count, new=new, datasource=scene.name)
        names = ("new", "changed", "unchanged", "quarantined", "gone")
        return (run["code"] or run["status"], *(run[name] or 0 for name in names), sum(scene._cells(run).values()))

    stricter = contract.replace("  year:\n", "  year:\n    greater_than: 2020\n")
    assert stricter != contract
    assert said(new=False) == ("released", 0, 0, len(rows), 0, 0, len(rows))
    scene.contract.write_text(stricter)
    assert said(new=False) == ("released", 0, 0, len(rows) - bad, bad, 0, len(rows) - bad)
    scene.contract.write_text(contract)
    assert said(new=False) == ("released", bad, 0, len(rows) - bad, 0, 0, len(rows))
    assert said(new=False) == ("released", 0, 0, len(rows), 0, 0, len(rows))


@pytest.mark.soak
@pytest.mark.parametrize("keyed", [True, False], ids=["by key", "by content"])
def test_other_columns_are_ignored_between_runs(lone: Any, tmp_path: Path, *, keyed: bool):
    edited = KINDS["csv files"](tmp_path, keyed=keyed, rows=12)
    edited.write()
    fields = {**edited.source().dump(), "name": "visits", "force_types": {"site": "categorical"}}
    less = {**fields, "ignore_columns": ["age"], "types": {name: kind for name, kind in fields["types"].items() if name != "age"}}
    every = Counts(0, 12, 0, 0) if keyed else Counts(12, 0, 0, 12)
    for configured, expected in ((fields, Counts(12, 0, 0, 0)), (less, every), (fields, every)):
        pod = lone([configured], disclosure=LOW)
        for new, now in ((True, expected), (False, Counts(0, 0, 12, 0))):
            run = pod.ask({"kind": "count", "by": "site"}, new=new)
            assert (run["status"], Counts(*(run[name] for name in Counts._fields))) == ("released", now)
            assert {cell["values"]["count"] for cell in run["result"]["cells"]} == {4}
        pod.close()
