"""The analyst's side of a regression: Newton's method on the pods' added figures, and the reasons to stop. Needs numpy alone.

1. Coefficients are those of centred and scaled terms until the end.
2. A step after which the loss is higher is halved, up to ten times.
3. It has converged when the next step would move no coefficient by more than 1e-8 of its own standard error; that step is still taken.
4. Terms that depend on one another are found before the first step, by the eigenvectors of the scaled cross-products, and named.
5. When the likelihood has next to nothing left to gain and the steps are still as long as before, the optimum lies at infinity: the
   outcomes are separated. The same is said when a pod keeps a round back by `min_weight` while each step still halved the loss.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podium.algorithms._fit import Fit, State, Term
from podium.algorithms._regression import Point, Regression, pairs
from podium.algorithms._tails import normal_p, student_p
from podium.contracts import Released

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

TOLERANCE = 1e-8
HALVINGS = 10
DEPENDENT = 1e-11  # an eigenvalue of a correlation matrix below this is rounding
LITTLE, LONG = 0.1, 0.7  # see 5: what is left to gain, in squared standard errors; a step's length over the last one's


@dataclass(frozen=True)
class _Sums:
    """All pods' figures at one point."""

    n: int
    left_out: int
    products: Floats
    score: Floats
    loss: float


def fit(model: Regression) -> Generator[Point | None, Sequence[Released], Fit]:
    """The points of the rounds, the first None; is sent every pod's table, and returns the fit. See `Iterative.rounds`."""
    import numpy as np

    tables = yield None
    stop = _stopped(model, tables, rounds=1)
    if stop is not None:
        return stop
    point, spread, constant = _start(model, tables)
    began = sum(int(_values(table)["n"]) for table in tables)
    rounds, steps, halvings = 1, [math.inf], 0
    start = np.array(point.beta)
    falling = False
    base: _Sums | None = None
    first: _Sums | None = None
    if constant:
        return _none(model, "collinear", rounds, constant, "These terms have one value in all rows that count.")
    while True:
        tables = yield point
        rounds += 1
        stop = _stopped(model, tables, rounds=rounds, falling=falling)
        if stop is not None:
            return stop
        sums = _added(model, tables)
        if first is None:
            first = sums
            if names := _dependent(model, sums):
                return _none(model, "collinear", rounds, names, "These terms depend on one another: leave one of them out.")
            if sums.n <= len(model.terms):
                return _none(model, "too_few_rows", rounds, (), "There are no more rows than terms.")
        if base is not None and sums.n == base.n and _higher(sums.loss, base.loss) and halvings < HALVINGS:
            halvings += 1
            point = point.model_copy(update={"beta": tuple(((np.array(point.beta) + start) / 2).tolist())})
            continue
        halvings = 0
        step = _solved(sums.products, sums.score)
        if step is None:
            return _separated(model, rounds)
        gain = float(step @ sums.score)
        if gain <= TOLERANCE**2 * _dispersion(model, sums) or gain <= 1e-28 * first.loss:
            return _finished(model, sums, point, np.array(point.beta) + step, rounds=rounds, spread=spread if sums.n == began else 0.0)
        steps.append(math.sqrt(float(step @ first.products @ step)))
        if model.kind == "logistic" and gain < LITTLE and steps[-1] > LONG * steps[-2]:
            return _separated(model, rounds)
        falling = base is not None and base is not first and sums.loss < base.loss / 2
        start, base = np.array(point.beta), sums
        ahead = (start + step).tolist()
        if max(map(abs, ahead)) > model.bound:
            return _separated(model, rounds)
        point = point.model_copy(update={"beta": tuple(ahead)})


def _start(model: Regression, tables: Sequence[Released]) -> tuple[Point, float, tuple[str, ...]]:
    """Centres and scales over all pods, and the target's sum of squares where it is told; and terms that do not vary."""
    n, mean, square = 0, None, None
    for values in map(_values, tables):
        count = int(values["n"])
        means, squares = _row(values, "mean"), _row(values, "square")
        if mean is None or square is None:
            n, mean, square = count, means, squares
            continue
        apart, both = means - mean, n + count
        square = square + squares + apart**2 * (n * count / both)
        n, mean = both, mean + apart * (count / both)
    assert mean is not None
    assert square is not None
    width = len(model.slopes)
    spread = float(square[width]) if len(square) > width else 0.0
    about_zero = square + n * mean**2
    still = [name for j, name in enumerate(model.slopes) if square[j] <= 1e-24 * about_zero[j]]
    if not model.intercept:
        still = [name for j, name in enumerate(model.slopes) if about_zero[j] == 0]
    scale = [math.sqrt(float(value) / n) if value > 0 else 1.0 for value in (square if model.intercept else about_zero)[:width]]
    center = mean[:width].tolist() if model.intercept else [0.0] * width
    beta = [float(mean[width]) if len(mean) > width else 0.0] if model.intercept else []
    return Point(center=tuple(center), scale=tuple(scale), beta=(*beta, *[0.0] * width)), spread, tuple(still)


def _added(model: Regression, tables: Sequence[Released]) -> _Sums:
    import numpy as np

    every = [_values(table) for table in tables]
    wide = len(model.terms)

    def total(name: str) -> float:
        return math.fsum(values[name] for values in every)

    products = np.zeros((wide, wide))
    for i, j in pairs(wide):
        products[i, j] = products[j, i] = total(f"h{i}.{j}")
    score = np.array([total(f"g{i}") for i in range(wide)])
    return _Sums(int(total("n")), int(total("left_out")), products, score, total("loss"))


def _finished(model: Regression, sums: _Sums, point: Point, beta: Floats, *, rounds: int, spread: float) -> Fit:
    """The fit in the columns' own units. The products were taken at `point`, less than 1e-8 standard errors from `beta`."""
    import numpy as np

    width, wide = len(model.slopes), len(model.terms)
    scale, center = np.array(point.scale), np.array(point.center)
    back = np.zeros((wide, wide))
    back[wide - width :, wide - width :] = np.diag(1 / scale)
    if model.intercept:
        back[0, 0], back[0, 1:] = 1.0, -center / scale
    half = _inverse_root(sums.products)
    errors = np.sqrt(_dispersion(model, sums) * ((back @ half) ** 2).sum(axis=1))
    estimates = back @ beta
    terms = tuple(
        _term(name, estimate, error, sums.n - wide if model.kind == "linear" else 0)
        for name, estimate, error in zip(model.terms, estimates.tolist(), errors.tolist(), strict=True)
    )
    fields: dict[str, Any] = {"log_likelihood": -sums.loss, "statistic": "z"}
    if model.kind == "linear":
        rss = 2 * sums.loss
        likelihood = -sums.n / 2 * (math.log(2 * math.pi * rss / sums.n) + 1) if rss > 0 else None
        share = 1 - rss / spread if model.intercept and spread > 0 else None
        sd = math.sqrt(_dispersion(model, sums))
        fields = {"log_likelihood": likelihood, "statistic": "t", "residual_sd": sd, "r_squared": share}
    return Fit(model=model.kind, state="converged", terms=terms, n=sums.n, left_out=sums.left_out, rounds=rounds, **fields)


def _term(name: str, estimate: float, error: float, degrees: int) -> Term:
    ratio = estimate / error if error > 0 else math.copysign(1e308, estimate) if estimate else 0.0
    return Term(name=name, estimate=estimate, error=error, statistic=ratio, p=student_p(ratio, degrees) if degrees else normal_p(ratio))


def _dispersion(model: Regression, sums: _Sums) -> float:
    return 2 * sums.loss / (sums.n - len(model.terms)) if model.kind == "linear" else 1.0


def _dependent(model: Regression, sums: _Sums) -> tuple[str, ...]:
    """The terms, intercept included, that take part in any linear dependence."""
    import numpy as np

    size = np.sqrt(np.diag(sums.products))
    values, vectors = np.linalg.eigh(sums.products / np.outer(size, size))
    involved = (np.abs(vectors[:, values < DEPENDENT * len(size)]) > 1e-4).any(axis=1)
    return tuple(name for name, part in zip(model.terms, involved, strict=True) if part)


def _solved(products: Floats, score: Floats) -> Floats | None:
    """The Newton step; None when the products are singular to working precision."""
    half = _inverse_root(products)
    step: Floats = half @ (half.T @ score)
    return step if math.isfinite(float(abs(step).max())) else None


def _inverse_root(products: Floats) -> Floats:
    """A matrix R with R R' = the inverse; scaled to a unit diagonal first."""
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.sqrt(np.diag(products))
        unit = products / np.outer(size, size)
        if not np.isfinite(unit).all():
            return np.full_like(products, np.inf)
        values, vectors = np.linalg.eigh(unit)
        if values[0] <= 1e-15 * len(size):
            return np.full_like(products, np.inf)
        root: Floats = vectors / np.sqrt(values) / size[:, None]
        return root


def _stopped(model: Regression, tables: Sequence[Released], *, rounds: int, falling: bool = False) -> Fit | None:
    """Why there is no going on from these tables. `falling`: the last step has more than halved the loss, and was not the first."""
    rules = sorted({kept.rule for table in tables for kept in table.suppressed})
    if falling and rules == ["min_weight"]:
        return _separated(model, rounds)
    if rules:
        why = " Hardly any outcome there is in doubt under this model: ask with fewer terms." if "min_weight" in rules else ""
        return _none(model, "kept_back", rounds, (), f"A pod kept its figures back by {', '.join(rules)}.{why}")
    if not tables:
        return _none(model, "kept_back", rounds, (), "No pod answered.")
    return None


def _separated(model: Regression, rounds: int) -> Fit:
    message = (
        "Some combination of the terms tells the outcomes apart, or so nearly that no pod may show the rest: there are no finite"
        " coefficients to give. Leave terms out, or join levels."
    )
    return _none(model, "separated", rounds, (), message)


def _none(model: Regression, state: State, rounds: int, columns: tuple[str, ...], message: str) -> Fit:
    named = f"{', '.join(columns)}: " if columns else ""
    return Fit(model=model.kind, state=state, message=named + message, columns=columns, rounds=rounds)


def _higher(loss: float, base: float) -> bool:
    return loss > base + 1e-10 * abs(base)


def _values(table: Released) -> dict[str, int | float]:
    return table.cells[0].values


def _row(values: dict[str, int | float], name: str) -> Floats:
    import numpy as np

    count = sum(1 for key in values if key.startswith(name))
    return np.array([values[f"{name}{j}"] for j in range(count)], dtype=float)
