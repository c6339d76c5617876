"""Workbooks of spreadsheet programs: `.xlsx`, `.xls`, `.ods`. One sheet is a table."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field

from podium.contracts import ColumnType
from podium.datasources._faults import explained
from podium.datasources._files import Found
from podium.datasources._parquet import ParquetTable
from podium.datasources._tables import Layout
from podium.datasources._workbook import Wanted, as_parquet, letters

Cell = str | int | float | None
NULLS = ("", "NA", "N/A", "n/a", "NULL", "null", "None", "NaN", "nan", "#N/A")


class Excel(ParquetTable):
    """`kind: excel`. `sheet` may be left out where there is one. `header_row`, from 1: the first row that is not empty unless it is said.

    The values of formulas are read as they were when the workbook was saved. `types` overrule those of the cells.
    """

    kind: ClassVar[str] = "excel"
    suffixes: ClassVar[tuple[str, ...]] = (".xlsx", ".xls", ".ods")

    sheet: str = ""
    header_row: int | None = Field(default=None, ge=1)
    nulls: tuple[str, ...] = NULLS
    types: dict[str, ColumnType] = {}
    max_ratio: int = Field(default=200, ge=1)

    def files(self) -> list[Found]:
        """Without those that a spreadsheet program keeps beside an open workbook."""
        found = super().files()
        return [one for one in found if not one.name.rpartition("/")[2].startswith("~$")] or found

    def _layout(self, files: Sequence[Found]) -> Layout:
        for found in files:
            self._place(found)
        return super()._layout(files)

    def _place(self, found: Found) -> Path:
        """The sheet as a private Parquet file, written once per process and version of the workbook."""
        path, wanted = self._path(found), self._wanted()
        key = repr((path, found.token, wanted))
        if key not in _WRITTEN:
            _ROOMS.append(tempfile.TemporaryDirectory(prefix="sheet-"))
            out = Path(_ROOMS[-1].name) / "sheet.parquet"
            with explained(path):
                as_parquet(path, wanted, out)
            _WRITTEN[key] = out
        return _WRITTEN[key]

    def _wanted(self) -> Wanted:
        as_text: dict[str, ColumnType] = {name: "text" for name, semantic in self.force_types.items() if semantic in ("text", "identifier")}
        return Wanted(self.sheet, self.header_row, frozenset(self.nulls), as_text | self.types, self.max_ratio)

    @classmethod
    def sample(cls, *args: Path) -> Self:
        (folder,) = args
        path = folder / "sample.xlsx"
        write_sheet(path, [["id", "age", "sex"], [1, 34, "f"], [2, 51.5, None], [3, None, "m"]])
        os.utime(path, (1_700_000_000, 1_700_000_000))
        return cls(name="sample", path=path, key=("id",))


def write_sheet(
    path: Path, rows: Sequence[Sequence[str | int | float | None]], *, more: str = "", sheets: Sequence[str] = ("Data",)
) -> None:
    """The smallest workbook with these rows on each sheet. `more`: what follows the rows in the sheet's XML."""
    cells = (
        "".join(
            f'<c r="{letters(place)}{number}"><v>{value}</v></c>'
            if isinstance(value, int | float)
            else f'<c r="{letters(place)}{number}" t="inlineStr"><is><t>{value}</t></is></c>'
            for place, value in enumerate(row)
            if value is not None
        )
        for number, row in enumerate(rows, start=1)
    )
    body = "".join(f'<row r="{number}">{row}</row>' for number, row in enumerate(cells, start=1))
    main, office = "http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://schemas.openxmlformats.org/officeDocument/2006"
    package = "http://schemas.openxmlformats.org/package/2006"
    listed = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(sheets, start=1))
    linked = "".join(
        f'<Relationship Id="rId{n}" Type="{office}/relationships/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, len(sheets) + 1)
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>',
        )
        start = f'<Relationship Id="rId1" Type="{office}/relationships/officeDocument" Target="xl/workbook.xml"/>'
        out.writestr("_rels/.rels", f'<Relationships xmlns="{package}/relationships">{start}</Relationships>')
        out.writestr("xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{office}/relationships"><sheets>{listed}</sheets></workbook>')
        out.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{package}/relationships">{linked}</Relationships>')
        for n in range(1, len(sheets) + 1):
            out.writestr(f"xl/worksheets/sheet{n}.xml", f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData>{more}</worksheet>')


_WRITTEN: dict[str, Path] = {}
_ROOMS: list[tempfile.TemporaryDirectory[str]] = []  # removed with the process
