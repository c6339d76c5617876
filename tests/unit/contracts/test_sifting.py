"""Which rows break a contract: row by row what the report counts, in whatever batches they come, and no value in it."""

import logging
import traceback
from collections import Counter

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from contract_scene import VALUES, at, column_checks, day, edited, table
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.polars import Check, Column, DataFrameSchema

from podium.errors import WorkerError
from podium.workers.faults import fault_of
from schemas import judging, sifting
from schemas.datasource import Sifter, validate

SECRET = "Wilhelmina Planted"
TRACES = [SECRET, "Wilhelmina", "777123", "7771"]
LETTERS = {"i": "integer", "n": "number", "t": "text", "b": "boolean", "d": "date", "s": "timestamp"}


def sifted(contract, batches, **more):
    """The sifter at the end, and the name of the rule that each row breaks first (empty: none)."""
    sifter = Sifter(contract, **more)
    verdicts = [verdict for batch in batches for verdict in sifter.add(batch)]
    sifter.finish()
    return sifter, named(sifter, verdicts)


def named(sifter, verdicts):
    return [sifter.rules[verdict - 1] if verdict else "" for verdict in verdicts]


@pytest.fixture
def ages(tmp_path):
    checks = [{"columns_compare": {"left": "dfrom", "op": "<=", "right": "dto"}}]
    columns = {"i": {"in_range": {"min_value": 0, "max_value": 110}, "nullable": False}, "t": {"isin": ["a"]}, "dfrom": {}, "dto": {}}
    return edited(tmp_path / "t.yaml", columns, checks=checks)


def test_each_row_has_the_first_rule_that_it_breaks(ages):
    rows = table(i=[1, 300, None, 4, -1], t=["a", "z", "z", "a", None], dfrom=[day(0), day(0), day(1), day(1), None], dto=[day(0)] * 5)
    sifter, rules = sifted(ages, [rows])
    assert rules == ["", "in_range: i", "not_nullable: i", "columns_compare: dfrom, dto", "in_range: i"]
    assert sifter.failures == {"in_range: i": 2, "not_nullable: i": 1, "isin: t": 2, "columns_compare: dfrom, dto": 2}
    assert not sifter.fatal


def test_verdicts_are_small_numbers_one_a_row(ages):
    sifter = Sifter(ages)
    first = sifter.add(table(i=[1, 2], t=["a", "z"], dfrom=[None] * 2, dto=[None] * 2))
    second = sifter.add(table(i=[999], t=["z"], dfrom=[None], dto=[None]))
    assert (first.dtype, first.tolist(), second.tolist()) == (np.uint16, [0, 1], [2])  # a rule keeps its number
    assert sifter.rules == ["isin: t", "in_range: i"]
    assert sifter.add(table(i=[], t=[], dfrom=[], dto=[])).tolist() == []


@st.composite
def tables(draw):
    """Columns with checks and nullability, the rows they judge, and how the rows are cut."""
    names = draw(st.lists(st.sampled_from(list(LETTERS)), min_size=1, max_size=3, unique=True))
    rows = draw(st.integers(0, 8))
    columns, cells = {}, {}
    for name in names:
        columns[name] = {**draw(column_checks(LETTERS[name])), "nullable": draw(st.booleans()), "unique": draw(st.booleans())}
        value = VALUES[LETTERS[name]] | st.none()
        cells[name] = draw(st.lists(value | st.just(float("nan")) if name == "n" else value, min_size=rows, max_size=rows))
    checks = []
    for name in [name for name in names if name != "b"]:
        checks.append({"columns_compare": {"left": name, "op": draw(st.sampled_from(["<", "<=", "!="])), "right": name}})
        when = {"column": name, "eq": draw(VALUES[LETTERS[name]])}
        checks.append({"implies": {"when": when, "then": {"column": name, "missing": draw(st.booleans())}}})
    more = {"checks": draw(st.lists(st.sampled_from(checks), max_size=2))} if checks else {}
    return columns, more, table(**cells), draw(st.integers(1, 4))


@settings(deadline=None, max_examples=25)
@given(drawn=tables())
def test_verdicts_are_what_the_report_counts(drawn, tmp_path_factory):
    columns, more, rows, size = drawn
    contract = edited(tmp_path_factory.getbasetemp() / "sifted.yaml", columns, **more)
    cut = [rows.slice(begin, size) for begin in range(0, rows.num_rows, size)]
    sifter, rules = sifted(contract, cut)
    assert sifter.failures + sifter.fatal == Counter(validate(cut, contract).failures)
    assert all(rule.startswith("unique: ") for rule in sifter.fatal)
    for number, rule in enumerate(rules):  # a row alone breaks no uniqueness: its report is its verdict
        assert rule == next(iter(validate([rows.slice(number, 1)], contract).failures), "")
    together = Sifter(contract)
    verdicts = [verdict for _, some in together.sift(cut) for verdict in some]
    assert named(together, verdicts) == rules
    together.finish()
    assert (together.failures, together.fatal) == (sifter.failures, sifter.fatal)


def test_batches_are_judged_together_and_given_back_as_they_came(ages, monkeypatch):
    monkeypatch.setattr(judging, "ROWS", 7)
    batches = [table(i=[n, 900, n][: n % 4], t=["a"] * (n % 4), dfrom=[None] * (n % 4), dto=[None] * (n % 4)) for n in range(9)]
    calls = []
    monkeypatch.setattr(sifting, "frame_of", lambda held: calls.append(len(held)) or judging.frame_of(held))
    sifter = Sifter(ages)
    given = list(sifter.sift(iter(batches)))
    assert [batch for batch, _ in given] == batches
    assert [named(sifter, some) for _, some in given] == [["", "in_range: i", ""][: n % 4] for n in range(9)]
    assert calls == [6, 3]


def test_what_is_about_no_row_is_fatal():
    contract = DataFrameSchema({"a": Column(pl.Int64, Check.ge(3)), "b": Column(pl.String), "c": Column(pl.Int64)}, strict=True)
    wrong = pa.record_batch({"a": pa.array([SECRET, SECRET]), "c": pa.array([1, 2]), "x": pa.array([1, 2])})
    sifter, rules = sifted(contract, [wrong] * 3)
    assert sifter.fatal == {"dtype: a": 1, "greater_than_or_equal_to: a": 1, "column_in_dataframe: b": 1, "column_in_schema: x": 1}
    assert (rules, sifter.rules, sifter.failures) == ([""] * 6, [], {})


@pytest.mark.parametrize("rows", [1, 3])
def test_a_check_with_one_answer_for_all_rows_is_fatal(rows):
    contract = DataFrameSchema({"a": Column(pl.Int64, Check(lambda _: False, name="whole"))})
    sifter, rules = sifted(contract, [pa.record_batch({"a": pa.array([0] * rows)})] * 2)
    assert (sifter.fatal, set(rules)) == ({"whole: a": 1}, {""})


def test_uniqueness_is_judged_at_the_end_and_only_where_it_is_asked_for(tmp_path):
    contract = edited(tmp_path / "t.yaml", {"i": {"unique": True}, "t": {"isin": ["a"]}}, unique=["i", "t"])
    batches = [table(i=[1, 2], t=["a", "a"]), table(i=[1, 3], t=["a", "z"])]
    sifter = Sifter(contract)
    assert [verdict for batch in batches for verdict in sifter.add(batch)] == [0, 0, 0, 1]
    assert not sifter.fatal
    sifter.finish()
    assert sifter.fatal == {"unique: i": 1, "unique: i, t": 1}
    assert not sifted(contract, batches, unique=False)[0].fatal


def test_rules_without_number_are_told_apart_as_far_as_a_byte_goes():
    names = [f"c{number}" for number in range(300)]
    contract = DataFrameSchema({name: Column(pl.Int64, nullable=False) for name in names})
    diagonal = pa.record_batch(
        {name: pa.array([None if row == at_row else 1 for row in range(300)], pa.int64()) for at_row, name in enumerate(names)}
    )
    sifter, rules = sifted(contract, [diagonal])
    assert rules == [f"not_nullable: c{row}" for row in range(254)] + ["another rule"] * 46
    assert len(sifter.rules) == 255
    assert sifter.failures == {f"not_nullable: {name}": 1 for name in names}


@pytest.fixture
def valued(tmp_path):
    columns = {
        "i": {"in_range": {"min_value": 0, "max_value": 9}},
        "n": {"ge": 0},
        "t": {"isin": ["a"], "str_length": 1, "str_matches": "^p"},
        "d": {"lt": "1990-01-01"},
        "s": {"lt": "1990-01-01"},
    }
    checks = [
        {"columns_compare": {"left": "i", "op": "<", "right": "n"}},
        {"implies": {"when": {"column": "t", "ne": "b"}, "then": {"column": "d", "missing": True}}},
    ]
    return edited(tmp_path / "t.yaml", columns, checks=checks, unique=["i", "t"])


PLANTED = {"i": [777123] * 2, "n": [-777123.5] * 2, "t": [SECRET] * 2, "d": [day(7771)] * 2, "s": [at(23, 17)] * 2}


def test_no_cell_is_in_what_it_says(valued, caplog, recwarn, capfd):
    caplog.set_level(logging.DEBUG)
    sifter, rules = sifted(valued, [table(**PLANTED)])
    assert len(sifter.failures) == 9
    assert rules == ["in_range: i"] * 2
    assert sifter.fatal == {"unique: i, t": 1}
    said = f"{sifter.rules}{sifter.failures}{sifter.fatal}{caplog.text}" + "".join(map(str, recwarn)) + "".join(capfd.readouterr())
    assert [trace for trace in [*TRACES, str(day(7771)), str(at(23, 17))] if trace in said] == []


def test_a_failure_of_pandera_quotes_no_cell(monkeypatch, valued, caplog):
    def broken(self, frame, **_):
        if frame.collect().height:
            raise pl.exceptions.ComputeError(f"conversion of {frame.collect().rows()} failed")
        return frame

    monkeypatch.setattr(Column, "validate", broken)
    with pytest.raises(WorkerError) as caught:
        Sifter(valued).add(table(**PLANTED))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    said = "".join(traceback.format_exception(caught.value)) + str(fault_of(caught.value)) + caplog.text
    assert "ComputeError on i" in said
    assert [trace for trace in TRACES if trace in said] == []
