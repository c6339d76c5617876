"""Histogram, quantile and crosstab: bins and their edges, what is kept back, and bounds that hold."""

import math
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podium.algorithms import Algorithm, Crosstab, Histogram, Quantile
from podium.contracts import Card, CardColumn, Released, ReleasedCell, Suppression
from podium.errors import ConfigError
from podium.privacy.disclosure import Rules
from podium.privacy.gate import release
from podium.testing import sample_card

KEPT = (Suppression(rule="min_cell", scope="cells"),)


def _batch(**columns):
    return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))


def _told(counts, *, suppressed=(), by=("bin",)):
    cells = tuple(ReleasedCell(key=key if isinstance(key, tuple) else (key,), values={"count": n}) for key, n in counts.items())
    return Released(by=by, rows=sum(counts.values()), cells=cells, suppressed=suppressed)


def _gated(algorithm, values, **rules):
    partial = algorithm.local([_batch(x=pa.array(values))])
    return release(partial, disclosure=algorithm.disclosure(), rules=Rules(**rules))


def test_where_a_value_falls():
    values = [-math.inf, 0.0, 0.99, 1.0, 1.5, 2.0, 9e99, math.inf, None, math.nan, -0.0]
    partial = Histogram(column="x", edges=(0, 1, 2)).local([_batch(x=pa.array(values))])
    assert partial.rows == 11
    assert {cell.key: cell.n for cell in partial.cells} == {(0,): 1, (1,): 3, (2,): 2, (3,): 3}


def test_integers_against_edges_are_exact():
    big = 2**53
    values = pa.array([big - 1, big, big + 1, big + 2, 2**63 - 1, -(2**63)], pa.int64())
    partial = Histogram(column="x", edges=(-1e300, 0.5, big, float(2**63), 1e300)).local([_batch(x=values)])
    assert {cell.key: cell.n for cell in partial.cells} == {(1,): 1, (2,): 1, (3,): 4}


@given(
    st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 5), max_size=30), st.sets(st.floats(-1e19, 1e19), min_size=2, max_size=6)
)
def test_every_value_is_in_the_bin_whose_bounds_hold_it(values, edges):
    asked = Histogram(column="x", edges=sorted(edges))
    for cell in asked.local([_batch(x=pa.array(values, pa.int64()))]).cells:
        lower, upper = asked.bounds(cell.key[0])
        assert cell.n == sum((lower is None or value >= lower) and (upper is None or value < upper) for value in values)


@pytest.mark.parametrize(
    ("edges", "words"),
    [
        ([1], "2 to 39"),
        ([], "2 to 39"),
        (list(range(40)), "40 bins at most"),
        ([1, 1], "rise"),
        ([2, 1], "rise"),
        ([0, math.inf], "finite"),
    ],
)
@pytest.mark.parametrize("kind", ["histogram", "quantile"])
def test_edges_are_declared_well(kind, edges, words):
    with pytest.raises(ConfigError, match=words) as caught:
        Algorithm.load({"kind": kind, "column": "x", "edges": edges} | ({"q": [0.5]} if kind == "quantile" else {}))
    assert caught.value.field.startswith(f"{kind}.edges")


def test_a_histogram_lists_every_bin():
    table = Histogram(column="x", edges=(0, 10, 20)).combine([_told({1: 50, 3: 20}), _told({1: 10})])
    assert table.columns.tolist() == ["bin", "lower", "upper", "count", "suppressed"]
    assert table["count"].tolist() == [0, 60, 0, 20]
    assert table["lower"].isna().tolist() == [True, False, False, False]
    assert table["upper"].tolist()[:3] == [0.0, 10.0, 20.0]


def test_a_bin_is_never_zero_where_something_was_kept_back():
    """Two people between 20 and 30 at the second pod, nobody below 0: both look the same."""
    asked = Histogram(column="x", edges=(0, 10, 20, 30))
    tables = [_gated(asked, [5.0] * 20 + [15.0] * 20), _gated(asked, [5.0] * 20 + [15.0] * 20 + [25.0] * 2)]
    table = asked.combine(tables)
    assert table["suppressed"].tolist() == ["min_cell", "", "", "min_cell", "min_cell"]
    assert table["count"].isna().tolist() == [True, False, False, True, True]
    assert table["count"].tolist()[1:3] == [40, 40]


def test_a_histogram_by_level_with_a_level_kept_back():
    asked = Histogram(column="x", edges=(0, 10), by="g")
    whole = {("a", 0): 10, ("a", 1): 10, ("a", 2): 10}
    table = asked.combine([_told(whole, by=("g", "bin"), suppressed=KEPT)])
    assert table["g"].tolist() == ["a", "a", "a", "(kept back)"]
    assert table["bin"].tolist()[-1] == "(kept back)"
    assert table["suppressed"].tolist() == ["", "", "", "min_cell"]
    assert asked.combine([_told(whole, by=("g", "bin"))])["g"].tolist() == ["a"] * 3
    hidden = asked.combine([_told(whole, by=("g", "bin"), suppressed=KEPT)], frozenset({("b", 1)}))
    assert hidden["suppressed"].tolist() == [""] * 3 + ["min_cell"] * 3
    assert asked.combine([]).empty


@pytest.mark.parametrize("place", [-1, 4, "1", None])
def test_a_pods_invented_bin_is_not_shown(place):
    for asked in (Histogram(column="x", edges=(0, 10, 20)), Quantile(column="x", edges=(0, 10, 20), q=[0.5])):
        with pytest.raises(ValueError, match="not asked for"):
            asked.combine([_told({place: 50})])


def test_the_gate_refuses_more_bins_than_a_pod_allows():
    asked = Histogram(column="x", edges=range(10))
    assert _gated(asked, [i + 0.5 for i in range(9)] * 10, max_levels=8).suppressed[0].rule == "max_levels"


def _quantile(values, q):
    """The smallest value that at least the share q do not exceed: of the sorted ones, by counting."""
    ordered = sorted(values)
    return next(value for place, value in enumerate(ordered, start=1) if place >= Fraction(str(q)) * len(ordered))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(st.floats(0, 99.99), min_size=12, max_size=120), min_size=1, max_size=3),
    st.sampled_from([0.05, 0.1, 0.25, 0.5, 0.75, 0.9]),
    st.sampled_from([1, 5, 10, 50]),
    st.sampled_from([1, 8]),
)
def test_a_quantile_lies_within_its_bounds(pods, q, round_to, min_cell):
    """Whatever was rounded or kept back: the true quantile of all rows is between lower and upper, or no bound is given."""
    asked = Quantile(column="x", q=[q], edges=[0, 20, 40, 60, 80, 100])
    tables = [_gated(asked, values, round_to=round_to, min_cell=min_cell) for values in pods]
    if any(not table.cells for table in tables):
        return
    row = asked.combine(tables).iloc[0]
    if row["reason"]:
        assert row[["value", "error", "lower", "upper", "bin"]].isna().all()
        return
    truth = _quantile([value for values in pods for value in values], q)
    assert row["lower"] <= truth < row["upper"]
    assert abs(row["value"] - truth) <= row["error"] == row["upper"] - row["lower"]


def test_the_error_is_the_width_of_the_bin():
    values = np.random.default_rng(3).normal(50, 12, 4000)
    asked = Quantile(column="x", q=[0.1, 0.5, 0.9], edges=[0, 30, 40, 48, 52, 60, 70, 100])
    table = asked.combine([_gated(asked, values[:2500]), _gated(asked, values[2500:])])
    assert table["error"].tolist() == [10, 4, 10]
    assert table["reason"].tolist() == [""] * 3
    truth = np.quantile(values, [0.1, 0.5, 0.9], method="inverted_cdf")
    assert (np.abs(table["value"].to_numpy(float) - truth) < table["error"].to_numpy(float) / 2).all()


def test_a_quantile_that_cannot_be_known():
    asked = Quantile(column="x", q=[0.05, 0.5, 0.97], edges=[0, 10, 20])
    table = asked.combine([_told({0: 100, 1: 500, 2: 500, 3: 100})])
    assert table["value"].isna().tolist() == [True, False, True]
    assert table["error"].isna().tolist() == [True, False, True]
    assert [reason.partition(":")[0] for reason in table["reason"]] == ["it may lie beyond the edges", "", "it may lie beyond the edges"]
    assert table["suppressed"].tolist() == [""] * 3
    kept = asked.combine([_told({1: 20, 2: 25}, suppressed=KEPT)])
    assert kept["suppressed"].tolist() == ["min_cell", "", "min_cell"]
    assert kept["reason"].str.startswith("bins were kept back").tolist() == [True, False, True]
    hidden = asked.combine([_told({1: 500, 2: 500}, suppressed=KEPT)], frozenset({(0,)}))
    assert hidden["suppressed"].tolist() == ["min_cell"] * 3
    assert asked.combine([])["reason"].tolist() == ["too few rows are known"] * 3
    assert asked.combine([_told({1: 500, 2: 500}), _told({1: 0, 2: 0})])["reason"].tolist() == ["too few rows are known"] * 3


@pytest.mark.parametrize("q", [[], [0], [1], [1.5], [0.5] * 41])
def test_shares_are_between_0_and_1(q):
    with pytest.raises(ConfigError, match=r"quantile\.q"):
        Algorithm.load({"kind": "quantile", "column": "x", "edges": [0, 1], "q": q})


def test_amounts_only():
    columns = (*sample_card().columns, CardColumn(name="grade", type="integer", semantic="categorical"))
    card = Card(datasource="t", stage="full", columns=columns)
    for column, code in (("grade", "not_continuous"), ("sex", "not_numeric"), ("seen", "not_numeric"), ("agee", "unknown_column")):
        for asked in (Histogram(column=column, edges=(0, 1)), Quantile(column=column, edges=(0, 1), q=[0.5])):
            with pytest.raises(ConfigError) as caught:
                asked.check(card)
            assert (caught.value.code, caught.value.field) == (code, f"algorithm.{asked.kind}.column")
    with pytest.raises(ConfigError, match="single people out"):
        Histogram(column="age", edges=(0, 1), by="score").check(card)


def test_a_crosstab_shows_the_whole_grid():
    asked = Crosstab(rows="sex", columns="smoker")
    told = {("f", True): 20, ("f", False): 30, ("m", True): 40}
    table = asked.combine([_told(told, by=("sex", "smoker"))])
    assert table.columns.tolist() == ["sex", "smoker", "count", "suppressed"]
    assert table["count"].tolist() == [30, 20, 0, 40]
    kept = asked.combine([_told(told, by=("sex", "smoker"), suppressed=KEPT)])
    assert kept["suppressed"].tolist() == ["", "", "min_cell", ""]
    assert kept["count"].isna().tolist() == [False, False, True, False]


def test_a_crosstab_is_configured_by_rows_and_columns():
    asked = Algorithm.load({"kind": "crosstab", "rows": "sex", "columns": "smoker"})
    assert asked == Crosstab(rows="sex", columns="smoker")
    assert asked.dump() == {"kind": "crosstab", "rows": "sex", "columns": "smoker"}
    assert asked.columns() == ("sex", "smoker")
    for fields, words in (
        ({"rows": "sex", "columns": "sex"}, "same column"),
        ({"rows": "sex"}, "columns"),
        ({"rows": "sex", "across": "smoker"}, "crosstab"),
        ({"rows": "count", "columns": "sex"}, "would hide"),
    ):
        with pytest.raises(ConfigError, match=words):
            Algorithm.load({"kind": "crosstab", **fields})
    for fields, field in (({"rows": "age", "columns": "sex"}, "rows"), ({"rows": "sex", "columns": "age"}, "columns")):
        with pytest.raises(ConfigError, match="single people out") as caught:
            Crosstab(**fields).check(sample_card())
        assert caught.value.field == f"algorithm.crosstab.{field}"
