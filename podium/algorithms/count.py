"""How many rows, in all or a level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from podium.algorithms._adding import Adding
from podium.algorithms._grouped import Grouped, Key, as_table, sums
from podium.algorithms._tallies import Counts, Tallies
from podium.contracts import Disclosure, Released

if TYPE_CHECKING:
    import pyarrow as pa


class Count(Grouped, Adding):
    """The number of rows. Released counts are rounded at each pod, so a combined count is a sum of rounded ones."""

    kind: ClassVar[str] = "count"
    shows: ClassVar[tuple[str, ...]] = ("count",)

    def reads(self) -> tuple[str, ...]:
        return self.levels

    def disclosure(self) -> Disclosure:
        return Disclosure(rounded=("count",))

    def empty(self) -> Tallies[Counts]:
        return Tallies(self.levels, Counts)

    def add(self, batch: pa.RecordBatch, tallies: Tallies[Counts]) -> None:
        from podium.algorithms._levels import groups

        for key, positions in groups(batch, self.levels):
            tallies[key].add(len(positions))

    def combine(self, tables: Sequence[Released], hidden: frozenset[Key] = frozenset()) -> Any:
        """An int, or a table of the levels and `count`; None when nothing was released."""
        counts = sums(tables, sum)
        if self.levels:
            return as_table(self.levels, counts, tables=tables, hidden=hidden, names=self.shows)
        return int(counts[()]["count"]) if () in counts and () not in hidden else None

    @classmethod
    def sample(cls, *_: Any) -> Self:
        return cls(by="sex")
