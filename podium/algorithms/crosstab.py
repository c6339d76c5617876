"""Two categorical columns against each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import ConfigDict, Field, model_validator

from podium.algorithms._adding import Adding
from podium.algorithms._checks import grouping
from podium.algorithms._grouped import Key, as_table, completed, sums, unclashing
from podium.algorithms._tallies import Counts, Tallies
from podium.contracts import Card, Disclosure, Released

if TYPE_CHECKING:
    import pyarrow as pa


class Crosstab(Adding):
    """The number of rows for each pair of levels: `Crosstab(rows="sex", columns="smoker")`.

    Released counts are rounded at each pod. There are no margins: an exact one would tell the only cell kept back in its row. A pair of
    known levels that no pod has is 0 only if no pod kept anything back, else it is shown as suppressed.
    """

    model_config = ConfigDict(validate_by_name=False, validate_by_alias=True, serialize_by_alias=True)
    kind: ClassVar[str] = "crosstab"

    rows: str
    across: str = Field(alias="columns")  # `columns()` is what it reads

    @model_validator(mode="after")
    def _two(self) -> Self:
        if self.rows == self.across:
            raise ValueError("rows and columns name the same column")
        unclashing((self.rows, self.across), ("count",))
        return self

    def reads(self) -> tuple[str, ...]:
        return (self.rows, self.across)

    def disclosure(self) -> Disclosure:
        return Disclosure(rounded=("count",))

    def suits(self, card: Card) -> None:
        grouping(card, self.rows, field="algorithm.crosstab.rows")
        grouping(card, self.across, field="algorithm.crosstab.columns")

    def empty(self) -> Tallies[Counts]:
        return Tallies(self.reads(), Counts)

    def add(self, batch: pa.RecordBatch, tallies: Tallies[Counts]) -> None:
        from podium.algorithms._levels import groups

        for key, positions in groups(batch, self.reads()):
            tallies[key].add(len(positions))

    def combine(self, tables: Sequence[Released], hidden: frozenset[Key] = frozenset()) -> Any:
        """A table with one row for each pair of the levels that are known, and `count`."""
        counts = sums(tables, sum)
        seen = {*counts, *hidden}
        every = [(row, column) for row in {key[0] for key in seen} for column in {key[1] for key in seen}]
        counts, hidden = completed(counts, every, tables=tables, hidden=hidden)
        return as_table(self.reads(), counts, tables=tables, hidden=hidden, names=["count"])

    @classmethod
    def sample(cls, *_: Any) -> Self:
        return cls(rows="sex", columns="smoker")
