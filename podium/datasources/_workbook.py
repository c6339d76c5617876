"""One sheet of a workbook, written to a private Parquet file: the cells keep the types that the workbook gives them."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from podium.contracts import ColumnType
from podium.datasources import ARROW
from podium.datasources._faults import check_names, fault, with_row_names
from podium.datasources._packed import HARMLESS
from podium.errors import DataSourceError

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 20_000
_KINDS: tuple[tuple[type, ColumnType], ...] = ((bool, "boolean"), (int, "integer"), (dt.datetime, "timestamp"), (dt.date, "date"))


class Wanted(NamedTuple):
    """What the custodian says of the table in a workbook. `header_row` counts from 1; None is the first row that is not empty."""

    sheet: str
    header_row: int | None
    nulls: frozenset[str]
    types: dict[str, ColumnType]
    max_ratio: int


def as_parquet(path: Path, wanted: Wanted, out: Path) -> None:
    """Write the table. Raises DataSourceError for a workbook that is locked, damaged or a bomb, and for a sheet that is no table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sheet = _sheet(path, wanted)
    head, names = _header(path, sheet, wanted)
    _check_merged(path, sheet, head, wanted)
    kinds = _kinds(path, sheet, head, names, wanted)
    schema = pa.schema([(name, pa.null() if kind is None else pa.type_for_alias(ARROW[kind])) for name, kind in kinds.items()])
    rows = _rows(path, sheet, head, len(names), wanted)
    with pq.ParquetWriter(out, schema) as writer:
        while some := list(islice(rows, BATCH)):
            columns = [
                _column(path, name, kinds[name], [(number, row[place]) for number, row in some], schema.field(name).type)
                for place, name in enumerate(names)
            ]
            writer.write_batch(pa.record_batch(columns, schema=schema))


def _sheet(path: Path, wanted: Wanted) -> Any:
    try:
        import python_calamine
    except ImportError:
        raise fault(path, "reading workbooks needs a library.", remedy="Run: pip install 'podium[excel]'", code="missing_extra") from None
    _check_size(path, wanted.max_ratio)
    try:
        book = python_calamine.CalamineWorkbook.from_path(path)
        shown = [
            one.name
            for one in book.sheets_metadata
            if one.typ == python_calamine.SheetTypeEnum.WorkSheet and one.visible == python_calamine.SheetVisibleEnum.Visible
        ]
        name = wanted.sheet or (shown[0] if len(shown) == 1 else "")
        if name not in book.sheet_names:
            what = f"there is no sheet {name!r}" if name else "it has several sheets"
            remedy = "Set `sheet` to one of them for this datasource."
            raise fault(path, f"{what}: {', '.join(map(repr, shown))}.", remedy=remedy, code="sheet")
        return book.get_sheet_by_name(name)
    except (DataSourceError, PermissionError, FileNotFoundError):
        raise
    except python_calamine.PasswordError:
        remedy = "Save a copy without a password where only the pod's user may read it."
        raise fault(path, "it is protected by a password.", remedy=remedy, code="password") from None
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
            raise
        raise fault(path, "this is no complete workbook.", remedy="Save it again as .xlsx.", code="workbook") from None


def _check_size(path: Path, max_ratio: int) -> None:
    """What a zip says that it unpacks to is what the library will make room for."""
    with path.open("rb") as file:  # the library has one word for all that it cannot read, and none for what may not be opened
        if not zipfile.is_zipfile(file):
            return
        with zipfile.ZipFile(file) as packed:
            size = sum(one.file_size for one in packed.infolist())
    if size > max(HARMLESS, max_ratio * path.stat().st_size):
        message = f"it unpacks to more than {max_ratio} times its size."
        raise fault(path, message, remedy="Where that is right, set `max_ratio` for this datasource.", code="bomb")


def _header(path: Path, sheet: Any, wanted: Wanted) -> tuple[int, list[str]]:
    """The number of the header's row, and the names in it. A first column without a name has those of rows, as pandas writes them."""
    for number, cells in _numbered(sheet):
        if number == wanted.header_row or (wanted.header_row is None and any(cell != "" for cell in cells)):
            names = ["" if cell == "" else _text(cell) for cell in cells]
            while names and not names[-1].strip():
                names.pop()
            if any(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in cells[: len(names)]):
                remedy = "Add a row of column names, or set `header_row` to the one that has them."
                raise fault(path, "the header's row has numbers in it.", line=number, remedy=remedy, code="no_header")
            if names:
                names = with_row_names(names)
                check_names(path, names, line=number)
                return number, names
    raise fault(path, "the sheet is empty.", remedy="A table needs at least a row of column names: see `header_row`.", code="empty_file")


def _check_merged(path: Path, sheet: Any, head: int, wanted: Wanted) -> None:
    """A value that stands for several rows or columns may be meant for all of them or for one: that is not ours to guess."""
    for (top, _), (bottom, _) in sheet.merged_cell_ranges or ():
        if bottom + 1 >= head:
            remedy = "Unmerge them, and write the value into every row that it is meant for."
            if bottom + 1 == head and wanted.header_row is None:
                remedy += " Where they are a title, set `header_row` to the row that has the names of the columns."
            raise fault(path, "cells are merged.", line=max(top + 1, head), remedy=remedy, code="merged_cells")


def _kinds(path: Path, sheet: Any, head: int, names: Sequence[str], wanted: Wanted) -> dict[str, ColumnType | None]:
    """One type for each column, from all its cells; None where there is no value."""
    found: list[set[ColumnType]] = [set() for _ in names]
    for _, row in _rows(path, sheet, head, len(names), wanted):
        for kinds, cell in zip(found, row, strict=True):
            if cell is not None:
                kinds.add(_kind(cell))
    return {name: wanted.types.get(name, _joined(kinds)) for name, kinds in zip(names, found, strict=True)}


def _kind(cell: Any) -> ColumnType:
    if isinstance(cell, float):
        return "integer" if cell.is_integer() and abs(cell) < 1 << 53 else "number"
    return next((kind for of, kind in _KINDS if isinstance(cell, of)), "text")


def _joined(kinds: set[ColumnType]) -> ColumnType | None:
    if len(kinds) <= 1:
        return next(iter(kinds), None)
    return "number" if kinds == {"integer", "number"} else "timestamp" if kinds == {"date", "timestamp"} else "text"


def _rows(path: Path, sheet: Any, head: int, width: int, wanted: Wanted) -> Iterator[tuple[int, list[Any]]]:
    """The rows below the header with their numbers, without those that are empty. A value that no name stands over is refused."""
    for number, cells in _numbered(sheet):
        if number > head:
            beyond = next((place for place, cell in enumerate(cells[width:], start=width) if cell is not None and str(cell).strip()), None)
            if beyond is not None:
                message = f"there is a value in column {letters(beyond)}, and row {head}, taken for the header, has no name there."
                remedy = "Set `header_row` to the row that has the names of the columns, write a name there, or empty the cell."
                raise fault(path, message, line=number, remedy=remedy, code="ragged_row")
            row = [None if cell == "" or (isinstance(cell, str) and cell in wanted.nulls) else cell for cell in cells[:width]]
            if any(cell is not None for cell in row):
                yield number, row + [None] * (width - len(row))


def _numbered(sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    """Rows with their numbers in the sheet, from 1, and all columns from the first."""
    return enumerate(sheet.iter_rows(), start=1)


def _column(path: Path, name: str, kind: ColumnType | None, cells: Sequence[tuple[int, Any]], form: pa.DataType) -> pa.Array:
    import pyarrow as pa

    values = []
    for number, cell in cells:
        try:
            values.append(None if cell is None or kind is None else _as(kind, cell))
        except (ValueError, TypeError):
            message = f"column {name!r} is set to {kind}, and a value here does not fit."
            remedy = "Correct the value, or `types` for this datasource."
            raise fault(path, message, line=number, remedy=remedy, code="value_does_not_fit") from None
    return pa.array(values, form)


def _as(kind: ColumnType, cell: Any) -> Any:
    if kind == "integer" and (isinstance(cell, bool) or int(cell) != float(cell)):
        raise ValueError
    if kind in ("integer", "number"):
        return (int if kind == "integer" else float)(cell)
    if kind == "boolean" and not isinstance(cell, bool):
        raise ValueError
    if kind in ("date", "timestamp"):
        moment = cell if isinstance(cell, dt.date) else dt.datetime.fromisoformat(str(cell))
        if kind == "timestamp":
            return moment if isinstance(moment, dt.datetime) else dt.datetime.combine(moment, dt.time.min)
        return moment.date() if isinstance(moment, dt.datetime) else moment
    return cell if kind == "boolean" else _text(cell)


def _text(cell: Any) -> str:
    """A cell as a person sees it: 5 is not 5.0."""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1 << 53:
        return str(int(cell))
    return cell.isoformat() if isinstance(cell, dt.date | dt.time) else str(cell)


def letters(place: int) -> str:
    """What spreadsheet programs call a column, from 0."""
    return (letters(place // 26 - 1) if place >= 26 else "") + chr(65 + place % 26)
