"""The full pass: part after part, each read once ever, and merged in order. A pass that is broken off goes on at the next part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from podium.contracts import Part
from podium.datasources import Datasource
from podium.workers.profile.reader import Reader
from podium.workers.profile.rows import Asked
from podium.workers.profile.seen import Seen, Write
from podium.workers.profile.store import Store
from podium.workers.profile.unique import MOST_KEPT
from podium.workers.progress import Progress, Scanned

if TYPE_CHECKING:
    from podium.workers.profile.reader import Block


def scan(
    source: Datasource, parts: Sequence[Part], asked: Sequence[Asked], folder: Path, *, size: int, progress: Progress
) -> tuple[int, list[Seen]]:
    """Rows of the source and what was seen of each column. Raises DataSourceError."""
    store = Store(folder, {one.name: one.type for one in asked}, size=size)
    room = MOST_KEPT // max(1, sum(one.unique for one in asked))
    whole = [Seen(one.type, size=size, levels=one.type not in ("date", "timestamp"), room=room * one.unique) for one in asked]
    rows = read = 0
    with closing(Reader(source, asked, [part for part in parts if not store.has(part)])) as reader:
        for number, part in enumerate(parts):
            found = store.load(part)
            if found is None or not _answers(found[1], asked, whole):
                with store.writing(part) as write:
                    told = _Counting(progress, read, number, len(parts))
                    found = _read(reader.blocks(part), asked, whole, size=size, write=write, progress=told)
                store.save(part, *found)
                read += found[0]
            rows += found[0]
            for one, more in zip(whole, found[1], strict=True):
                one.merge(more)
            progress(Scanned(read, number + 1, len(parts)))
    store.tidy(parts)
    return rows, whole


class _Counting:
    """Tells of blocks of a part as rows of the scan."""

    def __init__(self, progress: Progress, rows: int, parts: int, of: int) -> None:
        self._progress, self._rows, self._parts, self._of = progress, rows, parts, of

    def add(self, rows: int) -> None:
        self._rows += rows
        self._progress(Scanned(self._rows, self._parts, self._of))


def _answers(found: Sequence[Seen], asked: Sequence[Asked], whole: Sequence[Seen]) -> bool:
    return all(seen.answers(one, room=so_far.room if so_far.keeps else 0) for seen, one, so_far in zip(found, asked, whole, strict=True))


def _read(
    blocks: Iterator[Block], asked: Sequence[Asked], whole: Sequence[Seen], *, size: int, write: Write, progress: _Counting
) -> tuple[int, list[Seen]]:
    seen = [
        Seen(one.type, size=size, levels=one.levels, room=so_far.room if one.unique and so_far.keeps else 0, write=write)
        for one, so_far in zip(asked, whole, strict=True)
    ]
    rows = 0
    for start, group, table in blocks:
        for number, one in enumerate(group):
            seen[start + number].add(table, number, one)
        if start == 0:
            rows += table.num_rows
            progress.add(table.num_rows)
    for each in seen:
        each.spread.shrink()
    return rows, seen
