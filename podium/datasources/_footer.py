"""What Parquet files say of themselves: names, types and row groups, from their footers, without reading a row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from podium.contracts import ColumnType
from podium.datasources._engine import connect, listed
from podium.datasources._faults import check_names, explained, fault

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

GROUP_ROWS = 1_000_000
GROUP_BYTES = 128 << 20
SURE_DIGITS = 18  # every number of so many is below 2^63
_WIDER: dict[frozenset[ColumnType], ColumnType] = {
    frozenset({"integer", "number"}): "number",
    frozenset({"date", "timestamp"}): "timestamp",
}


class Footer(NamedTuple):
    """Of one file: its columns, their types in one text, those whose type has no values, and rows and bytes of each row group.

    `fits`: columns of whole numbers that may be larger than integers of ours, and are not by their type or the file's statistics.
    """

    names: tuple[str, ...]
    schema: str
    empty: frozenset[str]
    fits: frozenset[str]
    groups: tuple[tuple[int, int], ...]


def footer(path: Path) -> Footer:
    """Raises DataSourceError, also for names that DuckDB would change in silence."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.stat().st_size == 0:
        raise fault(path, "the file is empty.", remedy="Write it again.", code="empty_file")
    with path.open("rb") as file:
        if file.read(4) not in (b"PAR1", b"PARE"):
            raise fault(path, "this is no Parquet file.", remedy="Write it as Parquet, or set another `kind`.", code="parquet_footer")
    try:
        with pq.ParquetFile(path) as opened:
            schema, about = opened.schema_arrow, opened.metadata
            small, large = _whole(schema)
            fits = small | _fitting(about, large)
            groups = tuple((about.row_group(i).num_rows, about.row_group(i).total_byte_size) for i in range(about.num_row_groups))
    except (OSError, ValueError) as error:  # pyarrow's ArrowInvalid is a ValueError
        if isinstance(error, PermissionError):
            raise
        remedy = "Write it again: the copy may be cut short."
        raise fault(path, "this is no complete Parquet file (its footer is damaged).", remedy=remedy, code="parquet_footer") from None
    check_names(path, schema.names)
    empty = frozenset(field.name for field in schema if pa.types.is_null(field.type))
    return Footer(tuple(schema.names), schema.remove_metadata().to_string(show_field_metadata=False), empty, fits, groups)


def _whole(schema: pa.Schema) -> tuple[frozenset[str], frozenset[str]]:
    """Decimals without decimals and numbers without a sign: those that integers of ours always hold, and those that may be larger."""
    import pyarrow as pa

    digits = {field.name: field.type.precision for field in schema if pa.types.is_decimal(field.type) and field.type.scale == 0}
    small = frozenset(name for name, precision in digits.items() if precision <= SURE_DIGITS)
    return small, frozenset(digits) - small | {field.name for field in schema if field.type == pa.uint64()}


def _fitting(about: pq.FileMetaData, names: frozenset[str]) -> frozenset[str]:
    """Those of the columns whose every value is an integer of ours, by the statistics of every row group."""
    places = {about.schema.column(at).path: at for at in range(about.num_columns) if about.schema.column(at).path in names}
    told = {name: [about.row_group(group).column(at).statistics for group in range(about.num_row_groups)] for name, at in places.items()}
    return frozenset(name for name, every in told.items() if all(map(_within, every)))


def _within(said: pq.Statistics | None) -> bool:
    return said is not None and (said.min >= -(2**63) and said.max < 2**63 if said.has_min_max else said.num_values == 0)


def native_types(path: Path, names: tuple[str, ...]) -> dict[str, str]:
    """The columns with the types that DuckDB reads them in."""
    with explained(path):
        found = connect(path, columns=len(names)).sql(f"SELECT * FROM {parquet([path])} LIMIT 0")  # noqa: S608 the path is quoted
    return dict(zip(names, map(str, found.types), strict=True))


def parquet(paths: Sequence[Path], more: str = "hive_partitioning = false") -> str:
    """SQL of the table in these files."""
    return f"read_parquet({listed(paths)}, {more})"


def common(kinds: set[ColumnType]) -> ColumnType | None:
    """The type that values of all these types have; None where there is none."""
    if len(kinds) == 1:
        return next(iter(kinds))
    return "text" if "text" in kinds and "other" not in kinds and "binary" not in kinds else _WIDER.get(frozenset(kinds))


def grouped(groups: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
    """Row groups that make a part together, as its first row and the one after its last: about a million rows or 128 MB."""
    parts: list[tuple[int, int]] = []
    start = at = size = 0
    for rows, length in groups:
        if at > start and (at - start + rows > GROUP_ROWS or size + length > GROUP_BYTES):
            parts.append((start, at))
            start, size = at, 0
        at, size = at + rows, size + length
    return [*parts, (start, at)]
