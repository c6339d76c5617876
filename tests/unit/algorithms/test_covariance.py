"""Covariance: exact products, the merge of pods, what a table looks like, and what may leave."""

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.algorithms import Algorithm, Covariance, Variance
from podium.contracts import Released, ReleasedCell, Suppression
from podium.errors import ConfigError, TaskError
from podium.privacy.disclosure import Rules
from podium.privacy.gate import release
from podium.testing import sample_card

FLOATS = st.floats(-1e150, 1e150, allow_nan=False) | st.sampled_from([5e-324, 1e-300, 1e-150, 1.0, 1e110])


def _frame(rows, seed=5):
    chance = np.random.default_rng(seed)
    age = chance.integers(18, 95, rows)
    frame = pd.DataFrame({"age": age, "score": 2.0 * age + chance.normal(1e6, 30, rows), "weight": chance.normal(70, 9, rows)})
    frame["sex"] = chance.choice(["f", "m"], rows)
    return frame


def _batch(frame):
    return pa.RecordBatch.from_pandas(frame, preserve_index=False)


def _released(partial, **fields):
    return Released(
        by=partial.by, rows=partial.rows, cells=tuple(ReleasedCell(key=c.key, values=c.values) for c in partial.cells), **fields
    )


def _matrix(table, name):
    square = table.pivot(index="column", columns="other", values=name)
    order = list(dict.fromkeys(table["column"]))
    return square.loc[order, order].to_numpy(float)


def test_as_pandas_says_over_pods_that_differ():
    frames = [_frame(400, 1), _frame(300, 2).assign(age=lambda f: f["age"] + 20), _frame(500, 3).assign(weight=lambda f: f["weight"] * 3)]
    asked = Covariance(columns=("age", "score", "weight"))
    table = asked.combine([_released(asked.local([_batch(frame)])) for frame in frames])
    assert table.columns.tolist() == ["column", "other", "covariance", "correlation", "n", "suppressed"]
    assert table["column"].tolist() == ["age"] * 3 + ["score"] * 3 + ["weight"] * 3  # in the order asked for
    assert table["n"].tolist() == [1200] * 9
    pooled = pd.concat(frames)[["age", "score", "weight"]]
    np.testing.assert_allclose(_matrix(table, "covariance"), pooled.cov().to_numpy(), rtol=1e-10)
    np.testing.assert_allclose(_matrix(table, "correlation"), pooled.corr().to_numpy(), rtol=1e-10)
    assert _matrix(table, "correlation").diagonal().tolist() == [1.0] * 3


def test_by_level_with_missing_values():
    frame = _frame(600)
    frame.loc[::7, "score"] = np.nan
    frame["age"] = frame["age"].astype("Int64")
    frame.loc[3::11, "age"] = pd.NA
    asked = Covariance(columns=("score", "age"), by="sex")
    table = asked.combine([_released(asked.local([_batch(frame[:200])])), _released(asked.local([_batch(frame[200:])]))])
    known = frame.dropna().astype({"age": float})
    for sex, some in known.groupby("sex"):
        mine = table[table["sex"] == sex]
        assert mine["n"].tolist() == [len(some)] * 4
        np.testing.assert_allclose(_matrix(mine, "covariance"), some[["score", "age"]].cov().to_numpy(), rtol=1e-10)


@given(st.lists(st.tuples(FLOATS, FLOATS, st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=25), st.integers(1, 9))
def test_the_figures_are_the_exact_ones_rounded_once(rows, size):
    columns = [list(column) for column in zip(*rows, strict=True)]
    kinds = (pa.float64(), pa.float64(), pa.int64())
    batch = pa.RecordBatch.from_arrays([pa.array(values, kind) for values, kind in zip(columns, kinds, strict=True)], ["a", "b", "c"])
    batches = [batch.slice(start, size) for start in range(0, len(rows), size)]
    found = Covariance(columns=("a", "b", "c")).local(batches).cells[0].values
    exact = [[Fraction(value) for value in values] for values in columns]
    means = [sum(values) / len(rows) for values in exact]
    for i in range(3):
        assert Fraction(found[f"sum{i}"]) == Fraction(found["sum2"] if i == 2 else float(sum(exact[i])))
        assert found[f"sum_low{i}"] == float(sum(exact[i]) - Fraction(found[f"sum{i}"]))
        for j in range(i, 3):
            truth = sum((x - means[i]) * (y - means[j]) for x, y in zip(exact[i], exact[j], strict=True))
            assert found[f"product{i}.{j}"] == float(truth)
    assert found["sum2"] == sum(columns[2])
    assert found["product0.0"] == Variance(column="a").local(batches).cells[0].values["m2"]


@pytest.mark.parametrize("offset", [0.0, 1e9, -1e12])
def test_a_large_offset_costs_no_digits(offset):
    frame = _frame(900)
    asked = Covariance(columns=("weight", "score"))
    moved = frame.assign(weight=frame["weight"] + offset)
    exact = [[Fraction(value) for value in moved[name]] for name in ("weight", "score")]
    means = [sum(values) / len(values) for values in exact]
    truth = sum((x - means[0]) * (y - means[1]) for x, y in zip(*exact, strict=True)) / (len(moved) - 1)
    table = asked.combine([_released(asked.local([_batch(part)])) for part in (moved[:300], moved[300:])])
    assert abs(Fraction(table["covariance"][1]) - truth) <= abs(truth) * Fraction(1, 10**13)


def test_a_straight_line_and_a_constant():
    frame = pd.DataFrame({"x": [1.0, 2.0, 4.0], "y": [-0.1, -0.2, -0.4], "z": [7.0] * 3})
    asked = Covariance(columns=("x", "y", "z"))
    table = asked.combine([_released(asked.local([_batch(frame)]))])
    rows = {(row.column, row.other): row for row in table.itertuples()}
    assert rows["x", "y"].correlation == pytest.approx(-1, abs=1e-15)
    assert rows["x", "y"].correlation >= -1.0
    assert rows["x", "z"].covariance == rows["z", "z"].covariance == 0.0
    assert rows["x", "z"].correlation is pd.NA
    assert rows["z", "z"].correlation is pd.NA
    single = asked.combine([_released(asked.local([_batch(frame[:1])]))])
    assert single[["covariance", "correlation"]].isna().all(axis=None)
    assert single["n"].tolist() == [1] * 9
    assert asked.combine([]).empty


def test_a_level_that_was_kept_back():
    asked = Covariance(columns=("age", "score"), by="sex")
    partial = asked.local([_batch(_frame(300))])
    table = asked.combine([_released(partial, suppressed=(Suppression(rule="min_cell", scope="cells"),))])
    last = table.iloc[-1]
    assert last[["sex", "column", "other"]].tolist() == ["(kept back)"] * 3
    assert (len(table), last["suppressed"], last[["covariance", "n"]].isna().all()) == (9, "min_cell", True)
    hidden = asked.combine([_released(partial)], frozenset({("m",)}))
    assert hidden["suppressed"].tolist() == [""] * 4 + ["min_cell"] * 4
    assert hidden["covariance"].isna().tolist() == [False] * 4 + [True] * 4
    whole = Covariance(columns=("age", "score"))
    assert whole.combine([_released(whole.local([_batch(_frame(30))]))], frozenset({()}))["covariance"].isna().all()


def test_as_many_rows_as_a_regression_on_these_columns_needs():
    """Figures of as many columns as rows would tell the rows but for a rotation."""
    asked = Covariance(columns=("age", "score", "weight"))
    for rows, rule in ((29, "max_params_ratio"), (30, None), (7, "min_rows")):
        released = release(asked.local([_batch(_frame(rows))]), disclosure=asked.disclosure(), rules=Rules())
        assert [kept.rule for kept in released.suppressed] == ([rule] if rule else [])
        assert bool(released.cells) == (rule is None)
    assert released.rows == 0


def test_what_a_pod_tells_is_exact():
    asked = Covariance(columns=("age", "score"))
    partial = asked.local([_batch(_frame(57))])
    released = release(partial, disclosure=asked.disclosure(), rules=Rules())
    assert released.cells[0].values == partial.cells[0].values
    assert set(released.cells[0].values) == {"n", "sum0", "sum_low0", "sum1", "sum_low1", "product0.0", "product0.1", "product1.1"}


@pytest.mark.parametrize(
    ("columns", "words"),
    [(["age"], "at least 2"), ([], "at least 2"), ([f"c{n}" for n in range(21)], "at most 20"), (["age", "age"], "same column twice")],
)
def test_two_to_twenty_different_columns(columns, words):
    with pytest.raises(ConfigError, match=words) as caught:
        Algorithm.load({"kind": "covariance", "columns": columns})
    assert caught.value.field == "covariance.columns"


@pytest.mark.parametrize(("column", "code"), [("sex", "not_numeric"), ("smoker", "not_numeric"), ("agee", "unknown_column")])
def test_amounts_only(column, code):
    with pytest.raises(ConfigError) as caught:
        Covariance(columns=("age", column)).check(sample_card())
    assert (caught.value.code, caught.value.field) == (code, "algorithm.covariance.columns")


def test_a_level_that_would_hide_a_column_of_the_answer_is_refused():
    with pytest.raises(ConfigError, match="would hide"):
        Algorithm.load({"kind": "covariance", "columns": ["a", "b"], "by": "other"})


@pytest.mark.parametrize(("values", "code"), [([math.inf, 1.0], "not_finite"), ([1e200, -1e200], "overflow")])
def test_what_cannot_be_told(values, code):
    with pytest.raises(TaskError) as caught:
        Covariance(columns=("x", "y")).local([_batch(pd.DataFrame({"x": [1.0, 2.0], "y": values}))])
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("spoilt", "error"), [({"n": None}, LookupError), ({"sum0": math.inf}, ArithmeticError), ({"sum0": math.nan}, ValueError)]
)
def test_figures_that_cannot_be_are_an_error_that_the_client_knows(spoilt, error):
    asked = Covariance(columns=("age", "score"))
    honest = _released(asked.local([_batch(_frame(50))]))
    values = {name: value for name, value in {**honest.cells[0].values, **spoilt}.items() if value is not None}
    lying = honest.model_copy(update={"cells": (ReleasedCell.model_construct(key=(), values=values),)})
    with pytest.raises(error):
        asked.combine([lying, honest])


def test_squares_below_zero_have_no_correlation():
    asked = Covariance(columns=("age", "score"))
    honest = _released(asked.local([_batch(_frame(50))]))
    lying = ReleasedCell(key=(), values={**honest.cells[0].values, "product0.0": -1e9})
    table = asked.combine([honest.model_copy(update={"cells": (lying,)})])
    assert table["correlation"].isna().tolist() == [True, True, True, False]
