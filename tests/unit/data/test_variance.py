"""Variance: exact moments, the merge of pods, and what it is compared with."""

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.algorithms import Algorithm, Variance
from podium.contracts import Released, ReleasedCell
from podium.errors import ConfigError, TaskError
from podium.testing import sample_card


def _batch(**columns):
    return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))


def _released(partial):
    return Released(by=partial.by, rows=partial.rows, cells=tuple(ReleasedCell(key=c.key, values=c.values) for c in partial.cells))


def _pods(values, cuts, **fields):
    parts = np.split(values, cuts)
    return Variance(column="x").combine([_released(Variance(column="x").local([_batch(x=pa.array(part))])) for part in parts])


@pytest.mark.parametrize("offset", [0.0, 1e9, -1e9, 1e12])
@pytest.mark.parametrize("spread", [1.0, 100.0])
def test_as_pandas_says_with_a_large_offset(offset, spread):
    """Pods whose means differ a little: a mean of 53 bits is not enough to merge them at 1e9."""
    chance = np.random.default_rng(5)
    values = offset + spread * np.concatenate([chance.normal(0, 1, 700), chance.normal(0.1, 1, 900), chance.normal(-0.1, 2, 400)])
    if abs(offset) <= 1e9:  # beyond, pandas' own mean is too coarse for that
        assert _pods(values, [700, 1600]) == pytest.approx(pd.Series(values).var(ddof=1), rel=1e-9)
    exact = [Fraction(value) for value in values.tolist()]
    mean = sum(exact) / len(exact)
    truth = sum((value - mean) ** 2 for value in exact) / (len(exact) - 1)
    assert abs(Fraction(_pods(values, [700, 1600])) - truth) <= truth * Fraction(1, 10**14)


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e150, max_value=1e150), min_size=1, max_size=40),
    st.integers(1, 9),
)
def test_the_figures_are_the_exact_ones_rounded_once(values, size):
    batches = [_batch(x=pa.array(values[i : i + size])) for i in range(0, len(values), size)]
    found = Variance(column="x").local(batches).cells[0].values
    exact = [Fraction(value) for value in values]
    mean = sum(exact) / len(exact)
    assert found["m2"] == float(sum((value - mean) ** 2 for value in exact))
    assert found["sum"] == float(sum(exact))
    assert found["sum_low"] == float(sum(exact) - Fraction(found["sum"]))


@given(
    st.lists(st.sampled_from([0, 1, -1, 2**63 - 1, -(2**63), 2**44, 2**22 - 1]) | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=40)
)
def test_integers_of_64_bits(values):
    found = Variance(column="x").local([_batch(x=pa.array(values, pa.int64()))] * 2).cells[0].values
    mean = Fraction(sum(values), len(values))
    assert (found["n"], found["sum"], found["sum_low"]) == (2 * len(values), 2 * sum(values), 0)
    assert found["m2"] == float(2 * sum((value - mean) ** 2 for value in values))


def test_a_batch_larger_than_a_chunk():
    """All bits of two limbs set, in more rows than their products may be added up for in 64 bits."""
    top = 2**44 - 1
    values = np.full(600_000, top, dtype=np.int64)
    values[0] = 0
    found = Variance(column="x").local([_batch(x=pa.array(values))]).cells[0].values
    assert found["sum"] == 599_999 * top
    assert found["m2"] == float(Fraction(599_999, 600_000) * top**2)


def test_table_and_single_values():
    batch = _batch(x=pa.array([1.0, 3.0, 5.0, None, float("nan")]), g=pa.array(["a", "a", "b", "b", "c"]))
    table = Variance(column="x", by="g").combine([_released(Variance(column="x", by="g").local([batch]))])
    assert table.columns.tolist() == ["g", "variance", "mean", "n", "suppressed"]
    assert table["variance"].isna().tolist() == [False, True, True]
    assert table["variance"].tolist()[0] == 2.0
    assert table["mean"].tolist()[:2] == [2.0, 5.0]
    assert table["n"].tolist() == [2, 1, 0]
    assert Variance(column="x").combine([]) is None


@pytest.mark.parametrize(("values", "code"), [([math.inf], "not_finite"), ([1e200, -1e200], "overflow")])
def test_what_cannot_be_told(values, code):
    with pytest.raises(TaskError) as caught:
        Variance(column="x").local([_batch(x=pa.array(values))])
    assert caught.value.code == code


@pytest.mark.parametrize(("column", "code"), [("sex", "not_numeric"), ("smoker", "not_numeric"), ("agee", "unknown_column")])
def test_amounts_only(column, code):
    with pytest.raises(ConfigError) as caught:
        Variance(column=column).check(sample_card())
    assert (caught.value.code, caught.value.field) == (code, "algorithm.variance.column")


@pytest.mark.parametrize("kind", ["count", "mean", "variance"])
def test_a_level_that_would_hide_a_figure_is_refused(kind):
    fields = {"kind": kind, "by": "suppressed"} | ({} if kind == "count" else {"column": "age"})
    with pytest.raises(ConfigError, match="would hide"):
        Algorithm.load(fields)
