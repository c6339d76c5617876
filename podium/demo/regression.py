"""The pooled logistic regression that the demo's federated one is set beside: scikit-learn's, over both halves together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from podium.algorithms._terms import INTERCEPT
from podium.algorithms.logistic import Logistic

if TYPE_CHECKING:
    import pandas as pd


def pooled_fit(model: Logistic, frame: pd.DataFrame) -> dict[str, float | None]:
    """Each term's coefficient, and its standard error as `TERM, error`, of a model whose features are all numbers.

    The errors are the roots of the diagonal of (X'WX)⁻¹ at scikit-learn's solution.
    """
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    values = frame[list(model.features)].to_numpy()
    mean, spread = values.mean(axis=0), values.std(axis=0)
    scaled = (values - mean) / spread
    outcome = (frame[model.target] == model.positive).to_numpy()
    fit = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12, max_iter=200).fit(scaled, outcome)
    slopes = fit.coef_[0] / spread
    chance = fit.predict_proba(scaled)[:, 1]
    z = np.column_stack([np.ones(len(scaled)), scaled])
    covariance = np.linalg.inv((z * (chance * (1 - chance))[:, None]).T @ z)
    back = np.vstack([[1.0, *(-mean / spread)], np.column_stack([np.zeros(len(mean)), np.diag(1 / spread)])])
    errors = np.sqrt(np.diag(back @ covariance @ back.T))
    estimates = [float(fit.intercept_[0] - slopes @ mean), *slopes.tolist()]
    return figures((INTERCEPT, *model.features), estimates, errors.tolist())


def figures(terms: Sequence[str], estimates: Sequence[float], errors: Sequence[float]) -> dict[str, float | None]:
    """One form for both sides."""
    return {**dict(zip(terms, estimates, strict=True)), **{f"{term}, error": error for term, error in zip(terms, errors, strict=True)}}
