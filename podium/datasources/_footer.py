"""The layout of a Parquet file, from its footer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from podium.datasources._faults import check_names, fault
from podium.datasources._tables import Layout, literal

if TYPE_CHECKING:
    import duckdb


def footer_layout(engine: duckdb.DuckDBPyConnection, path: Path) -> Layout:
    """Names as the file has them (DuckDB renames duplicates in silence), types as DuckDB reads them."""
    import pyarrow.parquet as pq

    if path.stat().st_size == 0:
        raise fault(path, "the file is empty.", remedy="Write it again.", code="empty_file")
    try:
        names = pq.read_schema(path).names
    except (OSError, ValueError) as error:  # pyarrow's ArrowInvalid is a ValueError
        if isinstance(error, PermissionError):
            raise
        remedy = "Write it again: the copy may be cut short."
        raise fault(path, "this is no complete Parquet file (its footer is damaged).", remedy=remedy, code="parquet_footer") from None
    check_names(path, names)
    relation = f"read_parquet({literal(str(path))}, hive_partitioning = false)"
    found = engine.sql(f"SELECT * FROM {relation} LIMIT 0")  # noqa: S608 the path is quoted
    return Layout(relation=relation, types=dict(zip(names, map(str, found.types), strict=True)))
