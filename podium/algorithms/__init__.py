"""What is computed. One kind a file; `podium.algorithms.Mean` finds the class in `mean.py` when it is asked for.

`local` runs in a worker, on one pod's rows; `combine` runs at the analyst, where neither Arrow nor DuckDB is installed.
"""

from __future__ import annotations

import importlib
import re
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from podium.contracts import Card, Disclosure, Partial, Released
from podium.plugin import Plugin

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


def __getattr__(name: str) -> Any:
    module = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    if name[:1].isupper():
        try:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{module}":
                raise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
