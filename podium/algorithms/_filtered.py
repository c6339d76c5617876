"""What every algorithm on rows shares: `where`.

A kind says what it reads, whom it suits and what it makes of rows; the filter is applied here, so that no kind can forget it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import field_validator

from podium.algorithms import Algorithm
from podium.contracts import Card, Partial
from podium.filters import Filter, parse

if TYPE_CHECKING:
    import pyarrow as pa


class Filtered(Algorithm):
    """An algorithm over the rows for which `where` is true (see `podium.filters` for the language); over all rows without one.

    The minimum sizes hold for the rows that are left. They do not hold for the difference of two filters: see there.
    """

    where: str = ""

    @field_validator("where")
    @classmethod
    def _readable(cls, where: str) -> str:
        parse(where, field=_field(cls.kind))
        return where

    @property
    def filter(self) -> Filter:
        """`where`, read."""
        return parse(self.where, field=_field(self.kind))

    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.reads(), *self.filter.columns())))

    def check(self, card: Card) -> None:
        self.suits(card)
        self.filter.check(card)

    def local(self, batches: Iterable[pa.RecordBatch]) -> Partial:
        return self.share(self.filter.keep(batches))

    @abstractmethod
    def reads(self) -> tuple[str, ...]:
        """The columns of its own arithmetic; one may stand twice."""

    @abstractmethod
    def suits(self, card: Card) -> None:
        """`check` of its own columns: raise ConfigError, with the field and a remedy."""

    @abstractmethod
    def share(self, batches: Iterable[pa.RecordBatch]) -> Partial:
        """`local` on rows that passed the filter. `Partial.rows` counts these and no others."""


def _field(kind: str) -> str:
    return f"algorithm.{kind}.where"
