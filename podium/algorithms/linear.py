"""Linear regression over all pods' rows: least squares, with the errors that the pooled fit has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from podium.algorithms._regression import Regression
from podium.contracts import Card, CardColumn
from podium.errors import ConfigError

if TYPE_CHECKING:
    from podium.algorithms._design import Design, Floats


class Linear(Regression):
    """Least squares of a continuous target. Three rounds: means, cross-products, and the residuals at the solution, which refine it."""

    kind: ClassVar[str] = "linear"
    bound: ClassVar[float] = 1e100

    def at_point(self, linear: Floats, target: Floats) -> tuple[Floats | None, Floats, float]:
        residuals = target - linear
        return None, residuals, float(residuals @ residuals) / 2

    def _design(self) -> Design:
        from podium.algorithms._design import Design

        return Design(self.target, self.features, self.levels)

    def _moments(self) -> int:
        return len(self.slopes) + 1

    def _check_target(self, column: CardColumn, card: Card) -> None:
        if column.type not in ("integer", "number") or column.semantic != "continuous":
            raise ConfigError(
                f"column {self.target!r} of {card.datasource!r} is {column.semantic}: least squares is for continuous numbers.",
                field="algorithm.linear.target",
                remedy="For a boolean or categorical target ask for logistic.",
                code="not_continuous",
            )

    @classmethod
    def sample(cls, *_: Any) -> Self:
        return cls(target="score", features=("age", "smoker", "sex"), levels={"sex": ("f", "m")})
