"""The blocks of one part after another. Files are read on, into the next part too, while figures are taken of what was read."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING

from podium.contracts import Part
from podium.datasources import Datasource
from podium.datasources._ahead import ahead
from podium.datasources._tables import Table
from podium.workers.profile.rows import Asked, blocks, grouped

if TYPE_CHECKING:
    import pyarrow as pa

    Block = tuple[int, Sequence[Asked], pa.RecordBatch]


class Reader:
    """`unknown`: the parts that will surely be read, in order. What is asked is the same of each, so it may be read before its turn."""

    def __init__(self, source: Datasource, asked: Sequence[Asked], unknown: Sequence[Part]) -> None:
        self._source, self._asked, self._unknown = source, asked, list(unknown)
        self._due: list[Part] = []
        self._coming: Generator[Block | None] = _none()

    def blocks(self, part: Part) -> Iterator[Block]:
        """Blocks of a part, each with the number of its first column and what is asked of its columns. Raises DataSourceError."""
        if self._due[:1] != [part]:
            self.close()
            self._due = [part, *(one for one in self._unknown if one != part)]
            self._coming = self._each(list(self._due))
            if isinstance(self._source, Table):
                self._coming = ahead(self._coming, most=1)
        self._due = self._due[1:]
        self._unknown = [one for one in self._unknown if one != part]
        for block in self._coming:
            if block is None:
                return
            yield block

    def close(self) -> None:
        """Read no further."""
        self._coming.close()
        self._due = []

    def _each(self, parts: Sequence[Part]) -> Generator[Block | None]:
        """None ends a part."""
        for part in parts:
            start = 0
            for group in grouped(self._asked):
                for table in blocks(self._source, part, group):
                    yield start, group, table
                start += len(group)
            yield None


def _none() -> Generator[None]:
    yield from ()
