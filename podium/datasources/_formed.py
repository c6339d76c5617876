"""From tables as libraries give them, pandas' or Arrow's, to the batches that `read` promises."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from podium.contracts import ColumnType
from podium.datasources import ARROW, BATCH_ROWS, Datasource
from podium.datasources._faults import unknown_column
from podium.datasources._picked import picked
from podium.errors import DataSourceError

if TYPE_CHECKING:
    import pyarrow as pa


def formed(
    source: Datasource, tables: Iterable[Any], columns: Sequence[str], datapoints: Collection[int] | None = None
) -> Iterator[pa.RecordBatch]:
    """Exactly `columns`, in that order, each in the one Arrow type of what `columns()` says it is; all rows, or those of `datapoints`.

    `tables`: pandas frames, Arrow tables or batches, which one after the other hold all rows; they may have other columns too. Raises
    DataSourceError for a column that the source does not have, and for one that does not hold what it is said to.
    """
    shape = dict(source.columns())
    for name in columns:
        if name not in shape:
            raise unknown_column(source.name, name, list(shape))
    wanted, start = None if datapoints is None else sorted(set(datapoints)), 0
    for table in tables:
        for place in range(0, len(table), BATCH_ROWS):
            piece = table.iloc[place : place + BATCH_ROWS] if hasattr(table, "iloc") else table.slice(place, BATCH_ROWS)
            batch = _batch(source, piece, {name: shape[name] for name in columns})
            yield batch if wanted is None else picked(batch, wanted, start)
            start += batch.num_rows


def _batch(source: Datasource, piece: Any, shape: dict[str, ColumnType]) -> pa.RecordBatch:
    import pyarrow as pa

    arrays = [pa.nulls(len(piece)), *(_array(source, piece, name, kind) for name, kind in shape.items())]  # the first knows how many rows
    return pa.RecordBatch.from_arrays(arrays, ["", *shape]).select(list(range(1, len(arrays))))


def _array(source: Datasource, piece: Any, name: str, kind: ColumnType) -> pa.Array:
    import pyarrow as pa

    try:
        found = pa.array(piece[name], from_pandas=True) if hasattr(piece, "iloc") else piece[name]
        found = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
        return found.cast(pa.type_for_alias(ARROW[kind]))
    except (pa.ArrowException, ValueError, TypeError, KeyError):  # whose texts may quote a cell
        remedy = f"Have columns() and what {type(source).__name__} reads agree: it is to be {ARROW[kind]}."
        message = f"column {name!r} of datasource {source.name!r} does not hold what columns() says: {kind}."
        raise DataSourceError(message, remedy=remedy, code="column_type") from None
