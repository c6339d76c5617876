"""Dates and times that Arrow read as texts: what DuckDB takes them for.

Where they are all written `2024-01-05 10:11:12`, with or without a fraction, Arrow tells them as DuckDB does; of all else it takes more.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

from podium.datasources._engine import connect, literal

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

SHORTEST, LONGEST = len("2024-01-05 10:11:12"), len("2024-01-05 10:11:12.123456")
COLONS = 13, 16


def told(column: pa.Array, native: str, written: str) -> pa.Array:
    """A column of DuckDB's type DATE or TIMESTAMP. `written`: its format; empty: the standard's. Raises DuckDB's errors."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if native == "TIMESTAMP" and not written and _plain(column):
        return pc.cast(column, pa.timestamp("us"))
    # `epoch` is a word for a time to one of the engine's functions, and not to its reader
    sure = "CASE WHEN value ILIKE '%epoch%' THEN '?' ELSE value END"
    read = f"strptime({sure}, {literal(written)})" if written else sure
    with _engine(os.getpid()).cursor() as engine:
        engine.register("texts", pa.Table.from_arrays([column], ["value"]))
        found = engine.sql(f"SELECT CAST({read} AS {native}) AS value FROM texts").to_arrow_table()["value"]  # noqa: S608 quoted
        engine.unregister("texts")
    return found.combine_chunks()


def _plain(column: pa.Array) -> bool:
    """Whether every value has the length and the colons of a date with hours, minutes and seconds."""
    import numpy as np
    import pyarrow.compute as pc

    texts = column.drop_null()
    if not len(texts):
        return True
    bounds = pc.min_max(pc.binary_length(texts)).as_py()
    if bounds["min"] < SHORTEST or bounds["max"] > LONGEST:
        return False
    _, ends, data = texts.buffers()
    starts = np.frombuffer(ends, np.int32)[texts.offset : texts.offset + len(texts)]
    signs = np.frombuffer(data, np.uint8)
    return all(bool((signs[starts + place] == ord(":")).all()) for place in COLONS)


@functools.cache
def _engine(_pid: int) -> duckdb.DuckDBPyConnection:
    """One for a process. It opens no file."""
    return connect(threads=1)
