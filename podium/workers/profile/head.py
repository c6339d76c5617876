"""A first look: the first rows, every column in full. It is all of a partial schema, and tells a full pass what to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podium.contracts import ColumnType
from podium.datasources import Datasource
from podium.workers.profile.rows import Asked, beginning, grouped, opened
from podium.workers.profile.seen import Seen
from podium.workers.semantics import LONG_TEXT, shape_of

if TYPE_CHECKING:
    import pyarrow as pa

HEAD_ROWS = 10_000
HEAD_CELLS = 10_000_000  # of very wide tables fewer rows are looked at
SHAPED = 500  # texts whose form is looked at


def look(source: Datasource, types: dict[str, ColumnType], *, size: int) -> tuple[int, dict[str, Seen]]:
    """The number of rows looked at, and what was seen of each column. Raises DataSourceError."""
    asked = [Asked(name, kind, levels=_countable(kind), unique=_may_name(kind), both=True) for name, kind in types.items()]
    seen = {one.name: Seen(one.type, size=size, levels=one.levels, room=HEAD_ROWS * one.unique) for one in asked}
    first = max(1000, min(HEAD_ROWS, HEAD_CELLS // max(1, len(asked))))
    rows = 0
    with opened(source) as reading:
        for group in grouped(asked):
            rows = 0
            for table in beginning(reading, group, rows=first):
                for number, one in enumerate(group):
                    seen[one.name].add(table, number, one)
                    if one.type == "text" and rows == 0:
                        seen[one.name].shape = _shape(table[f"c{number}"])
                rows += table.num_rows
    return rows, seen


def questions(seen: dict[str, Seen]) -> list[Asked]:
    """What a full pass has to ask: more than the first rows hold, no column can have fewer of; what they hold twice is not unique."""
    return [
        Asked(
            name,
            one.kind,
            levels=one.levels is not None,
            unique=_may_name(one.kind) and one.unique() is not False and one.length <= LONG_TEXT * max(1, one.values),
        )
        for name, one in seen.items()
    ]


def _countable(kind: ColumnType) -> bool:
    return kind not in ("date", "timestamp", "binary")


def _may_name(kind: ColumnType) -> bool:
    return kind in ("text", "integer")


def _shape(column: pa.ChunkedArray) -> str:
    return shape_of(column.drop_null().unique().slice(0, SHAPED))
