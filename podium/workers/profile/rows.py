"""The rows of a part, as Arrow batches of even length with what is asked of each column: its values, or a text's hash and length.

DuckDB reads, inside its memory limit; a source that is no file for it comes in as a stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from podium.contracts import ColumnType, Part
from podium.datasources import ARROW, Datasource
from podium.datasources._even import even
from podium.datasources._faults import explained
from podium.datasources._tables import Reading, Table, quoted
from podium.errors import DataSourceError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

COLUMNS_AT_ONCE, MOST_TIMES = 1000, 4  # of a very wide table more at once: a text file is parsed whole for each group of columns
CELLS = 1_000_000  # of a block: fewer take more time, more take more memory
TEXTS = ("text", "other", "binary")


@dataclass(frozen=True)
class Asked:
    """What is asked of one column: to count its levels, to keep its hashes for proof that no value is there twice."""

    name: str
    type: ColumnType
    levels: bool
    unique: bool
    both: bool = False  # texts and their hashes: of many columns, each may turn out to have too many levels

    @property
    def by_hash(self) -> bool:
        """Whether hashes and lengths are enough, in place of the texts."""
        return self.type in TEXTS and not self.levels


def grouped(asked: Sequence[Asked]) -> list[Sequence[Asked]]:
    """The columns, as many at once as one query takes well. A few groups, however many they are."""
    size = max(COLUMNS_AT_ONCE, -(-len(asked) // MOST_TIMES))
    return [asked[start : start + size] for start in range(0, len(asked), size)]


@contextmanager
def opened(source: Datasource) -> Iterator[Reading]:
    """The source from its first row on. Raises DataSourceError, also midway."""
    with explained(source.path if isinstance(source, Table) else Path(source.name)):
        if isinstance(source, Table):
            with source.reading() as reading:
                yield reading
        else:
            faults: list[DataSourceError] = []
            with _told(faults):
                yield _streamed(source, None, faults)


def beginning(reading: Reading, asked: Sequence[Asked], *, rows: int) -> Iterator[pa.RecordBatch]:
    """The first rows, as `blocks` has them."""
    limited = f"({reading.select([one.name for one in asked])} LIMIT {rows})"
    yield from _asking(reading.engine, asked, limited)


def blocks(source: Datasource, part: Part, asked: Sequence[Asked]) -> Iterator[pa.RecordBatch]:
    """Batches with column `c0`, `c1` … for each of `asked`; `h0` and `l0` where the engine made hash and length. Raises DataSourceError."""
    names, rows = [one.name for one in asked], _length(asked)
    if isinstance(source, Table):
        yield from even(source.stream(part, names, wanted=_All(asked), rows=rows), rows)
        return
    faults: list[DataSourceError] = []
    with explained(Path(source.name)), _told(faults):
        reading = _streamed(source, part, faults)
        yield from _asking(reading.engine, asked, f"({reading.select(names)})")


def _length(asked: Sequence[Asked]) -> int:
    return min(131_072, max(2048, CELLS // max(1, len(asked))))


def _asking(engine: duckdb.DuckDBPyConnection, asked: Sequence[Asked], relation: str) -> Iterator[pa.RecordBatch]:
    rows = _length(asked)
    yield from even(iter(engine.sql(f"SELECT {_All(asked).sql} FROM {relation}").to_arrow_reader(rows)), rows)  # noqa: S608 names are quoted


@dataclass(frozen=True)
class _All:
    """All that is asked."""

    asked: Sequence[Asked]

    @property
    def sql(self) -> str:
        return ", ".join(_wanted(number, one) for number, one in enumerate(self.asked)) or "true AS nothing"

    def of(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The values themselves: whoever looks at them makes the hashes, so that the thread that reads need not."""
        return batch.rename_columns([f"c{number}" for number in range(len(self.asked))])


def _wanted(number: int, asked: Asked) -> str:
    c = quoted(asked.name)
    if asked.by_hash:
        length = "octet_length" if asked.type == "binary" else "strlen"
        return f"hash({c}) AS h{number}, {length}({c}) AS l{number}"
    return f"{c} AS c{number}" + (f", hash({c}) AS h{number}" if asked.both and asked.type in TEXTS else "")


@contextmanager
def _told(faults: list[DataSourceError]) -> Iterator[None]:
    """On its way through the engine the error of a source loses all but its text: here it is again."""
    try:
        yield
    except Exception:
        if faults:
            raise faults[0] from None
        raise


def _noting(batches: Iterator[pa.RecordBatch], faults: list[DataSourceError]) -> Iterator[pa.RecordBatch]:
    try:
        yield from batches
    except DataSourceError as error:
        faults.append(error)
        raise


def _streamed(source: Datasource, part: Part | None, faults: list[DataSourceError]) -> Reading:
    import duckdb
    import pyarrow as pa

    types = dict(source.columns())
    engine = duckdb.connect(":memory:", config={"memory_limit": "256MB", "threads": 2})

    def select(columns: Sequence[str] | None) -> str:
        names = list(types if columns is None else columns)
        batches = source.read(names) if part is None else source.read_part(part, names)
        schema = pa.schema([(name, pa.type_for_alias(ARROW[types[name]])) for name in names])
        engine.register("source_rows", pa.RecordBatchReader.from_batches(schema, _noting(batches, faults)))
        return "SELECT * FROM source_rows"

    return Reading(engine, select)
