"""Tables that lie in Parquet files. Their footers give names and types without reading a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

from podium.contracts import ColumnType, Part
from podium.datasources import _hive
from podium.datasources._engine import column_type
from podium.datasources._faults import explained, fault, same_columns
from podium.datasources._files import Found
from podium.datasources._footer import Footer, common, footer, grouped, native_types, parquet
from podium.datasources._tables import Layout, Piece, Table

MOST_FOOTERS = 20_000  # kept, so that `partitions()` need not read again what `columns()` has read
_FOOTERS: dict[str, tuple[str, Footer]] = {}


class ParquetTable(Table):
    """Footers are read of every file: a tenth of a millisecond each. A part is some row groups of one file."""

    def _layout(self, files: Sequence[Found]) -> Layout:
        footers = [self._footer(found) for found in files]
        partitions = _hive.columns(self.root, files)
        natives: dict[str, dict[str, str]] = {}
        for found, one in zip(files, footers, strict=True):
            same_columns(self._path(found), one.names, footers[0].names, like=files[0].name)
            if one.schema not in natives:
                natives[one.schema] = native_types(self._place(found), one.names)
        shape = {name: self._common(name, files, footers, natives) for name in footers[0].names}
        note = _hive.options(partitions)
        pieces = []
        for schema, alike in groupby(zip(files, footers, strict=True), key=lambda one: one[1].schema):
            types = natives[schema] | _hive.natives(partitions)
            pieces.append(Piece(tuple(found for found, _ in alike), types, note))
        return Layout(shape | partitions, tuple(pieces))

    def _sql(self, piece: Piece, paths: Sequence[Path]) -> str:
        return parquet(paths, piece.note)

    def _parts(self, found: Found, piece: Piece) -> list[Part]:
        parts = grouped(self._footer(found).groups)
        if len(parts) == 1:
            return super()._parts(found, piece)
        return [
            Part(id=f"{found.name}#{number}", token=found.token, where={"file": found.name, "first": first, "end": end})
            for number, (first, end) in enumerate(parts)
        ]

    @contextmanager
    def _opened(self, part: Part, piece: Piece, path: Path) -> Iterator[str]:
        relation = self._sql(piece, [path])
        if "first" in part.where:
            rows = f"file_row_number >= {int(part.where['first'])} AND file_row_number < {int(part.where['end'])}"
            relation = f"(SELECT * FROM {relation} WHERE {rows})"  # noqa: S608 numbers
        yield relation

    def _footer(self, found: Found) -> Footer:
        place = self._place(found)
        if (known := _FOOTERS.get(str(place))) and known[0] == found.token:
            return known[1]
        with explained(self._path(found)):
            read = footer(place)
        if len(_FOOTERS) >= MOST_FOOTERS:
            _FOOTERS.clear()
        _FOOTERS[str(place)] = (found.token, read)
        return read

    def _common(self, name: str, files: Sequence[Found], footers: Sequence[Footer], natives: dict[str, dict[str, str]]) -> ColumnType:
        """The column's one type in all files. A file that has none to say, for its values are all missing, goes with the others."""
        kinds: set[ColumnType] = set()
        for found, one in zip(files, footers, strict=True):
            if name in one.empty:
                continue
            kind = "integer" if name in one.fits else column_type(natives[one.schema][name])
            wider = common(kinds | {kind})
            if wider is None:
                message = f"column {name!r} is {kind} here, and {' or '.join(sorted(kinds))} in the files before it."
                remedy = "Write it with one type in all files, or name it in `ignore_columns`."
                raise fault(self._path(found), message, remedy=remedy, code="other_types")
            kinds = {wider}
        return next(iter(kinds), "text")
