"""Which rows of a batch break a contract, and which rule each: the others can be used without them.

pandera judges, as it does for a report. What is not about single rows (a type, a column missing or too many, uniqueness) is fatal:
no row can be left out to mend it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from pandera.polars import DataFrameSchema

from schemas.judging import Judge, bundled, frame_of
from schemas.uniqueness import Uniqueness, unique_rules

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    Verdicts = npt.NDArray[np.uint16]

NAMED = 254  # so many rules are told apart row by row, so that a verdict fits a byte
OTHERS = "another rule"


class Sifter:
    """One contract held against batch after batch.

    `rules`: those that rows have broken so far, named as in a report. `failures`: for each the rows that break it; a row may break
    several. `fatal`: what is not about single rows.
    """

    def __init__(self, contract: DataFrameSchema, *, unique: bool = True) -> None:
        self.rules: list[str] = []
        self.failures = Counter[str]()
        self.fatal = Counter[str]()
        self._judge = Judge(contract)
        self._unique = Uniqueness(unique_rules(contract) if unique else ())
        self._numbers: dict[str, int] = {}

    def add(self, batch: pa.RecordBatch) -> Verdicts:
        """For each row 0 where it is good, else 1 + the place in `rules` of the first rule of the contract that it breaks.

        Costs milliseconds a column whatever the number of rows: give it many, or use `sift`. Raises WorkerError where pandera
        fails, which is no verdict.
        """
        return self._judged(frame_of([batch]))

    def sift(self, batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[pa.RecordBatch, Verdicts]]:
        """Each batch with its verdicts. Batches are judged together, up to the bounds of `judging.bundled`: so much is held."""
        for held in bundled(batches):
            verdicts, begin = self._judged(frame_of(held)), 0
            for batch in held:
                yield batch, verdicts[begin : begin + batch.num_rows]
                begin += batch.num_rows

    def finish(self) -> None:
        """Judge uniqueness, over all rows that were added. Nothing can be added afterwards."""
        self.fatal += self._unique.failures()

    def _judged(self, frame: pl.DataFrame) -> Verdicts:
        verdicts = np.zeros(frame.height, np.uint16)
        for rule, kept in self._judge.broken(frame):
            if kept is None:
                self.fatal[rule] = 1
                continue
            bad = ~kept.to_numpy()
            self.failures[rule] += int(bad.sum())
            verdicts[bad & (verdicts == 0)] = self._number(rule)
        self._unique.add(frame)
        return verdicts

    def _number(self, rule: str) -> int:
        if rule not in self._numbers:
            name = rule if len(self._numbers) < NAMED else OTHERS
            if name not in self.rules:
                self.rules.append(name)
            self._numbers[rule] = self.rules.index(name) + 1
        return self._numbers[rule]
