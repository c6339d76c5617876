"""The mean of a continuous column, in all or a level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from podium.algorithms._adding import Adding
from podium.algorithms._checks import continuous
from podium.algorithms._grouped import Grouped, Key, as_table, sums
from podium.algorithms._tallies import Tallies
from podium.algorithms._totals import Total
from podium.contracts import Card, Disclosure, Released

if TYPE_CHECKING:
    import pyarrow as pa


class Mean(Grouped, Adding):
    """Sum over n of the rows that have a value (NaN counts as null). Sum and n leave unrounded once the minimum sizes hold.

    The sum is exact: of integers an integer, of floats the true sum rounded once, whatever the order of rows and their batches.
    """

    kind: ClassVar[str] = "mean"
    shows: ClassVar[tuple[str, ...]] = ("mean", "n")

    column: str

    def reads(self) -> tuple[str, ...]:
        return (self.column, *self.levels)

    def disclosure(self) -> Disclosure:
        return Disclosure(exact=("n", "sum"))

    def suits(self, card: Card) -> None:
        super().suits(card)
        continuous(card, self.column, field="algorithm.mean.column", what="mean")

    def empty(self) -> Tallies[Total]:
        return Tallies(self.levels, Total)

    def add(self, batch: pa.RecordBatch, tallies: Tallies[Total]) -> None:
        from podium.algorithms._levels import groups
        from podium.algorithms._numbers import finite_numbers

        values, valid = finite_numbers(batch, self.column, field="algorithm.mean.column")
        for key, positions in groups(batch, self.levels):
            tallies[key].add(values[positions[valid[positions]]])

    def combine(self, tables: Sequence[Released], hidden: frozenset[Key] = frozenset()) -> Any:
        """A float, or a table of the levels, `mean` and `n`; None when nothing was released."""
        found = {key: {"mean": _mean(value["sum"], int(value["n"])), "n": int(value["n"])} for key, value in sums(tables, _exact).items()}
        if self.levels:
            return as_table(self.levels, found, tables=tables, hidden=hidden, names=self.shows)
        return found[()]["mean"] if () in found and () not in hidden else None

    @classmethod
    def sample(cls, *_: Any) -> Self:
        return cls(column="age", by="sex")


def _exact(parts: list[int | float]) -> int | float:
    return sum(parts) if all(isinstance(part, int) for part in parts) else math.fsum(parts)


def _mean(total: float, n: int) -> float | None:
    return total / n if n else None
