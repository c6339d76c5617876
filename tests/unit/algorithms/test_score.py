"""Scores, held against numpy on the same rows; what a model may be, and what is counted of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from podium.algorithms import Algorithm, Score
from podium.algorithms._fit import Fit, Term
from podium.contracts import CardColumn
from podium.errors import ConfigError
from podium.testing import check_algorithm, sample_card, sample_rows

MODEL = {"coefficients": {"age": 0.05, "sex[m]": -0.5, "smoker": 1.5}, "levels": {"sex": ("f", "m")}, "intercept": -2.25}


def rows(*columns: str) -> pd.DataFrame:
    return sample_rows().select(columns).to_pandas()


def expected() -> np.ndarray:
    """The linear predictor, by plain arrays; NaN where an input is missing."""
    frame = rows("age", "sex", "smoker")
    linear = -2.25 + 0.05 * frame["age"] - 0.5 * (frame["sex"] == "m") + 1.5 * (frame["smoker"] == True)  # noqa: E712
    return linear.where(frame.notna().all(axis=1)).to_numpy()


def scored(score: Score) -> np.ndarray:
    return score.scores(sample_rows().select(score.columns())).to_numpy(zero_copy_only=False)


@pytest.mark.parametrize("link", ["identity", "logit"])
def test_scores_are_those_of_numpy(link: str) -> None:
    wanted = expected() if link == "identity" else 1 / (1 + np.exp(-expected()))
    assert 50 < np.isfinite(wanted).sum() < 150
    np.testing.assert_allclose(scored(Score(**MODEL, link=link, edges=(0, 1))), wanted, rtol=1e-14)


def test_what_leaves_is_their_histogram() -> None:
    edges = (-2.0, 0.0, 1.0)
    counts = {cell.key: cell.n for cell in Score(**MODEL, edges=edges, by="sex").local([sample_rows()]).cells}
    wanted = expected()
    for sex in ("f", "m"):
        mine = wanted[(rows("sex")["sex"] == sex).to_numpy() & np.isfinite(wanted)]
        for place, count in enumerate(np.bincount(np.searchsorted(edges, mine, side="right"), minlength=4)):
            assert counts.get((sex, place), 0) == count
    assert {name for cell in Score(**MODEL, edges=edges).local([sample_rows()]).cells for name in cell.values} == {"count"}


@pytest.mark.parametrize("by", ["smoker", ("sex", "smoker")])
def test_the_contract_is_kept(by: object) -> None:
    check_algorithm(Score(**MODEL, edges=(-1, 1), by=by))


def test_a_score_beyond_64_bits_is_none() -> None:
    batch = pa.RecordBatch.from_pydict({"a": [1e300, 1.0, None, float("nan")], "b": [-1e300, 2.0, 1.0, 1.0]})
    score = Score(coefficients={"a": 1e300, "b": 1e300}, edges=(0, 1))
    assert score.scores(batch).to_pylist() == [None, 3e300, None, None]
    assert score.state([batch])["rows"] == 4
    assert sum(cell.n for cell in score.local([batch]).cells) == 1


def test_a_chance_stays_between_0_and_1_however_large_the_model() -> None:
    batch = pa.RecordBatch.from_pydict({"a": [-1e9, 0.0, 1e9]})
    assert Score(coefficients={"a": 5.0}, edges=(0, 1), link="logit").scores(batch).to_pylist() == [0.0, 0.5, 1.0]


def test_levels_that_are_not_declared_have_no_score() -> None:
    batch = pa.RecordBatch.from_pydict({"site": ["a", "b", "c", "d", None]})
    model = {"site[b]": 1.0, "site[c]": 2.0}
    assert Score(coefficients=model, levels={"site": ("a", "b", "c")}, edges=(0, 1)).scores(batch).to_pylist() == [0, 1, 2, None, None]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"coefficients": {}}, "at least 1"),
        ({"coefficients": {"sex[m]": 1.0}, "levels": {"sex": ["f", "m", "x"]}}, "one coefficient"),
        ({"coefficients": {"sex": 1.0}, "levels": {"sex": ["f", "m"]}}, "one coefficient"),
        ({"coefficients": {"age": 1.0}, "levels": {"sex": ["f", "m"]}}, "no coefficient"),
        ({"coefficients": {"sex[f]": 1.0}, "levels": {"sex": ["f"]}}, "two or more levels"),
        ({"coefficients": {f"x{n}": 1.0 for n in range(101)}}, "at most 100"),
        ({"coefficients": {"age": 1.0}, "edges": [1]}, "edges"),
        ({"coefficients": {"age": 1.0}, "link": "probit"}, "identity"),
        ({"coefficients": {"age": float("inf")}}, "finite"),
        ({"coefficients": {"age": 1.0}, "declared": {}}, "unknown key"),
    ],
)
def test_what_is_no_model_is_refused(fields: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Algorithm.load({"kind": "score", "edges": [0, 1], **fields})


@pytest.mark.parametrize(
    ("column", "code"), [("patient", "not_a_feature"), ("seen", "not_a_feature"), ("sex", "no_levels"), ("sex[f]", "unknown_column")]
)
def test_columns_that_could_single_people_out_are_no_features(column: str, code: str) -> None:
    card = sample_card()
    card = card.model_copy(update={"columns": (*card.columns, CardColumn(name="patient", type="integer", semantic="identifier"))})
    with pytest.raises(ConfigError) as caught:
        Score(coefficients={column: 1.0}, edges=(0, 1)).check(card)
    assert caught.value.code == code


def test_a_fit_is_given_as_it_is() -> None:
    terms = [Term(name=name, estimate=value, error=1, statistic=1, p=1) for name, value in (("(intercept)", -2.25), ("age", 0.05))]
    fit = Fit(model="logistic", state="converged", terms=tuple(terms))
    score = Score(coefficients=fit.coefficients, intercept=fit.intercept, link="logit", edges=(0.2, 0.5))
    assert score.dump() == {"kind": "score", "coefficients": {"age": 0.05}, "intercept": -2.25, "link": "logit", "edges": [0.2, 0.5]}
    assert Fit(model="linear", state="converged").intercept == 0.0
