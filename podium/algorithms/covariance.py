"""The covariances and correlations of some continuous columns, in all or a level."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import ConfigDict, Field, field_validator

from podium.algorithms._adding import Adding
from podium.algorithms._checks import continuous
from podium.algorithms._grouped import KEPT_BACK, Grouped, Key, as_table
from podium.algorithms._tallies import Tallies
from podium.algorithms._totals import Products
from podium.contracts import Card, Disclosure, Released

if TYPE_CHECKING:
    import pyarrow as pa

MAX_COLUMNS = 20
Parts = list[dict[str, int | float]]


class Covariance(Grouped, Adding):
    """The sample covariance (over n - 1) and correlation of every two columns, over the rows that have a value in all of them.

    A pod tells n, the sum of each column, and for every two columns the products of the deviations from its own means, summed. All are
    exact and rounded once, and the analyst merges them in exact fractions, as `variance` does.

    **What these figures tell.** What `variance` says of three exact figures holds for each column. Besides, k columns tell as much as all
    linear regressions among them do, and those of n ≤ k rows would tell the rows but for a rotation. So k counts as the number of fitted
    parameters: a group with fewer than k / `max_params_ratio` rows does not leave.
    """

    model_config = ConfigDict(validate_by_name=False, validate_by_alias=True, serialize_by_alias=True)
    kind: ClassVar[str] = "covariance"
    shows: ClassVar[tuple[str, ...]] = ("column", "other", "covariance", "correlation", "n")

    amounts: tuple[str, ...] = Field(alias="columns", min_length=2, max_length=MAX_COLUMNS)  # `columns()` is what it reads

    @field_validator("amounts")
    @classmethod
    def _each_once(cls, amounts: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(amounts)) < len(amounts):
            raise ValueError("names the same column twice")
        return amounts

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Every two of the columns by their places, each column with itself included."""
        return list(itertools.combinations_with_replacement(range(len(self.amounts)), 2))

    def reads(self) -> tuple[str, ...]:
        return (*self.amounts, *self.levels)

    def disclosure(self) -> Disclosure:
        sums = [name for place in range(len(self.amounts)) for name in (f"sum{place}", f"sum_low{place}")]
        return Disclosure(exact=("n", *sums, *(f"product{i}.{j}" for i, j in self.pairs)), params=len(self.amounts))

    def suits(self, card: Card) -> None:
        super().suits(card)
        for name in self.amounts:
            continuous(card, name, field="algorithm.covariance.columns", what="covariance")

    def empty(self) -> Tallies[Products]:
        return Tallies(self.levels, lambda: Products(len(self.amounts)))

    def add(self, batch: pa.RecordBatch, tallies: Tallies[Products]) -> None:
        from podium.algorithms._levels import groups
        from podium.algorithms._numbers import finite_numbers

        found = [finite_numbers(batch, name, field="algorithm.covariance.columns") for name in self.amounts]
        whole = found[0][1]
        for _, valid in found[1:]:
            whole = whole & valid
        for key, positions in groups(batch, self.levels):
            rows = positions[whole[positions]]
            tallies[key].add([values[rows] for values, _ in found])

    def combine(self, tables: Sequence[Released], hidden: frozenset[Key] = frozenset()) -> Any:
        """A table of the levels and every two columns: `column`, `other`, `covariance`, `correlation` and `n`, missing where undefined."""
        parts: dict[Key, Parts] = {}
        for table in tables:
            for cell in table.cells:
                parts.setdefault(cell.key, []).append(cell.values)
        places = list(itertools.product(range(len(self.amounts)), repeat=2))
        figures = {(*key, *pair): shown for key, some in parts.items() for pair, shown in self._figures(some).items()}
        unseen = frozenset((*key, *pair) for key in hidden for pair in places)
        by = (*self.levels, "column", "other")
        result = as_table(by, figures, tables=tables, hidden=unseen, names=("covariance", "correlation", "n"))
        for name in ("column", "other"):
            result[name] = [place if place == KEPT_BACK else self.amounts[place] for place in result[name].tolist()]
        return result

    def _figures(self, parts: Parts) -> dict[tuple[int, int], dict[str, float | None]]:
        n, products = _merged(parts, len(self.amounts), self.pairs)
        found: dict[tuple[int, int], dict[str, float | None]] = {}
        for i, j in self.pairs:
            covariance = float(products[i, j] / (n - 1)) if n > 1 else None
            shown = {"covariance": covariance, "correlation": _correlation(products, i, j), "n": n}
            found[i, j] = found[j, i] = shown
        return found

    @classmethod
    def sample(cls, *_: Any) -> Self:
        return cls(columns=("age", "score"), by="sex")


def _merged(parts: Parts, columns: int, pairs: list[tuple[int, int]]) -> tuple[int, dict[tuple[int, int], Fraction]]:
    """n, and the sums of products about the common means: those about each pod's own add, once these are moved to the common ones."""
    some = [part for part in parts if part["n"] > 0]
    n = sum(int(part["n"]) for part in some)
    sums = [[Fraction(part[f"sum{place}"]) + Fraction(part[f"sum_low{place}"]) for place in range(columns)] for part in some]
    means = [sum((of_pod[place] for of_pod in sums), Fraction()) / n for place in range(columns)] if n else []
    products = {pair: Fraction() for pair in pairs}
    for part, of_pod in zip(some, sums, strict=True):
        size = int(part["n"])
        away = [total / size - mean for total, mean in zip(of_pod, means, strict=True)]
        for i, j in pairs:
            products[i, j] += Fraction(part[f"product{i}.{j}"]) + size * away[i] * away[j]
    return n, products


def _correlation(products: dict[tuple[int, int], Fraction], i: int, j: int) -> float | None:
    """Of two columns neither of which is constant; the rounding of each pod's figures does not take it beyond 1."""
    if not (products[i, i] > 0 and products[j, j] > 0):
        return None
    if i == j:
        return 1.0
    size = math.sqrt(min(products[i, j] ** 2 / (products[i, i] * products[j, j]), Fraction(1)))
    return -size if products[i, j] < 0 else size
