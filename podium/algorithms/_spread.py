"""What the algorithms that tell how numbers are spread share: a table of the bins, in all or a level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from podium.algorithms._binned import BIN, Edged
from podium.algorithms._grouped import KEPT_BACK, Grouped, Key, as_table, completed, sums
from podium.contracts import Released


class Spread(Edged, Grouped):
    """Counts between the edges; values outside them are in two open bins. A value that equals an edge is in the bin above it.

    Released counts are rounded at each pod. A bin that no pod has rows in is 0 only if no pod kept anything back, else it is shown as
    suppressed: what is missing may be among what was kept back.
    """

    shows: ClassVar[tuple[str, ...]] = (BIN, "lower", "upper", "count")

    def grouping(self) -> tuple[str, ...]:
        return self.levels

    def combine(self, tables: Sequence[Released], hidden: frozenset[Key] = frozenset()) -> Any:
        """A table of the levels, every `bin` with its `lower` and `upper` bound (missing: open), and `count`."""
        import pandas as pd

        counts = sums(tables, sum)
        self.known(counts)
        groups = {key[:-1] for key in (*counts, *hidden)} or ({()} if tables and not self.levels else set())
        every = [(*group, place) for group in groups for place in range(self.bins)]
        counts, hidden = completed(counts, every, tables=tables, hidden=hidden)
        table = as_table((*self.levels, BIN), counts, tables=tables, hidden=hidden, names=["count"])
        bounds = [(None, None) if place == KEPT_BACK else self.bounds(place) for place in table[BIN].tolist()]
        for place, name in enumerate(("lower", "upper"), start=len(self.levels) + 1):
            table.insert(place, name, pd.Series([bound[name == "upper"] for bound in bounds], dtype="Float64"))
        return table
