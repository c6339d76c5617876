"""The mean of a continuous column, in all or a level."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from podium.algorithms._grouped import Grouped, Key, as_table, card_column, sums
from podium.contracts import Card, Cell, Disclosure, Partial, Released
from podium.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa


class Mean(Grouped):
    """Sum over n of the rows that have a value (NaN counts as null). Sum and n leave unrounded once the minimum sizes hold.

    Integers are summed exactly. The sum S of floats is within u·|S| + 2u²·Σ|x| of the true one (u = 2⁻⁵³), whatever the order of rows
    and their batches: in practice the correctly rounded sum.
    """

    kind: ClassVar[str] = "mean"

    column: str

    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.column, *self.levels)))

    def disclosure(self) -> Disclosure:
        return Disclosure(exact=("n", "sum"))

    def check(self, card: Card) -> None:
        """A column of two codes would have its smaller count told by its exact sum; so only continuous columns have a mean."""
        super().check(card)
        column = card_column(card, self.column, field="algorithm.mean.column")
        if column.type not in ("integer", "number"):
            raise ConfigError(
                f"column {self.column!r} of {card.datasource!r} holds {column.type} values, which have no mean.",
                field="algorithm.mean.column",
                remedy=_numeric(card),
                code="not_numeric",
            )
        if column.semantic != "continuous":
            raise ConfigError(
                f"column {self.column!r} of {card.datasource!r} is {column.semantic}: its numbers are codes, not amounts.",
                field="algorithm.mean.column",
                remedy="Count its levels (count, by), or ask the custodian to set force_types to continuous.",
                code="not_continuous",
            )

    def local(self, batches: Iterable[pa.RecordBatch]) -> Partial:
        from podium.algorithms._levels import groups
        from podium.algorithms._sums import Total, valid_numbers

        rows = 0
        totals: dict[Key, Total] = {} if self.levels else {(): Total()}
        for batch in batches:
            rows += batch.num_rows
            values, valid = valid_numbers(batch, self.column)
            for key, positions in groups(batch, self.levels):
                totals.setdefault(key, Total()).add(values[positions[valid[positions]]])
        cells = tuple(Cell(key=key, n=total.n, values={"n": total.n, "sum": total.sum}) for key, total in totals.items())
        return Partial(by=self.levels, rows=rows, cells=cells)

    def combine(self, tables: Sequence[Released], hidden: frozenset[Key] = frozenset()) -> Any:
        """A float, or a table of the levels, `mean` and `n`; None when nothing was released."""
        found = {key: {"mean": _mean(value["sum"], int(value["n"])), "n": int(value["n"])} for key, value in sums(tables, _exact).items()}
        if self.levels:
            return as_table(self.levels, found, tables=tables, hidden=hidden, names=["mean", "n"])
        return found[()]["mean"] if () in found and () not in hidden else None

    @classmethod
    def sample(cls, *_: Any) -> Self:
        return cls(column="age", by="sex")


def _exact(parts: list[int | float]) -> int | float:
    return sum(parts) if all(isinstance(part, int) for part in parts) else math.fsum(parts)


def _mean(total: float, n: int) -> float | None:
    return total / n if n else None


def _numeric(card: Card) -> str:
    known = [column.name for column in card.columns if column.semantic == "continuous" and column.type in ("integer", "number")]
    return f"Continuous columns: {', '.join(known)}." if known else "This datasource has no continuous column."
