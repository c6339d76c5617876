"""Rows against a contract: counted over all batches, whatever the columns are called and the environment says, and never quoted."""

import ast
import logging
import os
import subprocess
import sys
import traceback
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from contract_scene import ODD, at, day, edited, plain, table
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.config import ValidationDepth, config_context
from pandera.polars import Check, Column, DataFrameSchema

from podium.contracts import Column as SchemaColumn
from podium.errors import WorkerError
from podium.workers.faults import fault_of
from schemas import judging, uniqueness
from schemas.datasource import validate
from schemas.uniqueness import Uniqueness

SECRET = "Wilhelmina Planted"


def test_the_same_is_found_in_whatever_batches_it_comes(tmp_path, monkeypatch):
    contract = edited(tmp_path / "t.yaml", {"i": {"in_range": {"min_value": 0, "max_value": 97}, "nullable": False}, "t": {"unique": True}})
    numbers = [*range(99), None]
    rows = table(i=numbers, t=[f"p{n % 95}" for n in range(100)])
    found = []
    for size, most in ((100, 1000), (7, 1000), (7, 30), (1, 1), (100, 1)):
        monkeypatch.setattr(judging, "ROWS", most)
        report = validate([rows.slice(at, size) for at in range(0, 100, size)], contract)
        found.append((report.rows, report.ok, report.failures))
    assert found == [(100, False, {"in_range: i": 1, "not_nullable: i": 1, "unique: t": 5})] * 5


@pytest.mark.parametrize(("value", "missing"), [(None, 1), (float("nan"), 1), (2.5, 0)], ids=["null", "nan", "number"])
def test_a_missing_value_is_seen_in_a_column_that_was_full_before(monkeypatch, value, missing):
    monkeypatch.setattr(judging, "ROWS", 2)
    rows = [pa.record_batch({"x": pa.array(cells, pa.float64())}) for cells in ([1.0, 2.0], [3.0, value], [4.0, 5.0])]
    failures = validate(rows, DataFrameSchema({"x": Column(pl.Float64)})).failures
    assert failures == ({"not_nullable: x": missing} if missing else {})


def test_batches_are_put_together_within_bounds(monkeypatch):
    monkeypatch.setattr(judging, "ROWS", 10)
    one = table(i=[1, 2, 3, 4])
    assert [frame.height for frame in judging.grouped([one] * 5)] == [8, 8, 4]
    monkeypatch.setattr(judging, "ROWS", 1000)
    monkeypatch.setattr(judging, "BYTES", one.nbytes * 3)
    assert [frame.height for frame in judging.grouped([one] * 5)] == [12, 8]


@pytest.mark.parametrize("name", ODD)
def test_any_name_of_a_column_will_do(name):
    contract = DataFrameSchema({name: Column(pl.Int64, Check.ge(3), unique=True), "other": Column(pl.String)}, strict=True)
    rows = pa.record_batch({name: pa.array([3, 2, 2, None]), "other": pa.array(["a"] * 4)})
    found = {"greater_than_or_equal_to": 2, "not_nullable": 1, "unique": 1}
    assert validate([rows], contract).failures == {f"{rule}: {name}": count for rule, count in found.items()}


def test_columns_that_are_not_there_and_ones_that_should_not_be():
    contract = plain(SchemaColumn(name="^a$", type="integer", semantic="continuous"))
    batches = [table(iab=[1])] * 3
    assert validate(batches, contract).failures == {"column_in_dataframe: ^a$": 1}
    strict = DataFrameSchema(contract.columns, strict=True)
    assert validate(batches, strict).failures == {"column_in_dataframe: ^a$": 1, "column_in_schema: iab": 1}


def test_a_wrong_type_is_told_once(tmp_path, monkeypatch):
    monkeypatch.setattr(judging, "ROWS", 100)
    contract = edited(tmp_path / "t.yaml", {"i": {"in_range": {"min_value": 0, "max_value": 9}}})
    wrong = pa.record_batch({"i": pa.array([SECRET] * 50)})
    found = validate([wrong] * 30, contract).failures
    assert found["dtype: i"] == 1
    assert set(found.values()) == {1}
    assert SECRET not in str(found)


VALUED = {
    "i": ({"in_range": {"min_value": 0, "max_value": 9}}, [777123]),
    "n": ({"ge": 0}, [-777123.5]),
    "t": ({"isin": ["a"]}, [SECRET]),
    "d": ({"lt": "1990-01-01"}, [day(7771)]),
    "s": ({"lt": "1990-01-01"}, [at(23, 17)]),
}
TRACES = [SECRET, "Wilhelmina", "777123", str(day(7771)), str(at(23, 17))]


@pytest.fixture
def valued(tmp_path):
    checks = [
        {"columns_compare": {"left": "i", "op": "<", "right": "n"}},
        {"implies": {"when": {"column": "t", "ne": "b"}, "then": {"column": "tid", "missing": True}}},
    ]
    columns = {name: checks for name, (checks, _) in VALUED.items()} | {"tid": {"unique": True, "str_matches": "^p"}}
    return edited(tmp_path / "t.yaml", columns, checks=checks, unique=["i", "t"])


def test_a_report_quotes_no_cell(valued, caplog, recwarn, capfd):
    caplog.set_level(logging.DEBUG)
    rows = table(**{name: cells * 3 for name, (_, cells) in VALUED.items()}, tid=[SECRET] * 3)
    report = validate([rows] * 2, valued)
    assert set(report.failures) == {
        *("in_range: i", "greater_than_or_equal_to: n", "isin: t", "less_than: d", "less_than: s", "str_matches: tid"),
        *("columns_compare: i, n", "implies: t, tid", "unique: i, t", "unique: tid"),
    }
    said = report.model_dump_json() + caplog.text + "".join(map(str, recwarn)) + "".join(capfd.readouterr())
    assert [trace for trace in TRACES if trace in said] == []


def test_pandera_itself_would_quote_it(valued):
    """So that the test before this one looks for what is there to be found."""
    rows = pl.DataFrame(pl.from_arrow(table(t=[SECRET])))
    with pytest.raises(Exception, match="Wilhelmina"):
        DataFrameSchema({"t": valued.columns["t"]}).validate(rows)


def test_a_failure_of_pandera_quotes_no_cell(monkeypatch, valued, caplog):
    def broken(self, frame, **_):
        if frame.collect().height:
            raise pl.exceptions.ComputeError(f"conversion of {frame.collect().rows()} failed")
        return frame

    monkeypatch.setattr(Column, "validate", broken)
    rows = table(**{name: cells for name, (_, cells) in VALUED.items()}, tid=[SECRET])
    with pytest.raises(WorkerError) as caught:
        validate([rows], valued)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    said = "".join(traceback.format_exception(caught.value)) + str(fault_of(caught.value)) + caplog.text
    assert "ComputeError on i" in said
    assert [trace for trace in TRACES if trace in said] == []


def test_running_out_of_memory_stays_that(monkeypatch, valued):
    def broken(self, frame, **_):
        raise MemoryError

    monkeypatch.setattr(Column, "validate", broken)
    with pytest.raises(MemoryError) as caught:
        validate([table(i=[1])], valued)
    assert fault_of(caught.value).code == "worker_memory"


OFF = [
    {"validation_enabled": False},
    {"validation_depth": ValidationDepth.SCHEMA_ONLY},
    {"validation_depth": ValidationDepth.DATA_ONLY},
]
JUDGED = {"dtype: b": 1, "greater_than_or_equal_to: a": 1, "not_nullable: a": 1, "over": 1}
JUDGE = """
import pyarrow as pa, pandera.polars as p, polars as pl
from schemas.datasource import validate
columns = {"a": p.Column(pl.Int64, p.Check.ge(3)), "b": p.Column(pl.Int64)}
more = p.Check(lambda data: data.lazyframe.select(pl.col("a") > 5), name="over")
rows = pa.record_batch({"a": pa.array([1, None]), "b": pa.array(["x", "y"])})
found = validate([rows], p.DataFrameSchema(columns, checks=more)).failures
"""


@pytest.mark.parametrize("setting", OFF, ids=["enabled", "schema_only", "data_only"])
def test_a_setting_of_panderas_turns_nothing_off(setting):
    names = {}
    with config_context(**setting):
        exec(JUDGE, names)
    assert names["found"] == JUDGED


def test_the_environment_turns_nothing_off():
    off = {"PANDERA_VALIDATION_ENABLED": "false", "PANDERA_VALIDATION_DEPTH": "SCHEMA_ONLY"}
    run = [sys.executable, "-c", f"{JUDGE}\nprint(found)"]
    done = subprocess.run(run, env={**os.environ, **off}, cwd=Path(judging.__file__).parents[1], text=True, capture_output=True, check=True)
    assert ast.literal_eval(done.stdout) == JUDGED


cells = st.lists(st.tuples(st.sampled_from([None, "", "a", "b"]), st.sampled_from([None, 0.0, -0.0, 1.5, float("nan")])), max_size=30)


@settings(deadline=None, max_examples=25)
@given(rows=cells, most=st.sampled_from([0, 1, 7, 1000]), size=st.integers(1, 9))
def test_rows_that_repeat_another_are_counted(rows, most, size):
    """As polars counts them: a missing value is like another, NaN like NaN, 0.0 like -0.0."""
    frame = pl.DataFrame(rows, schema={"t": pl.String, "n": pl.Float64}, orient="row")
    unique = Uniqueness([("t",), ("n",), ("t", "n")], rows=3 * most)
    for at_row in range(0, frame.height, size):
        unique.add(frame.slice(at_row, size))
    truth = {", ".join(rule): frame.height - frame.select(rule).n_unique() for rule in (["t"], ["n"], ["t", "n"])}
    assert unique.failures() == {f"unique: {rule}": count for rule, count in truth.items() if count}


def test_two_hashes_tell_rows_apart():
    pairs = pl.DataFrame({"first": [7, 7, 7, 8], "second": [1, 2, 2, 1]})
    assert sorted(uniqueness._once(pairs).rows()) == [(7, 1), (7, 2), (8, 1)]


def held(unique):
    """Hashes that are in memory."""
    return sum(frame.height for distinct in unique._rules.values() for frame in distinct._held)


def test_uniqueness_over_many_rows_is_counted_on_disk(monkeypatch, tmp_path):
    monkeypatch.setattr(uniqueness.tempfile, "tempdir", str(tmp_path))
    unique = Uniqueness([("i",), ("b",)], rows=20_000)
    for start in range(0, 200_000, 9_000):
        unique.add(pl.DataFrame({"i": range(start, start + 9_000), "b": [True] * 9_000}))
    unique.add(pl.DataFrame({"i": [5, 6, 250_000], "b": [None, False, True]}))
    assert held(unique) <= 2 * 20_000
    assert list(tmp_path.iterdir()) == []  # the file has no name
    assert unique.failures() == {"unique: i": 2, "unique: b": 207_003 - 3}  # 23 batches and three rows; three values


def test_what_pandera_says_of_missing_values_is_what_we_say():
    rows = pl.DataFrame({"a": [None, None, 1]})
    with pytest.raises(Exception, match="not unique"):
        DataFrameSchema({"a": Column(pl.Int64, unique=True, nullable=True)}).validate(rows)
    assert validate(rows.to_arrow().to_batches(), DataFrameSchema({"a": Column(pl.Int64, unique=True, nullable=True)})).failures == {
        "unique: a": 1
    }
