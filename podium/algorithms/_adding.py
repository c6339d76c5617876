"""What the algorithms whose states add share: a kind says what one batch adds, and the rest follows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from podium.algorithms import Additive
from podium.algorithms._filtered import Filtered
from podium.algorithms._tallies import Tallies
from podium.contracts import Partial

if TYPE_CHECKING:
    import pyarrow as pa


class Adding(Additive, Filtered):
    """An additive algorithm over rows: a tally for each level. The filter and the number of rows are seen to here."""

    @abstractmethod
    def empty(self) -> Tallies[Any]:
        """The tallies of no rows."""

    @abstractmethod
    def add(self, batch: pa.RecordBatch, tallies: Any) -> None:
        """Add a batch of rows that passed the filter to what `empty` gave."""

    def state(self, batches: Iterable[pa.RecordBatch]) -> dict[str, Any]:
        return self._state(self.filter.keep(batches))

    def merged(self, states: Iterable[dict[str, Any]]) -> Partial:
        tallies = self.empty()
        for state in states:
            tallies.absorb(state)
        return tallies.partial()

    def share(self, batches: Iterable[pa.RecordBatch]) -> Partial:
        return self.merged([self._state(batches)])

    def _state(self, batches: Iterable[pa.RecordBatch]) -> dict[str, Any]:
        tallies = self.empty()
        for batch in batches:
            tallies.rows += batch.num_rows
            self.add(batch, tallies)
        return tallies.state()
