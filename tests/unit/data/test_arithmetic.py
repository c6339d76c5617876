"""Count and mean: exactness, levels, checks against the card, and the combined table."""

import functools
import math
import operator
from fractions import Fraction

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.algorithms import Algorithm, Count, Mean
from podium.contracts import Card, CardColumn, Released, ReleasedCell, Suppression
from podium.errors import ConfigError, TaskError
from podium.testing import sample_card


def _batch(**columns):
    return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))


def _released(by=(), **cells):
    return Released(by=by, rows=0, cells=tuple(ReleasedCell(key=(k,), values=v) for k, v in cells.items()))


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e290, max_value=1e290), min_size=1, max_size=60),
    st.integers(1, 9),
)
def test_the_sum_keeps_its_bound(values, size):
    batches = [_batch(x=pa.array(values[i : i + size])) for i in range(0, len(values), size)]
    total = Mean(column="x").local(batches).cells[0].values["sum"]
    truth = sum(map(Fraction, values))
    u = Fraction(1, 2**53)
    assert abs(Fraction(total) - truth) <= u * abs(truth) + 2 * u * u * sum(abs(Fraction(v)) for v in values)


def test_a_sum_that_naive_adding_loses():
    batches = [_batch(x=pa.array([1e16])), _batch(x=pa.array([1.0] * 3)), _batch(x=pa.array([-1e16]))]
    assert functools.reduce(operator.add, [1e16, 1.0, 1.0, 1.0, -1e16]) != 3.0  # sum() itself compensates since Python 3.12
    assert Mean(column="x").local(batches).cells[0].values == {"n": 5, "sum": 3.0}


def test_integers_are_exact_beyond_64_bits():
    top = 2**63 - 1
    cells = Mean(column="x").local([_batch(x=pa.array([top, top, -(2**63), None]))] * 3).cells
    assert cells[0].values == {"n": 9, "sum": 3 * (2 * top - 2**63)}


def test_nan_is_no_value_and_infinity_is_an_error():
    partial = Mean(column="x").local([_batch(x=pa.array([1.0, float("nan"), None]))])
    assert (partial.rows, partial.cells[0].values) == (3, {"n": 1, "sum": 1.0})
    for bad in ([math.inf], [1e308, 1e308]):
        with pytest.raises(TaskError) as caught:
            Mean(column="x").local([_batch(x=pa.array(bad))])
        assert caught.value.code in ("not_finite", "overflow")


def test_levels():
    batch = _batch(d=pa.array([0, 1, None], pa.date32()), f=pa.array([True, None, True]))
    keys = {cell.key for cell in Count(by=("d", "f")).local([batch]).cells}
    assert keys == {("1970-01-01", True), ("1970-01-02", None), (None, True)}
    floats = Count(by="x").local([_batch(x=pa.array([0.0, -0.0, float("nan"), None]))])
    assert {cell.key: cell.n for cell in floats.cells} == {(0.0,): 2, (None,): 2}


def test_no_rows():
    assert Count().local([]).cells[0].values == {"count": 0}
    assert Count(by="sex").local([]).cells == ()


@pytest.mark.parametrize(
    ("algorithm", "words"),
    [
        (Mean(column="agee"), "no column 'agee'.*Did you mean 'age'"),
        (Count(by="sexx"), "Did you mean 'sex'"),
        (Mean(column="sex"), "text values, which have no mean.*Continuous columns: age, score"),
        (Mean(column="smoker"), "boolean values"),
        (Mean(column="age", by="score"), "continuous.*categorical or boolean column: sex, smoker"),
        (Count(by=("sex", "seen")), "'seen'.*is date"),
    ],
)
def test_a_question_that_cannot_be_answered(algorithm, words):
    with pytest.raises(ConfigError, match=words) as caught:
        algorithm.check(sample_card())
    assert caught.value.field.startswith(f"algorithm.{algorithm.kind}.")


def test_codes_have_no_mean_and_identifiers_no_groups():
    columns = (CardColumn(name="grade", type="integer", semantic="categorical"), CardColumn(name="id", type="text", semantic="identifier"))
    card = Card(datasource="t", stage="full", columns=columns)
    with pytest.raises(ConfigError, match="codes, not amounts"):
        Mean(column="grade").check(card)
    with pytest.raises(ConfigError, match="single people out"):
        Count(by="id").check(card)


@pytest.mark.parametrize("by", [[], ["a", "b", "c"], ["a", "a"]])
def test_at_most_two_different_columns(by):
    with pytest.raises(ConfigError, match=r"count\.by"):
        Algorithm.load({"kind": "count", "by": by})


def test_combined_tables():
    a = _released(("sex",), f={"n": 10, "sum": 100.0}, m={"n": 20, "sum": 300.0})
    b = _released(("sex",), f={"n": 30, "sum": 500.0})
    table = Mean(column="age", by="sex").combine([a, b])
    pd.testing.assert_frame_equal(table, pd.DataFrame({"sex": ["f", "m"], "mean": [15.0, 15.0], "n": [40, 20], "suppressed": ["", ""]}))
    kept = a.model_copy(update={"suppressed": (Suppression(rule="min_cell", scope="cells"),)})
    marked = Mean(column="age", by="sex").combine([kept, a])
    assert marked["sex"].tolist() == ["f", "m", "(kept back)"]
    assert marked["suppressed"].tolist() == ["", "", "min_cell"]
    assert marked["mean"].isna().tolist() == [False, False, True]
    hidden = Mean(column="age", by="sex").combine([a, b], frozenset({("m",), (None,)}))
    assert hidden["sex"].tolist()[:2] == ["f", "m"]
    assert hidden["suppressed"].tolist() == ["", "min_cell", "min_cell"]
    assert hidden["mean"].isna().tolist() == [False, True, True]
    assert hidden["n"].isna().tolist() == [False, True, True]


def test_combined_numbers():
    whole = Released(rows=10, cells=(ReleasedCell(values={"count": 10}),))
    assert Count().combine([whole, whole]) == 20
    assert Count().combine([]) is None
    assert Count().combine([whole], frozenset({()})) is None
    half = Released(rows=10, cells=(ReleasedCell(values={"n": 4, "sum": 10}),))
    assert Mean(column="a").combine([half, half]) == 2.5
