"""The variance of a continuous column, in all or a level."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Self

from podium.algorithms._adding import Adding
from podium.algorithms._checks import continuous
from podium.algorithms._grouped import Grouped, Key, as_table
from podium.algorithms._tallies import Tallies
from podium.algorithms._totals import Moments
from podium.contracts import Card, Disclosure, Released

if TYPE_CHECKING:
    import pyarrow as pa

Value = int | float


class Variance(Grouped, Adding):
    """The sample variance (over n - 1), with mean and n, of the rows that have a value (NaN counts as null).

    A pod tells n, the sum (as two floats, 106 bits) and m2, the sum of squared deviations from its own mean, each summed without rounding
    and rounded once; the analyst merges them as Chan and Welford do, in exact fractions. So the answer does not depend on the order of
    rows, batches or pods, and holds for values that are large beside their spread.

    **What three exact figures of n ≥ `min_cell` rows tell.** They are three equations for n unknowns: no value follows from them, except
    where the values are very unequal or all alike. An m2 of 0 says that everybody has the mean. A value lies within sqrt(m2 (n - 1) / n)
    of the mean (Samuelson), and one that alone makes up nearly all of m2, or of the sum, is told nearly exactly: whoever knows that
    someone stands out learns how far. Whole numbers with a small m2 leave few sets of values, though not who has which. Rounding would not
    help (it hides neither a 0 nor a giant) and would spoil the arithmetic, so all four leave exact. There is no dominance rule at
    the gate yet; a custodian whose amounts have giants should not grant this, nor `mean`, by small groups.
    """

    kind: ClassVar[str] = "variance"
    shows: ClassVar[tuple[str, ...]] = ("variance", "mean", "n")

    column: str

    def reads(self) -> tuple[str, ...]:
        return (self.column, *self.levels)

    def disclosure(self) -> Disclosure:
        return Disclosure(exact=("n", "sum", "sum_low", "m2"))

    def suits(self, card: Card) -> None:
        super().suits(card)
        continuous(card, self.column, field="algorithm.variance.column", what="variance")

    def empty(self) -> Tallies[Moments]:
        return Tallies(self.levels, Moments)

    def add(self, batch: pa.RecordBatch, tallies: Tallies[Moments]) -> None:
        from podium.algorithms._levels import groups
        from podium.algorithms._numbers import finite_numbers

        values, valid = finite_numbers(batch, self.column, field="algorithm.variance.column")
        for key, positions in groups(batch, self.levels):
            tallies[key].add([values[positions[valid[positions]]]])

    def combine(self, tables: Sequence[Released], hidden: frozenset[Key] = frozenset()) -> Any:
        """A float, or a table of the levels, `variance`, `mean` and `n`; None where there are fewer than two values."""
        cells: dict[Key, list[dict[str, Value]]] = {}
        for table in tables:
            for cell in table.cells:
                cells.setdefault(cell.key, []).append(cell.values)
        figures = {key: _merged(parts) for key, parts in cells.items()}
        if self.levels:
            return as_table(self.levels, figures, tables=tables, hidden=hidden, names=self.shows)
        return figures[()]["variance"] if () in figures and () not in hidden else None

    @classmethod
    def sample(cls, *_: Any) -> Self:
        return cls(column="score", by="sex")


def _merged(parts: list[dict[str, Value]]) -> dict[str, Value | None]:
    """Sums of squared deviations add, once each pod's mean is moved to the common one."""
    some = [(int(part["n"]), Fraction(part["sum"]) + Fraction(part["sum_low"]), Fraction(part["m2"])) for part in parts if part["n"] > 0]
    n = sum(size for size, _, _ in some)
    if n == 0:
        return {"variance": None, "mean": None, "n": 0}
    mean = sum((total for _, total, _ in some), Fraction()) / n
    m2 = sum((inner + size * (total / size - mean) ** 2 for size, total, inner in some), Fraction())
    return {"variance": float(m2 / (n - 1)) if n > 1 else None, "mean": float(mean), "n": n}
