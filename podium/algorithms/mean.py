"""The mean of a continuous column, in all or a level."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from podium.algorithms._checks import continuous
from podium.algorithms._grouped import Grouped, Key, as_table, sums
from podium.contracts import Card, Cell, Disclosure, Partial, Released

if TYPE_CHECKING:
    import pyarrow as pa


class Mean(Grouped):
    """Sum over n of the rows that have a value (NaN counts as null). Sum and n leave unrounded once the minimum sizes hold.

    Integers are summed exactly. The sum S of floats is within u·|S| + 2u²·Σ|x| of the true one (u = 2⁻⁵³), whatever the order of rows
    and their batches: in practice the correctly rounded sum.
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

    def share(self, batches: Iterable[pa.RecordBatch]) -> Partial:
        from podium.algorithms._levels import groups
        from podium.algorithms._sums import Total, finite_numbers

        rows = 0
        totals: dict[Key, Total] = {} if self.levels else {(): Total()}
        for batch in batches:
            rows += batch.num_rows
            values, valid = finite_numbers(batch, self.column, field="algorithm.mean.column")
            for key, positions in groups(batch, self.levels):
                totals.setdefault(key, Total()).add(values[positions[valid[positions]]])
        cells = tuple(Cell(key=key, n=total.n, values={"n": total.n, "sum": total.sum}) for key, total in totals.items())
        return Partial(by=self.levels, rows=rows, cells=cells)

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
