"""What the algorithms on declared bins share: the edges, and counting between them.

Bin 0 is open below the first edge; bin i holds edge i-1 and what lies between it and edge i; the last bin is open from the last edge on.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import field_validator

from podium.algorithms._adding import Adding
from podium.algorithms._checks import continuous
from podium.algorithms._tallies import Counts, Tallies
from podium.contracts import Card, Disclosure, Value
from podium.privacy.disclosure import Rules

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

BIN = "bin"
MAX_BINS: int = Rules().max_levels  # the two open ones included; a pod's own rule may allow fewer
LEAST, MOST = -(2**63), 2**63 - 1


class Edged(Adding):
    """Counts of numbers between edges that the analyst declares, so that no edge tells a least or a greatest value.

    Counts leave rounded, and a bin with too few rows is kept back as any cell is. Rows without a value are in no bin.
    """

    edges: tuple[float, ...]

    @field_validator("edges")
    @classmethod
    def _rising(cls, edges: tuple[float, ...]) -> tuple[float, ...]:
        if not 2 <= len(edges) < MAX_BINS:
            raise ValueError(f"takes 2 to {MAX_BINS - 1} edges: {MAX_BINS} bins at most, the two open ones included")
        if any(one >= other for one, other in itertools.pairwise(edges)):
            raise ValueError("takes numbers that rise, none of them twice")
        return tuple(edge + 0.0 for edge in edges)

    @property
    def bins(self) -> int:
        """How many, the two open ones included."""
        return len(self.edges) + 1

    def bounds(self, place: int) -> tuple[float | None, float | None]:
        """The bin's lower bound, which belongs to it, and its upper one, which does not; None where it is open."""
        return (self.edges[place - 1] if place else None), (self.edges[place] if place < len(self.edges) else None)

    def grouping(self) -> tuple[str, ...]:
        """The columns whose levels have bins of their own."""
        return ()

    def known(self, keys: Iterable[tuple[Value, ...]]) -> None:
        """Raise ValueError if a key does not end in one of the bins: a pod's word is not taken for it."""
        if not all(isinstance(key[-1], int) and 0 <= key[-1] < self.bins for key in keys):
            raise ValueError("a bin that was not asked for")

    def disclosure(self) -> Disclosure:
        return Disclosure(rounded=("count",))

    def empty(self) -> Tallies[Counts]:
        return Tallies((*self.grouping(), BIN), Counts)

    def count(self, batch: pa.RecordBatch, values: npt.NDArray[Any], valid: npt.NDArray[np.bool_], *, tallies: Tallies[Counts]) -> None:
        """Count the rows of each level and bin that has any; only `valid` ones have a value."""
        import numpy as np

        from podium.algorithms._levels import groups

        places = np.searchsorted(_edges(self.edges, values), values, side="right")
        for key, positions in groups(batch, self.grouping()):
            found = np.bincount(places[positions[valid[positions]]])
            for place in np.flatnonzero(found).tolist():
                tallies[*key, place].add(int(found[place]))


class Binned(Edged):
    """Counts of a continuous column. NaN counts as null."""

    column: str

    def suits(self, card: Card) -> None:
        continuous(card, self.column, field=f"algorithm.{self.kind}.column", what="bins")

    def add(self, batch: pa.RecordBatch, tallies: Tallies[Counts]) -> None:
        from podium.algorithms._numbers import numbers

        self.count(batch, *numbers(batch, self.column), tallies=tallies)


def _edges(edges: Sequence[float], values: npt.NDArray[Any]) -> npt.NDArray[np.float64 | np.int64]:
    """The edges in the type of the values: whole ones for integers, which a float cannot always hold."""
    import numpy as np

    if values.dtype.kind == "f":
        return np.asarray(edges, dtype=np.float64)
    whole = [max(math.ceil(edge), LEAST) for edge in edges]
    return np.asarray([edge for edge in whole if edge <= MOST], dtype=np.int64)
