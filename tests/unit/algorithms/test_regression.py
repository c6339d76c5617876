"""Federated regressions beside the pooled ones, over the whole conversation and through the gate, without any I/O."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression

from podium.algorithms import Linear, Logistic
from podium.contracts import Card, CardColumn, Status
from podium.errors import ConfigError
from podium.privacy.disclosure import Rules
from podium.protocols import ManyRounds
from podium.testing import converse, sample_card, sample_rows

MEASURES = ("mean_radius", "mean_texture", "mean_smoothness", "mean_concavity")
OPEN = Rules(min_rows=1, min_cell=1, max_params_ratio=1)


def fit(model, frame, *, pods=2, rules=None, rounds=25):
    """The whole task over the frame cut in `pods` unequal parts, under the default rules."""
    edges = [0, *(len(frame) * (i + 1) // (pods + 1) + 7 * i for i in range(1, pods)), len(frame)]
    columns = list(model.columns())
    parts = {f"demo/p{i}": frame[columns].iloc[a:b] for i, (a, b) in enumerate(pairwise(edges))}
    batches = {pod: pa.RecordBatch.from_pandas(part, preserve_index=False) for pod, part in parts.items()}
    return converse(ManyRounds(max_rounds=rounds), model, batches, rules=rules or Rules())


@pytest.fixture(scope="module")
def tumours():
    loaded = load_breast_cancer(as_frame=True)
    frame = loaded.data.rename(columns=lambda name: name.replace(" ", "_"))
    return frame.assign(malignant=loaded.target == 0).sample(frac=1, random_state=4, ignore_index=True)


@pytest.fixture(scope="module")
def diabetes():
    return load_diabetes(as_frame=True, scaled=False).frame.sample(frac=1, random_state=4, ignore_index=True)


def pooled_errors(x, weights):
    """Square roots of the diagonal of (X'WX)⁻¹, by QR of the scaled columns."""
    size = np.sqrt((x**2).sum(axis=0))
    triangle = np.linalg.qr(x / size * np.sqrt(weights)[:, None], mode="r")
    return np.sqrt((np.linalg.inv(triangle) ** 2).sum(axis=1)) / size


def pooled_logistic(x, y):
    """Coefficients by Newton's method on all rows, from scikit-learn's own solution."""
    mean, sd = x.mean(axis=0), x.std(axis=0)
    begun = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10, max_iter=200).fit((x - mean) / sd, y)
    z = np.column_stack([np.ones(len(x)), (x - mean) / sd])
    beta = np.r_[begun.intercept_, begun.coef_[0]]
    first = beta.copy()
    for _ in range(5):
        p = 1 / (1 + np.exp(-z @ beta))
        beta += np.linalg.solve((z * (p * (1 - p))[:, None]).T @ z, z.T @ (y - p))
    assert np.abs(beta - first).max() < 1e-5, "scikit-learn has found another optimum"
    p = 1 / (1 + np.exp(-z @ beta))
    slopes = beta[1:] / sd
    return np.r_[beta[0] - slopes @ mean, slopes], pooled_errors(np.column_stack([np.ones(len(x)), x]), p * (1 - p)), p


@pytest.mark.parametrize("pods", [1, 2, 4])
def test_logistic_is_the_pooled_fit(tumours, pods):
    outcome = fit(Logistic(target="malignant", features=MEASURES), tumours, pods=pods)
    y = tumours["malignant"].to_numpy(float)
    beta, errors, p = pooled_logistic(tumours[list(MEASURES)].to_numpy(), y)
    found = outcome.result
    assert (found.state, found.n, found.left_out) == ("converged", 569, 0)
    assert [term.estimate for term in found.terms] == pytest.approx(beta.tolist(), rel=1e-8)
    assert [term.error for term in found.terms] == pytest.approx(errors.tolist(), rel=1e-8)
    assert found.log_likelihood == pytest.approx(np.log(np.where(y > 0, p, 1 - p)).sum(), rel=1e-10)
    assert {reply.status for reply in outcome.replies.values()} == {Status.RELEASED}
    assert list(found.table.columns) == ["term", "estimate", "error", "z", "p"]


@pytest.mark.parametrize("pods", [1, 2, 5])
def test_linear_is_the_pooled_fit(diabetes, pods):
    features = tuple(diabetes.columns.drop("target"))
    found = fit(Linear(target="target", features=features), diabetes, pods=pods, rules=Rules(max_params_ratio=0.3)).result
    x, y = diabetes[list(features)].to_numpy(), diabetes["target"].to_numpy()
    known = LinearRegression().fit(x, y)
    rest = y - known.predict(x)
    sd = np.sqrt(rest @ rest / (len(y) - 11))
    assert (found.state, found.rounds, found.n) == ("converged", 3, 442)
    assert [term.estimate for term in found.terms] == pytest.approx([known.intercept_, *known.coef_], rel=1e-8)
    errors = sd * pooled_errors(np.column_stack([np.ones(len(x)), x]), np.ones(len(x)))
    assert [term.error for term in found.terms] == pytest.approx(errors.tolist(), rel=1e-8)
    assert found.r_squared == pytest.approx(known.score(x, y), rel=1e-10)
    assert found.residual_sd == pytest.approx(sd, rel=1e-10)


def test_linear_without_an_intercept(diabetes):
    found = fit(Linear(target="target", features=("bmi", "bp"), intercept=False), diabetes).result
    known = LinearRegression(fit_intercept=False).fit(diabetes[["bmi", "bp"]], diabetes["target"])
    assert [term.name for term in found.terms] == ["bmi", "bp"]
    assert [term.estimate for term in found.terms] == pytest.approx(known.coef_.tolist(), rel=1e-8)


@pytest.mark.parametrize(("offset", "scale"), [(0, 1e-9), (1e6, 1), (-3e7, 1e3)])
def test_badly_placed_columns_do_not_matter(diabetes, offset, scale):
    """The pooled answer in exact arithmetic is the same slope, divided by the scale."""
    plain = fit(Linear(target="target", features=("bmi", "bp")), diabetes).result
    moved = diabetes.assign(bmi=diabetes["bmi"] * scale + offset)
    found = fit(Linear(target="target", features=("bmi", "bp")), moved).result
    assert found["bmi"].estimate * scale == pytest.approx(plain["bmi"].estimate, rel=1e-6 if offset else 1e-10)
    assert found["bp"].error == pytest.approx(plain["bp"].error, rel=1e-6)


def test_categories_booleans_and_missing_values_count_as_they_should(tumours):
    chance = np.random.default_rng(1)
    size = pd.cut(tumours["mean_radius"] + chance.normal(0, 4, len(tumours)), [-99, 12, 16, 99], labels=["small", "middle", "large"])
    frame = tumours.assign(size=size.astype(str), left=chance.random(len(tumours)) < 0.5, outcome=np.where(tumours["malignant"], "m", "b"))
    frame.loc[:29, "mean_texture"] = np.nan
    frame.loc[30:59, "size"] = "unheard of"
    frame.loc[60:79, "outcome"] = None
    model = Logistic(
        target="outcome", positive="m", features=("mean_texture", "size", "left"), levels={"size": ("small", "middle", "large")}
    )
    found = fit(model, frame).result
    kept = frame.iloc[80:]
    x = np.column_stack([kept["mean_texture"], kept["size"] == "middle", kept["size"] == "large", kept["left"]]).astype(float)
    beta, errors, _ = pooled_logistic(x, (kept["outcome"] == "m").to_numpy(float))
    assert [term.name for term in found.terms] == ["(intercept)", "mean_texture", "size[middle]", "size[large]", "left"]
    assert (found.state, found.n, found.left_out) == ("converged", len(kept), 80)
    assert [term.estimate for term in found.terms] == pytest.approx(beta.tolist(), rel=1e-8)
    assert [term.error for term in found.terms] == pytest.approx(errors.tolist(), rel=1e-8)


def iris(species):
    loaded = load_iris(as_frame=True)
    frame = loaded.data.rename(columns=lambda name: name.replace(" ", "_").replace("(", "").replace(")", ""))
    return frame.assign(is_it=loaded.target == species).sample(frac=1, random_state=0, ignore_index=True)


@pytest.mark.parametrize("rules", [Rules(max_params_ratio=0.2), OPEN])
def test_separated_outcomes_are_said_and_no_numbers_shown(rules):
    frame = iris(0)
    outcome = fit(Logistic(target="is_it", features=tuple(frame.columns.drop("is_it"))), frame, rules=rules)
    assert outcome.result.state == "separated"
    assert outcome.result.terms == ()
    assert outcome.result.rounds < 25


def test_a_pod_too_small_for_so_sure_a_model_is_not_called_separation(tumours):
    found = fit(Logistic(target="malignant", features=MEASURES), tumours, pods=5).result
    assert (found.state, found.terms) == ("kept_back", ())
    assert "min_weight" in found.message


def test_one_level_that_decides_is_separation_too():
    chance = np.random.default_rng(0)
    dose, treated = chance.normal(size=600), chance.random(600) < 0.3
    frame = pd.DataFrame({"dose": dose, "treated": treated, "well": (dose + chance.logistic(size=600) > 0) | treated})
    assert fit(Logistic(target="well", features=("dose", "treated")), frame).result.state == "separated"


def test_outcomes_all_but_separated_still_have_their_fit():
    """Thirteen steps, nine of them longer than the one before."""
    frame = iris(2)
    features = tuple(frame.columns.drop("is_it"))
    found = fit(Logistic(target="is_it", features=features), frame, rules=OPEN).result
    beta, _, _ = pooled_logistic(frame[list(features)].to_numpy(), frame["is_it"].to_numpy(float))
    assert found.state == "converged"
    assert [term.estimate for term in found.terms] == pytest.approx(beta.tolist(), rel=1e-8)


def test_dependent_terms_are_named(diabetes):
    frame = diabetes.assign(both=diabetes["bmi"] * 2 + diabetes["age"] - 3, same=1.5)
    found = fit(Linear(target="target", features=("bmi", "age", "both", "bp")), frame).result
    assert (found.state, found.columns, found.terms) == ("collinear", ("bmi", "age", "both"), ())
    assert fit(Linear(target="target", features=("bmi", "same")), frame).result.columns == ("same",)
    assert fit(Linear(target="target", features=("bmi", "same"), intercept=False), frame).result.state == "converged"
    nearly = frame.assign(both=frame["both"] + np.random.default_rng(3).normal(0, 1e-3, len(frame)))
    assert fit(Linear(target="target", features=("bmi", "age", "both", "bp")), nearly).result.state == "converged"


def test_rounds_run_out(tumours):
    outcome = fit(Logistic(target="malignant", features=MEASURES), tumours, rounds=4)
    assert (outcome.result.state, outcome.result.rounds, outcome.result.terms) == ("not_converged", 4, ())
    assert {reply.status for reply in outcome.replies.values()} == {Status.RELEASED}


def test_the_pods_own_limit_of_rounds_holds_whatever_the_analyst_set(tumours):
    outcome = fit(Logistic(target="malignant", features=MEASURES), tumours, rules=Rules(max_rounds=3), rounds=1000)
    assert outcome.result.state == "kept_back"
    assert "max_rounds" in outcome.result.message
    assert {reply.status for reply in outcome.replies.values()} == {Status.SUPPRESSED}


def test_too_many_parameters_for_a_pods_rows_are_kept_back(diabetes):
    features = tuple(diabetes.columns.drop("target"))
    outcome = fit(Linear(target="target", features=features), diabetes.iloc[:150])
    assert "max_params_ratio" in outcome.result.message
    assert outcome.result.terms == ()


def test_a_rare_outcome_or_level_at_one_pod_is_kept_back(tumours):
    frame = tumours.assign(rare=False)
    frame.loc[:3, "rare"] = True
    for model in (Logistic(target="rare", features=MEASURES), Linear(target="mean_area", features=("mean_texture", "rare"))):
        outcome = fit(model, frame)
        assert outcome.result.state == "kept_back"
        assert "min_cell" in outcome.result.message
        first = outcome.replies["demo/p0"]
        assert (first.status, first.released.cells) == (Status.SUPPRESSED, ())


def test_a_small_overlap_of_two_large_groups_is_kept_back(tumours):
    """Each group has hundreds of rows; the cross-product would tell that two are in both."""
    frame = tumours.assign(one=tumours.index < 300, two=tumours.index >= 298)
    assert fit(Linear(target="mean_area", features=("one", "two")), frame, pods=1).result.state == "kept_back"


def test_coefficients_that_single_out_rows_get_nothing(tumours):
    """A steep curve through one value of one column gives weight to that row alone."""
    model = Logistic(target="malignant", features=("mean_radius",))
    rows = pa.RecordBatch.from_pandas(tumours[list(model.columns())], preserve_index=False)
    value = float(tumours["mean_radius"].sort_values().iloc[100])
    from podium.privacy.gate import release

    for slope, leaves in ((1.0, True), (900.0, False)):
        steep = Logistic.load({**model.dump(), "at": {"center": [value], "scale": [0.1], "beta": [0.0, slope]}})
        released = release(steep.local([rows]), disclosure=steep.disclosure(), rules=Rules())
        assert (released.status is Status.RELEASED) is leaves
    assert [kept.rule for kept in released.suppressed] == ["min_weight"]


@pytest.mark.parametrize(
    "at",
    [
        {"center": [0.0], "scale": [1.0], "beta": [0.0]},
        {"center": [0.0], "scale": [0.0], "beta": [0.0, 0.0]},
        {"center": [0.0], "scale": [1.0], "beta": [0.0, 1e4]},
        {"center": [float("inf")], "scale": [1.0], "beta": [0.0, 1.0]},
        {"center": [0.0], "scale": [1.0], "beta": [0.0, float("nan")]},
        {"center": [0.0], "scale": [1.0], "beta": [0.0, 1.0], "more": 1},
    ],
)
def test_parameters_that_do_not_fit_are_refused(at):
    with pytest.raises(ConfigError):
        Logistic.load({"target": "y", "features": ["x"], "kind": "logistic", "at": at})


def test_a_question_that_begins_in_the_middle_is_refused():
    at = {"center": [0.0], "scale": [1.0], "beta": [0.0, 1.0]}
    with pytest.raises(ConfigError) as refused:
        Linear(target="score", features=("age",), at=at).check(sample_card())
    assert refused.value.code == "bad_task"


@pytest.mark.parametrize(
    ("model", "code"),
    [
        (Linear(target="sex", features=("age",)), "not_continuous"),
        (Linear(target="smoker", features=("age",)), "not_continuous"),
        (Logistic(target="age", features=("score",)), "not_binary"),
        (Logistic(target="sex", features=("score",)), "not_binary"),
        (Logistic(target="smoker", features=("agee",)), "unknown_column"),
        (Logistic(target="smoker", features=("sex",)), "no_levels"),
        (Logistic(target="smoker", features=("age",), levels={"age": (1, 2)}), "not_categorical"),
        (Linear(target="score", features=("smoker",), levels={"smoker": (True, False)}), "not_categorical"),
        (Logistic(target="smoker", features=("seen",), levels={"seen": ("2024-01-01", "2024-01-02")}), "not_a_feature"),
        (Logistic(target="smoker", positive="yes", features=("age",)), "not_binary"),
    ],
)
def test_what_the_card_shows_to_be_impossible_is_refused(model, code):
    with pytest.raises(ConfigError) as refused:
        model.check(sample_card())
    assert refused.value.code == code


@pytest.mark.parametrize(
    "fields",
    [
        {"features": ()},
        {"features": ("y",)},
        {"features": ("x", "x")},
        {"features": ("x",), "levels": {"z": ("a", "b")}},
        {"features": ("x",), "levels": {"x": ("a",)}},
        {"features": ("x",), "levels": {"x": ("a", "a")}},
        {"features": ("x",), "levels": {"x": tuple(map(str, range(200)))}},
    ],
)
def test_a_question_that_makes_no_sense_is_refused(fields):
    with pytest.raises(ValueError, match=r".+"):
        Linear(target="y", **fields)


def test_a_categorical_column_of_numbers_needs_levels():
    card = Card(
        datasource="d",
        stage="full",
        columns=(
            CardColumn(name="y", type="number", semantic="continuous"),
            CardColumn(name="stage", type="integer", semantic="categorical"),
        ),
    )
    with pytest.raises(ConfigError, match="categorical"):
        Linear(target="y", features=("stage",)).check(card)
    Linear(target="y", features=("stage",), levels={"stage": (1, 2, 3)}).check(card)


def test_an_infinite_value_fails_with_a_code():
    from podium.errors import TaskError

    rows = sample_rows().select(["score", "age"])
    bad = rows.set_column(0, "score", pa.array([float("inf")] * rows.num_rows))
    with pytest.raises(TaskError) as failed:
        Linear(target="age", features=("score",)).local([bad])
    assert failed.value.code == "not_finite"
