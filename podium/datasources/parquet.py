"""Parquet files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar, Self

from podium.datasources._parquet import ParquetTable


class Parquet(ParquetTable):
    """`kind: parquet`. Nested columns are read as text of type `other`; decimals as numbers; times with a zone in UTC.

    Folders called `NAME=VALUE` below `path` are columns.
    """

    kind: ClassVar[str] = "parquet"
    suffixes: ClassVar[tuple[str, ...]] = (".parquet", ".pq")

    @classmethod
    def sample(cls, *args: Path) -> Self:
        import pyarrow as pa
        import pyarrow.parquet as pq

        (folder,) = args
        path = folder / "sample.parquet"
        table = pa.table(
            {"id": [1, 2, 3, 4], "age": [34.0, None, 51.0, 34.0], "sex": ["f", "m", "f", None], "flag": [True, None, False, True]}
        )
        pq.write_table(table, path)
        os.utime(path, (1_700_000_000, 1_700_000_000))
        return cls(name="sample", path=path, key=("id",))
