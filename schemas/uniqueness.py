"""Uniqueness over batches: a batch cannot see what the one before it held, so a 128-bit hash of every row is kept until the end.

The hashes of a million rows stay in memory. More go to a file that has no name, in parts by the hash's first byte, so that equal rows
lie in the same part, and one part at a time is counted: 64 MiB of it for 10⁹ rows.
"""

from __future__ import annotations

import secrets
import tempfile
from collections import Counter
from collections.abc import Sequence
from typing import IO, Any

import numpy as np
import polars as pl
from pandera.polars import DataFrameSchema

ROWS = 1 << 20
PARTS = 256
_SEEDS = {name: secrets.randbits(64) for name in ("first", "second")}  # the hashes are for this process only, and tell nobody else anything
_PAIR = np.dtype([(name, np.uint64) for name in _SEEDS])


def unique_rules(contract: DataFrameSchema) -> list[tuple[str, ...]]:
    """The rules that the contract states for columns together and for columns alone."""
    together = contract.unique or []
    listed = [together] if all(isinstance(one, str) for one in together) else together
    alone = [(str(name),) for name, column in contract.columns.items() if column.unique]
    return list(dict.fromkeys([*(tuple(rule) for rule in listed if rule), *alone]))


class Uniqueness:
    """The unique rules of a contract, for columns alone and together.

    As in pandera a missing value is equal to a missing one, NaN to NaN and 0.0 to -0.0; so a column that may be missing in several
    rows is not unique.
    """

    def __init__(self, rules: Sequence[tuple[str, ...]], *, rows: int = ROWS) -> None:
        self._rules = {rule: _Distinct(rows // max(1, len(rules))) for rule in rules}

    def add(self, frame: pl.DataFrame) -> None:
        """Take a batch's rows into account; a column that is missing is another rule's failure."""
        for rule, distinct in self._rules.items():
            if set(rule) <= set(frame.columns):
                distinct.add(pl.DataFrame({str(number): frame[name] for number, name in enumerate(rule)}))

    def failures(self) -> Counter[str]:
        """For each broken rule the number of rows that repeat another. Nothing can be added afterwards."""
        found = {f"unique: {', '.join(rule)}": distinct.repeats() for rule, distinct in self._rules.items()}
        return Counter({rule: repeats for rule, repeats in found.items() if repeats})


class _Distinct:
    """Counts rows that repeat another, by their hashes."""

    def __init__(self, most: int) -> None:
        self._most, self._rows = most, 0
        self._held: list[pl.DataFrame] = []
        self._holding = 0
        self._file: IO[bytes] | None = None
        self._runs: list[list[int]] = []  # for each run in the file where its parts begin, and its end

    def add(self, frame: pl.DataFrame) -> None:
        self._held.append(pl.DataFrame({name: frame.hash_rows(seed) for name, seed in _SEEDS.items()}))
        self._rows += frame.height
        self._holding += frame.height
        if self._holding > self._most:
            self._spill()

    def repeats(self) -> int:
        if self._file is None:
            return self._rows - _once(pl.concat(self._held)).height if self._held else 0
        if self._held:
            self._spill()
        with self._file:
            return self._rows - sum(_once(self._part(number)).height for number in range(PARTS))

    def _spill(self) -> None:
        """A column of few values would fill one part, so each run holds a row once."""
        run = _once(pl.concat(self._held))
        part = (run["first"].to_numpy() >> np.uint64(56)).astype(np.uint8)
        pairs = np.empty(run.height, _PAIR)
        order = np.argsort(part, kind="stable")
        for name in _SEEDS:
            pairs[name] = run[name].to_numpy()[order]
        self._file = self._file or tempfile.TemporaryFile()  # noqa: SIM115 it lives as long as the rule
        self._file.seek(0, 2)
        begins = self._file.tell() + _PAIR.itemsize * np.concatenate([[0], np.cumsum(np.bincount(part, minlength=PARTS))])
        self._file.write(pairs.data)
        self._runs.append(begins.tolist())
        self._held, self._holding = [], 0

    def _part(self, number: int) -> pl.DataFrame:
        assert self._file is not None
        pieces = []
        for run in self._runs:
            begin, end = run[number], run[number + 1]
            self._file.seek(begin)
            pieces.append(self._file.read(end - begin))
        pairs: Any = np.frombuffer(b"".join(pieces), _PAIR)
        return pl.DataFrame({name: pairs[name] for name in _SEEDS})


def _once(pairs: pl.DataFrame) -> pl.DataFrame:
    """Each pair once. Sorting one column is cheap, and where nothing is there twice it is all."""
    ordered = pairs["first"].sort()
    twice = ordered.filter(ordered == ordered.shift()).unique()
    if twice.is_empty():
        return pairs
    doubtful = pl.col("first").is_in(twice.implode())
    return pl.concat([pairs.filter(~doubtful), pairs.filter(doubtful).unique()])
