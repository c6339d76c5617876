"""How a continuous column is spread over declared bins, in all or a level."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from podium.algorithms._binned import Binned
from podium.algorithms._spread import Spread
from podium.contracts import Card


class Histogram(Binned, Spread):
    """Counts of a continuous column between declared edges: see `_spread`."""

    kind: ClassVar[str] = "histogram"

    def reads(self) -> tuple[str, ...]:
        return (self.column, *self.levels)

    def suits(self, card: Card) -> None:
        Binned.suits(self, card)
        Spread.suits(self, card)

    @classmethod
    def sample(cls, *_: Any) -> Self:
        return cls(column="age", edges=(40, 60, 80), by="sex")
