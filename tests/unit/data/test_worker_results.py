"""What an algorithm gives each datapoint, on its way through a worker, and back into a report beside the rows of the source."""

from __future__ import annotations

import csv
import json
import math
import struct

import pyarrow as pa
import pytest
from worker_scene import SECRET

from podium.algorithms import Mean, Score
from podium.datasources import Datasource
from podium.errors import ConfigError, TaskError
from podium.history.fingerprints import copy_key, digests
from podium.workers.answers import BINARY
from podium.workers.inside import Inside
from podium.workers.records import ELSEWHERE, QUARANTINED
from podium.workers.scoring import scored

SCORE = Score(coefficients={"v": 0.5}, intercept=1, edges=(0, 10)).dump()
CONTRACT = "schema_type: polars_dataframe\ncolumns:\n  v:\n    dtype: Int64\n    nullable: true\n    le: 90\n"


class Scene:
    """A folder with one table, and a worker's commands in this process."""

    def __init__(self, tmp_path, **fields):
        self.path, self.contract, self.report_file = tmp_path / "t.csv", tmp_path / "t.yaml", tmp_path / "report.csv"
        self.contract.write_text(CONTRACT)
        self.fields = {"kind": "csv", "name": "t", "path": str(self.path), "types": {"id": "text", "v": "integer"}, **fields}

    def write(self, *rows):
        with self.path.open("w", newline="") as file:
            csv.writer(file).writerows([("id", "v"), *rows])

    def run(self, *, known=b"", new_only=False, results=True):
        """The part's results by key, and the part's answer."""
        inside = Inside(progress=lambda _: None)
        self.do = inside.do
        self.do({"do": "open", "source": self.fields}, [])
        self.do({"do": "survey", "unless": "", "contract": str(self.contract), "by_parts": True}, [])
        if known:
            self.do({"do": "history", "of": "known"}, [known])
        told = {"ids": [self.survey_id()], "new_only": new_only, "contract": str(self.contract), "algorithm": SCORE, "results": results}
        self.do({"do": "begin", **told}, [SECRET])
        said, parts = self.do({"do": "part", "place": 0}, [])
        answer = json.loads(said) | dict(zip(BINARY, parts, strict=False))
        done = [at for at, outcome in enumerate(answer["outcomes"]) if outcome == 0]
        numbers = struct.unpack(f"<{len(answer['results']) // 8}d", answer["results"])
        return dict(zip((answer["keys"][16 * at : 16 * at + 16] for at in done), numbers, strict=results)), answer

    def survey_id(self):
        return Datasource.load(self.fields).partitions()[0].id

    def key(self, *row):
        columns = {"id": pa.array([row[0]]), "v": pa.array([*row[1:]], pa.int64())} if len(row) > 1 else {"id": pa.array([row[0]])}
        return digests(pa.RecordBatch.from_pydict(columns), secret=SECRET, purpose="key", columns=list(columns))

    def record(self, row, *, bad=False):
        batch = pa.RecordBatch.from_pydict({"id": pa.array([row[0]]), "v": pa.array([row[1]], pa.int64())})
        place = (ELSEWHERE if row[0] == "moved" else 0) | (QUARANTINED if bad else 0)
        return self.key(row[0]) + digests(batch, secret=SECRET, purpose="row") + place.to_bytes(4, "big")

    def report(self, *records):
        self.do({"do": "results"}, [b"".join(key + struct.pack("<d", number) for key, number in records)])
        self.report_file.touch()
        said, _ = self.do({"do": "report", "path": str(self.report_file)}, [SECRET])
        with self.report_file.open(newline="") as file:
            return list(csv.reader(file)), json.loads(said)


@pytest.mark.parametrize("new_only", [False, True])
def test_each_new_or_changed_row_has_its_own(tmp_path, new_only):
    scene = Scene(tmp_path, key=["id"])
    rows = [("same", 4), ("bad", 99), ("new", 10), ("empty", None), ("changed", 20), ("mended", 6), *((f"n{n}", n) for n in range(50))]
    scene.write(*rows)
    known = scene.record(("same", 4)) + scene.record(("changed", 3)) + scene.record(("mended", 6), bad=True)
    found, answer = scene.run(known=known, new_only=new_only)
    left_out = ("same", "bad", "mended") if new_only else ("same", "bad")  # what stands in quarantine unchanged is not judged again
    wanted = {name: math.nan if v is None else 1 + v / 2 for name, v in rows if name not in left_out}
    assert {key: str(value) for key, value in found.items()} == {scene.key(name): str(value) for name, value in wanted.items()}
    assert (answer["new"], answer["changed"], answer["quarantined"]) == (len(wanted) - 1, 1, 1)


def test_only_where_they_are_wanted(tmp_path):
    scene = Scene(tmp_path, key=["id"])
    scene.write(("a", 1))
    with pytest.raises(ConfigError) as caught:
        scored(Mean(column="v"), [])
    assert caught.value.code == "not_scoring"
    assert scene.run(results=False)[1]["results"] == b""


@pytest.mark.parametrize("scores", [pa.array([1]), pa.array([1.0, 2.0]), pa.array([math.inf]), pa.array([math.nan])])
def test_scores_of_another_form_are_refused(scores, monkeypatch):
    monkeypatch.setattr(Score, "scores", lambda *_: scores)
    with pytest.raises(TaskError, match="one finite float64"):
        scored(Score(coefficients={"v": 1.0}, edges=(0, 1)), [pa.RecordBatch.from_pydict({"v": [1]})])


def test_a_report_by_key(tmp_path):
    scene = Scene(tmp_path, key=["id"])
    scene.write(("a", 1), ("b", 2), ('c "x", y', 3), ("d", 4), ("unknown", 5))
    scene.run()
    given = [(scene.key("a"), 0.25), (scene.key("a"), 0.5), (scene.key("b"), math.nan), (scene.key('c "x", y'), 3.5)]
    gone = [(scene.key("d"), 9.0), (scene.key("d"), math.inf), (scene.key("e"), 5.0), (scene.key("f"), math.nan)]
    table, told = scene.report(*given, *gone)
    assert table == [["id", "score"], ["a", "0.5"], ["b", ""], ['c "x", y', "3.5"]]
    assert told == {"rows": 5, "written": 3, "without": 1, "elsewhere": 2}


def test_a_report_of_rows_without_a_key(tmp_path):
    scene = Scene(tmp_path)
    scene.write(("a", 1), ("twin", 2), ("twin", 2), ("left", 3), ("gone", 4))
    scene.run()
    twin, left, gone = scene.key("twin", 2), scene.key("left", 3), scene.key("gone", 4)
    again = [(copy_key(left, 1, secret=SECRET), math.inf), (copy_key(left, 2, secret=SECRET), 7.0)]
    table, told = scene.report((twin, 2.5), (copy_key(twin, 1, secret=SECRET), 2.5), (left, math.inf), *again, (gone, math.inf))
    assert table == [["id", "v", "score"], ["twin", "2", "2.5"], ["twin", "2", "2.5"], ["left", "3", "7"]]
    assert (told["written"], told["rows"]) == (3, 5)


def test_a_report_of_nothing(tmp_path):
    scene = Scene(tmp_path, key=["id"])
    scene.write(("a", 1))
    scene.run()
    assert scene.report() == ([["id", "score"]], {"rows": 1, "written": 0, "without": 0, "elsewhere": 0})


def test_a_column_of_that_name_keeps_it(tmp_path):
    scene = Scene(tmp_path, key=["score"], types={"score": "text", "v": "integer"})
    scene.path.write_text("score,v\na,1\n")
    scene.run()
    batch = pa.RecordBatch.from_pydict({"score": pa.array(["a"])})
    assert scene.report((digests(batch, secret=SECRET, purpose="key"), 1.5))[0] == [["score", "score_given"], ["a", "1.5"]]
