"""What is computed. One kind a file; `podium.algorithms.Mean` finds the class in `mean.py` when it is asked for.

`local` runs in a worker, on one pod's rows; `combine` runs at the analyst, where neither Arrow nor DuckDB is installed.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from podium.contracts import Card, Disclosure, Partial, Released
from podium.errors import ConfigError
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


class Additive(Algorithm):
    """An algorithm whose states add: what was made of parts of the rows, merged in any order, is what all the rows together give.

    A state is JSON: whole numbers are Python ints of any size, and nothing is rounded before `merged` has all of them. So `local` of
    all rows and `merged` of the states of any parts of them are equal, bit for bit. States are kept for as long as their parts do not
    change: `v`, a whole number, is the version of their form. Most kinds have all this from `podium.algorithms._adding`.
    """

    @abstractmethod
    def state(self, batches: Iterable[pa.RecordBatch]) -> dict[str, Any]:
        """What these rows come to: `v`, `rows` (how many passed the filter) and figures; of a size that depends on the levels alone."""

    @abstractmethod
    def merged(self, states: Iterable[dict[str, Any]]) -> Partial:
        """The share of all the rows behind the states, which stay as they are; of none: that of no rows.

        They come back from a worker and a database. Raises TaskError: `state_version` where `v` is that of other code, and the part is
        to be read again; `bad_state` for what no `state` gives.
        """

    def local(self, batches: Iterable[pa.RecordBatch]) -> Partial:
        return self.merged([self.state(batches)])


class Scoring(Additive):
    """An additive algorithm that has a result for each datapoint too. It stays at the pod: its custodian may read it, nobody else.

    What leaves is made of the scores as any state is. They are worked out once, for the state and for the pod.
    """

    @abstractmethod
    def scores(self, batch: pa.RecordBatch) -> pa.Array:
        """The score of each row: float64 and finite, or null where it has none. It depends on the row alone.

        A row that the filter leaves out has none.
        """

    @abstractmethod
    def tallied(self, scored: Iterable[tuple[pa.RecordBatch, pa.Array]]) -> dict[str, Any]:
        """The state of rows whose `scores` are beside them."""

    def state(self, batches: Iterable[pa.RecordBatch]) -> dict[str, Any]:
        return self.tallied((batch, self.scores(batch)) for batch in batches)


class Iterative(Algorithm):
    """An algorithm of several rounds, each at parameters that follow from what all pods released before.

    The parameters are its field `at`: `local` and `disclosure` answer for the round that they stand for, without them for the first.
    """

    at: Any = None

    @abstractmethod
    def rounds(self) -> Generator[Self, Sequence[Released], Any]:
        """The analyst's side, without I/O: yields itself at the next round's parameters, is sent every pod's table, returns the result.

        The first is `self`. A table that was kept back whole ends it; so does an empty sequence. The tables of a round may be fewer than
        those before. It gives the same for the same tables, for it is run again from the start whenever an answer is read.
        """

    def cut_short(self, rounds: int) -> Any:
        """The result when that many rounds were made and no more may be."""
        return None

    def check(self, card: Card) -> None:
        """Raise ConfigError for a question that begins in the middle: only the protocol sets `at`."""
        if self.at is not None:
            raise ConfigError("is set by the protocol alone.", field=f"algorithm.{self.kind}.at", remedy="Leave it out.", code="bad_task")

    def combine(self, tables: Sequence[Released], hidden: frozenset[tuple[Any, ...]] = frozenset()) -> Any:
        """One round's tables make no answer."""
        raise TypeError(f"{self.kind} is answered in rounds")


__getattr__ = lazy_kinds(__name__)
