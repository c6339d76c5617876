"""Sums that do not depend on order: integers exactly, floats by Shewchuk's method with the rest of each batch carried along."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from podium.errors import TaskError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa


class Total:
    """A growing sum and its n."""

    def __init__(self) -> None:
        self.n = 0
        self._whole = 0
        self._parts: list[float] = []

    def add(self, values: npt.NDArray[Any]) -> None:
        """Add finite values, all int64 or all float64."""
        self.n += len(values)
        if values.dtype.kind == "i":
            # Halves: a batch of fewer than 2**31 rows cannot overflow either sum.
            self._whole += (int((values >> 32).sum()) << 32) + int((values & 0xFFFF_FFFF).sum())
        else:
            self._parts += _split(values.tolist())
            if len(self._parts) > 10_000:
                self._parts = _split(self._parts)

    @property
    def sum(self) -> int | float:
        """The sum so far: an int if every value was one."""
        return _split(self._parts)[0] if self._parts else self._whole


def numbers(batch: pa.RecordBatch, name: str) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """The column's values, all int64 or all float64, and which of them count: neither null nor NaN."""
    import numpy as np
    import pyarrow as pa

    column = batch.column(batch.schema.get_field_index(name))
    valid = ~column.is_null().to_numpy(zero_copy_only=False)
    if pa.types.is_integer(column.type):
        return column.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64, copy=False), valid
    values = column.fill_null(0.0).to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
    return values, valid & ~np.isnan(values)


def finite_numbers(batch: pa.RecordBatch, name: str, *, field: str) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """As `numbers`. Raises TaskError for an infinite one."""
    import numpy as np

    values, valid = numbers(batch, name)
    if values.dtype.kind == "f" and bool(np.isinf(values[valid]).any()):
        remedy = "The custodian must correct it, or name it among `nulls`."
        raise TaskError(f"column {name!r} holds an infinite value.", field=field, remedy=remedy, code="not_finite")
    return values, valid


def _split(numbers: list[float]) -> list[float]:
    """The correctly rounded sum, and what rounding left out."""
    try:
        total = math.fsum(numbers)
        return [total, math.fsum([*numbers, -total])]
    except OverflowError:
        raise TaskError("a sum is too large for a number of 64 bits.", remedy="Scale the column.", code="overflow") from None
