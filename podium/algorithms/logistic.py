"""Logistic regression over all pods' rows: maximum likelihood, with the errors that the pooled fit has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from podium.algorithms._regression import Regression
from podium.contracts import Card, CardColumn, Value
from podium.errors import ConfigError

if TYPE_CHECKING:
    from podium.algorithms._design import Design, Floats


class Logistic(Regression):
    """The log-odds that `target` is true, or that it is the level `positive`. Newton's method, commonly six to ten rounds.

    Coefficients that an analyst chooses could make the weights w = p(1-p) vanish but for a few rows, and so single them out. A pod
    therefore lets out no sum whose weights add up to less than `min_cell` rows of full weight (Σ4w), rule `min_weight`. An honest fit
    comes near that only where hardly any outcome is in doubt.
    """

    kind: ClassVar[str] = "logistic"
    bound: ClassVar[float] = 1e3

    positive: Value = None

    def at_point(self, linear: Floats, target: Floats) -> tuple[Floats | None, Floats, float]:
        import numpy as np

        small = np.exp(-np.abs(linear))
        chance = np.where(linear >= 0, 1.0, small) / (1 + small)
        loss = np.log1p(small) + np.maximum(linear, 0) - target * linear
        residuals = np.where(target > 0.5, np.where(linear >= 0, small, 1.0) / (1 + small), -chance)  # 1 - chance would lose digits
        return small / (1 + small) ** 2, residuals, float(loss.sum())

    def _design(self) -> Design:
        from podium.algorithms._design import Design

        return Design(self.target, self.features, self.levels, True if self.positive is None else self.positive)

    def _supports(self) -> dict[str, str]:
        return {"classes": "min_cell", "weight": "min_weight"}

    def _check_target(self, column: CardColumn, card: Card) -> None:
        field = "algorithm.logistic.positive"
        if column.type == "boolean":
            if self.positive not in (None, True, False) or type(self.positive) is int:
                raise ConfigError(f"column {self.target!r} is boolean.", field=field, remedy="Leave it out.", code="not_binary")
        elif column.semantic not in ("categorical", "boolean"):
            raise ConfigError(
                f"column {self.target!r} of {card.datasource!r} is {column.semantic}: its values are not two outcomes.",
                field="algorithm.logistic.target",
                remedy="The target is boolean, or categorical with a `positive` level.",
                code="not_binary",
            )
        elif self.positive is None:
            remedy = "Name the level whose odds are asked for."
            raise ConfigError(f"column {self.target!r} is categorical.", field=field, remedy=remedy, code="not_binary")

    @classmethod
    def sample(cls, *_: Any) -> Self:
        return cls(target="smoker", features=("age", "sex"), levels={"sex": ("f", "m")})
