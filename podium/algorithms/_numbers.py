"""A column of a batch as numbers, and which of them count. Only a worker calls this: it needs Arrow and numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podium.errors import TaskError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa


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
