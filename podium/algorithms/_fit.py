"""What an analyst gets of a regression: the fit, or the reason why there is none. Never both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from podium.algorithms._terms import INTERCEPT
from podium.plugin import Frozen

if TYPE_CHECKING:
    import pandas as pd

State = Literal["converged", "collinear", "separated", "not_converged", "too_few_rows", "kept_back"]


class Term(Frozen):
    """One coefficient. `statistic` is z or t, `p` two-sided."""

    name: str
    estimate: float
    error: float
    statistic: float
    p: float


class Fit(Frozen):
    """A regression over all pods' rows. `terms` is empty unless `state` is `converged`; `message` says what to do otherwise.

    `n` rows were used; `left_out` (rounded at each pod) had no value, or an undeclared level, in a column that the model reads.
    """

    model: str
    state: State
    message: str = ""
    columns: tuple[str, ...] = ()
    terms: tuple[Term, ...] = ()
    statistic: Literal["z", "t"] = "z"
    n: int = 0
    left_out: int = 0
    rounds: int = 0
    log_likelihood: float | None = None
    residual_sd: float | None = None
    r_squared: float | None = None

    @property
    def table(self) -> pd.DataFrame:
        """One row a term: estimate, error, z or t, p."""
        import pandas as pd

        rows = [(term.name, term.estimate, term.error, term.statistic, term.p) for term in self.terms]
        return pd.DataFrame(rows, columns=["term", "estimate", "error", self.statistic, "p"])

    @property
    def coefficients(self) -> dict[str, float]:
        """The estimates by term, without the intercept: as `Score` takes them."""
        return {term.name: term.estimate for term in self.terms if term.name != INTERCEPT}

    @property
    def intercept(self) -> float:
        """The estimate of the intercept; 0 where the model has none."""
        return next((term.estimate for term in self.terms if term.name == INTERCEPT), 0.0)

    def __getitem__(self, name: str) -> Term:
        """The term of that name. Raises KeyError."""
        for term in self.terms:
            if term.name == name:
                return term
        raise KeyError(name)

    def __repr__(self) -> str:
        head = f"{self.model}: {self.state} after {self.rounds} rounds, {self.n} rows"
        return f"{head}\n{self.table.to_string(index=False)}" if self.terms else f"{head}. {self.message}"

    __str__ = __repr__
