"""What is computed. One kind a file; `podium.algorithms.Mean` finds the class in `mean.py` when it is asked for.

`local` runs in a worker, on one pod's rows; `combine` runs at the analyst, where neither Arrow nor DuckDB is installed.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from podium.contracts import Card, Disclosure, Partial, Released
from podium.plugin import Plugin, lazy_kinds

if TYPE_CHECKING:
    import pyarrow as pa


class Algorithm(Plugin):
    """The arithmetic on one pod's rows and over all pods' answers. `sample()` answers on the rows of `podium.testing.sample_rows()`."""

    package: ClassVar[str] = "podium.algorithms"

    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The columns it reads, each once. A worker gives it these and no others."""

    @abstractmethod
    def disclosure(self) -> Disclosure:
        """What each value of a cell reveals; a value not named here never leaves the gate."""

    @abstractmethod
    def check(self, card: Card) -> None:
        """Raise ConfigError, with the field and a remedy, if the card shows that this cannot be answered there."""

    @abstractmethod
    def local(self, batches: Iterable[pa.RecordBatch]) -> Partial:
        """One pod's share. The same rows in other batches or another order give the same figures within the stated error."""

    @abstractmethod
    def combine(self, tables: Sequence[Released], hidden: frozenset[tuple[Any, ...]] = frozenset()) -> Any:
        """What the analyst sees: a number, or with `by` a DataFrame.

        `hidden` are levels to show as suppressed: their figures are missing, never 0.
        """


__getattr__ = lazy_kinds(__name__)
