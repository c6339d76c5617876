"""From columns to the numbers a regression works on. Only a worker calls this: it needs Arrow and numpy.

A row counts if every column that the model reads has a value, and each categorical one a declared level; the others are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podium.algorithms._levels import level
from podium.contracts import Value
from podium.errors import TaskError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Floats = npt.NDArray[np.float64]
    Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """Some rows. `read` counts them all; the arrays have those that count: a column a term, the target, a column a level or class."""

    read: int
    terms: Floats
    target: Floats
    groups: Floats


@dataclass(frozen=True)
class Design:
    """How columns become terms: a number or a boolean is one, a categorical column one for each declared level after the first.

    With `positive` the target is 1.0 for that level and 0.0 for any other; without, it is a number.
    """

    target: str
    features: Sequence[str]
    levels: Mapping[str, Sequence[Value]]
    positive: Value = None

    def blocks(self, batches: Iterable[pa.RecordBatch]) -> Iterator[Block]:
        """Batch by batch. Raises TaskError for an infinite value."""
        import numpy as np

        for batch in batches:
            terms, groups, counts = terms_of(batch, self.features, self.levels)
            if self.positive is None:
                target = _numbers(batch, self.target)
                counts &= ~np.isnan(target)
            else:
                codes = _codes(batch, self.target, [self.positive], others=True)
                target = (codes == 0).astype(float)
                counts &= codes >= 0
                groups += [target, 1 - target]
            empty = np.empty((batch.num_rows, 0))
            yield Block(
                batch.num_rows, np.stack(terms, axis=1)[counts], target[counts], (np.stack(groups, axis=1) if groups else empty)[counts]
            )


def terms_of(
    batch: pa.RecordBatch, features: Sequence[str], levels: Mapping[str, Sequence[Value]]
) -> tuple[list[Floats], list[Floats], npt.NDArray[np.bool_]]:
    """Of all rows the terms, the levels (a column of 0 and 1 each), and which rows count. Raises TaskError for an infinite value."""
    import numpy as np

    terms: list[Floats] = []
    groups: list[Floats] = []
    counts = np.ones(batch.num_rows, dtype=bool)
    for name in features:
        if known := levels.get(name, _BOOLEAN if _is_boolean(batch, name) else ()):
            codes = _codes(batch, name, known)
            found = [(codes == code).astype(float) for code in range(len(known))]
            counts &= codes >= 0
            terms, groups = terms + found[1:], groups + found
        else:
            values = _numbers(batch, name)
            counts &= ~np.isnan(values)
            terms.append(values)
    return terms, groups, counts


class Groups:
    """How small a group of rows a cross-product could tell of.

    The sum of a term that is 0 or 1 is a count, and the product of two the count of their overlap. So every level, every class and every
    pair of them is counted; a pair that is empty tells of nobody.
    """

    def __init__(self) -> None:
        self._n = 0
        self._pairs: Floats | None = None

    def add(self, groups: Floats) -> None:
        """More rows, a column of 0 and 1 for each level or class."""
        pairs = groups.T @ groups
        self._n += len(groups)
        self._pairs = pairs if self._pairs is None else self._pairs + pairs

    @property
    def smallest(self) -> int:
        """Rows of the smallest group that is not empty; all rows where there are no groups."""
        found = [] if self._pairs is None else self._pairs[self._pairs > 0].tolist()
        return min([self._n, *map(int, found)])


_BOOLEAN = (False, True)


def _is_boolean(batch: pa.RecordBatch, name: str) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_boolean(batch.schema.field(name).type))


def _numbers(batch: pa.RecordBatch, name: str) -> Floats:
    """The column as float64, NaN where there is no value."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    column = batch.column(batch.schema.get_field_index(name))
    values: Floats = pc.fill_null(pc.cast(column, pa.float64(), safe=False), float("nan")).to_numpy(zero_copy_only=False)
    if bool(np.isinf(values).any()):
        remedy = "The custodian must correct it, or name it among `nulls`."
        raise TaskError(f"column {name!r} holds an infinite value.", field=f"algorithm.{name}", remedy=remedy, code="not_finite")
    return values


def _codes(batch: pa.RecordBatch, name: str, levels: Sequence[Value], *, others: bool = False) -> Codes:
    """Each row's place among `levels`; one past the last for a level that is not there if `others` count, else -1, as for a null."""
    import numpy as np

    encoded = batch.column(batch.schema.get_field_index(name)).dictionary_encode(null_encoding="encode")
    place = {_same(known): code for code, known in enumerate(levels)}
    found = [level(value.as_py()) for value in encoded.dictionary]
    codes = [-1 if value is None else place.get(_same(value), len(levels) if others else -1) for value in found]
    rows: Codes = np.array([*codes, -1], dtype=np.int64)[encoded.indices.to_numpy(zero_copy_only=False)]
    return rows


def _same(value: Value) -> tuple[bool, Value]:
    """So that True is not 1."""
    return isinstance(value, bool), value
