"""The demo's questions, and the pooled answers: pandas over both halves together, under the same rules, with a stated tolerance.

Counts leave each pod rounded to `round_to`, so a sum over pods may be off by `round_to / 2` a pod, and the pooled count, rounded too,
by as much again. Sums and counts behind a mean leave exact: what is left is the order of floating-point addition. A regression's
coefficients and standard errors are the pooled fit's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podium.algorithms import Algorithm
from podium.algorithms._grouped import KEPT_BACK
from podium.algorithms.logistic import Logistic
from podium.demo.regression import figures, pooled_fit
from podium.privacy.disclosure import Rules, rounded

if TYPE_CHECKING:
    import pandas as pd

MEAN_TOLERANCE, FIT_TOLERANCE = 1e-9, 1e-8
MEASURES = ("mean_radius", "mean_texture", "mean_smoothness", "mean_concavity")


@dataclass(frozen=True)
class Question:
    """A name for people, and the algorithm."""

    name: str
    algorithm: Algorithm

    @property
    def column(self) -> str | None:
        """The column whose mean is asked, or None for a count."""
        return getattr(self.algorithm, "column", None)

    @property
    def tabular(self) -> bool:
        """Whether the answer has several figures."""
        return bool(self.by) or isinstance(self.algorithm, Logistic)

    @property
    def by(self) -> str | None:
        """The grouping column."""
        by = getattr(self.algorithm, "by", None)
        return by[0] if isinstance(by, tuple | list) and by else by or None


def questions() -> list[Question]:
    """What the demo asks."""
    asked: list[tuple[str, dict[str, Any]]] = [
        ("How many tumours?", {"kind": "count"}),
        ("How many by diagnosis?", {"kind": "count", "by": "diagnosis"}),
        ("Mean radius (mm)", {"kind": "mean", "column": "mean_radius"}),
        ("Mean radius (mm) by diagnosis", {"kind": "mean", "column": "mean_radius", "by": "diagnosis"}),
        ("How many by band of radius?", {"kind": "count", "by": "radius_band"}),
        (
            "Log-odds that a tumour is malignant, by four measures",
            {"kind": "logistic", "target": "diagnosis", "positive": "malignant", "features": MEASURES},
        ),
    ]
    return [Question(name, Algorithm.load(fields)) for name, fields in asked]


def pooled(question: Question, frame: pd.DataFrame, rules: Rules) -> dict[str, float | None]:
    """Level → figure over the union, under the same rules. KEPT_BACK stands for levels that are too small even there.

    A question without groups has one level, the empty text; a regression has its terms, and their standard errors.
    """
    if isinstance(question.algorithm, Logistic):
        return pooled_fit(question.algorithm, frame)
    groups = frame.groupby(question.by) if question.by else [("", frame)]
    sizes: dict[str, float | None] = {}
    for level, rows in groups:
        if question.by and len(rows) < rules.min_cell:
            sizes[KEPT_BACK] = None
        if len(rows) >= max(rules.min_cell, 0 if question.by else rules.min_rows):
            figure = rows[question.column].mean() if question.column else rounded(len(rows), rules.round_to)
            sizes[str(level)] = float(figure)
    return sizes


def answered(question: Question, result: Any) -> dict[str, float | None]:
    """The federated answer in the same form; None where a level was suppressed."""
    if result is None:
        return {}
    if isinstance(question.algorithm, Logistic):
        terms = result.terms
        return figures([term.name for term in terms], [term.estimate for term in terms], [term.error for term in terms])
    if not question.by:
        return {"": float(result)}
    figure = "mean" if question.column else "count"
    return {_level(row[question.by]): None if row.get("suppressed") else float(row[figure]) for row in result.to_dict("records")}


def tolerance(question: Question, *, pods: int, rules: Rules) -> float:
    """How far a right answer may be from the pooled one, in the answer's own unit."""
    if isinstance(question.algorithm, Logistic):
        return FIT_TOLERANCE
    return MEAN_TOLERANCE if question.column else rules.round_to / 2 * (pods + 1)


def difference(answer: dict[str, float | None], pool: dict[str, float | None]) -> float | None:
    """The largest distance over the levels that both have; None if there is none."""
    pairs = [(value, pool.get(level)) for level, value in answer.items()]
    return max((abs(mine - theirs) for mine, theirs in pairs if mine is not None and theirs is not None), default=None)


def _level(value: Any) -> str:
    return "(none)" if value is None or value != value else str(value)
