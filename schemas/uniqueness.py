"""Uniqueness over batches: a batch cannot see what the one before it held, so two 64-bit hashes of every row are kept until the end."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import polars as pl
from pandera.polars import DataFrameSchema

_SEEDS = (1, 2)


class Uniqueness:
    """The unique rules of a contract. The hashes live in this process only: another version of polars would give others."""

    def __init__(self, rules: Sequence[tuple[str, ...]]) -> None:
        self._hashes: dict[tuple[str, ...], list[Any]] = {rule: [] for rule in rules}

    @classmethod
    def of(cls, contract: DataFrameSchema) -> Self:
        """The rules that the contract states for columns together and for columns alone."""
        together = [(contract.unique,) if isinstance(contract.unique, str) else tuple(contract.unique)] if contract.unique else []
        alone = [(str(name),) for name, column in contract.columns.items() if column.unique]
        return cls(list(dict.fromkeys([*together, *alone])))

    def taken_out(self, contract: DataFrameSchema) -> DataFrameSchema:
        """The contract without them, for one batch."""
        columns = {name: _plain(column) for name, column in contract.columns.items()}
        return DataFrameSchema(columns, checks=contract.checks, strict=contract.strict)  # type: ignore[arg-type]  # pandera's own value

    def add(self, frame: pl.DataFrame) -> None:
        """Take a batch's rows into account; a column that is missing is another rule's failure."""
        for rule, hashes in self._hashes.items():
            if set(rule) <= set(frame.columns):
                row = frame.select(pl.struct(rule))
                hashes.append(np.stack([row.to_series().hash(seed).to_numpy() for seed in _SEEDS], axis=1))

    def failures(self) -> Counter[str]:
        """For each broken rule the number of rows that repeat another."""
        found = Counter[str]()
        for rule, hashes in self._hashes.items():
            if not hashes:
                continue
            values = np.concatenate(hashes)
            order = np.lexsort((values[:, 1], values[:, 0]))
            repeated = int((values[order][1:] == values[order][:-1]).all(axis=1).sum())
            if repeated:
                found[f"unique: {', '.join(rule)}"] = repeated
        return found


def _plain(column: Any) -> Any:
    twin = copy.copy(column)
    twin.unique = False
    return twin
