"""The full pass: part after part, each read once ever, and merged in order. A pass that is broken off goes on at the next part."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from podium.contracts import Part
from podium.datasources import Datasource
from podium.workers.profile.rows import Asked, blocks, grouped
from podium.workers.profile.seen import Seen, Write
from podium.workers.profile.store import Store
from podium.workers.profile.unique import MOST_KEPT
from podium.workers.progress import Progress, Scanned


def scan(source: Datasource, asked: Sequence[Asked], folder: Path, *, size: int, progress: Progress) -> tuple[int, list[Seen]]:
    """Rows of the source and what was seen of each column. Raises DataSourceError."""
    parts = source.partitions()
    store = Store(folder, {one.name: one.type for one in asked}, size=size)
    room = MOST_KEPT // max(1, sum(one.unique for one in asked))
    whole = [Seen(one.type, size=size, levels=one.type not in ("date", "timestamp"), room=room * one.unique) for one in asked]
    rows = read = 0
    for number, part in enumerate(parts):
        found = store.load(part)
        if found is None or not _answers(found[1], asked, whole):
            with store.writing(part) as write:
                found = _read(source, part, asked, whole, size=size, write=write, progress=_Counting(progress, read, number, len(parts)))
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
    source: Datasource, part: Part, asked: Sequence[Asked], whole: Sequence[Seen], *, size: int, write: Write, progress: _Counting
) -> tuple[int, list[Seen]]:
    seen = [
        Seen(one.type, size=size, levels=one.levels, room=so_far.room if one.unique and so_far.keeps else 0, write=write)
        for one, so_far in zip(asked, whole, strict=True)
    ]
    rows = start = 0
    for group in grouped(asked):
        rows = 0
        for table in blocks(source, part, group):
            for number, one in enumerate(group):
                seen[start + number].add(table, number, one)
            rows += table.num_rows
            if start == 0:
                progress.add(table.num_rows)
        start += len(group)
    for each in seen:
        each.spread.shrink()
    return rows, seen
