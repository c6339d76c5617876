"""A data dictionary: what the custodian says of columns, as a CSV file that a person fills in with a spreadsheet.

    column,description,unit,type,values
    sex,Sex at birth,,categorical,1=male;2=female
    age,Age at admission,years,,

`type` is a semantic type. The data dictionary that REDCap exports is read as well. A cell that a spreadsheet would take for a formula
is written with a `'` in front, which is taken off when it is read.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from podium.contracts import SemanticType
from podium.datasources import About
from podium.datasources._faults import fault
from podium.datasources._labels import read_labels, written_labels
from podium.datasources._redcap import VARIABLE, redcap_words
from podium.errors import DataSourceError
from podium.plugin import nearest

HEADERS = ("column", "description", "unit", "type", "values")
FIRST_LINE = f"Its first line is: {','.join(HEADERS)}. A data dictionary of REDCap is read too."
MOST_BYTES = 16 * 1024 * 1024
_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_SEMANTIC: tuple[SemanticType, ...] = get_args(SemanticType)


class Words(About):
    """What one line says of its column."""

    type: SemanticType | None = None


@dataclass(frozen=True)
class _Row:
    path: Path
    line: int
    cells: dict[str, str]

    def fault(self, message: str, remedy: str = "") -> DataSourceError:
        return fault(self.path, message, line=self.line, remedy=remedy, code="dictionary")


def read_dictionary(path: Path) -> dict[str, Words]:
    """Column → words, in the file's order. Raises DataSourceError with the line and the remedy."""
    found: dict[str, Words] = {}
    for row in _rows(path):
        for column, words in _redcap(row) if VARIABLE in row.cells else _own(row):
            if column in found:
                raise row.fault(f"column {column!r} was described before.", "Take one of the two lines out.")
            found[column] = words
    return found


def written_dictionary(words: Mapping[str, Words], *, levels: Mapping[str, list[str]] | None = None) -> str:
    """The file's text. `levels`: by column, stored values whose labels a person is asked for."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)  # lines end as RFC 4180 says; a lone line end in a cell is quoted only so
    writer.writerow(HEADERS)
    for column, said in words.items():
        labels = dict.fromkeys((levels or {}).get(column, ()), "") | said.labels
        cells = (column, said.description, said.unit, said.type or "", written_labels(labels))
        writer.writerow([f"'{cell}" if _FORMULA.match(cell) else cell for cell in cells])
    return out.getvalue()


def _own(row: _Row) -> Iterator[tuple[str, Words]]:
    column, kind = row.cells["column"], row.cells.get("type", "").strip().lower()
    if not column:
        raise row.fault("no column is named.", "Fill in `column`.")
    if kind and kind not in _SEMANTIC:
        raise row.fault(f"the `type` of {column!r} is no semantic type.", nearest(kind, list(_SEMANTIC)))
    try:
        labels = read_labels(row.cells.get("values", ""))
    except ValueError as error:
        raise row.fault(f"column {column!r}: {error}.", "A backslash takes the ; or = after it as it is.") from None
    semantic = next((one for one in _SEMANTIC if one == kind), None)
    yield column, Words(description=row.cells.get("description", ""), unit=row.cells.get("unit", ""), labels=labels, type=semantic)


def _redcap(row: _Row) -> Iterator[tuple[str, Words]]:
    for column, (description, labels, semantic) in redcap_words(row.cells).items():
        if not column:
            raise row.fault("no variable is named.", "Export the data dictionary again.")
        yield column, Words(description=description, labels=labels, type=semantic)


def _rows(path: Path) -> Iterator[_Row]:
    """Every line below the first that is not blank, by the names in the first."""
    lines = _lines(path)
    header = _header(path, next(lines, (1, []))[1])
    for line, cells in lines:
        row = _Row(path, line, dict(zip(header, cells, strict=False)))
        if any(cells[len(header) :]):
            raise row.fault("there are more cells than in the first line.", "Put a cell that holds a comma in quotes.")
        yield row


def _header(path: Path, cells: list[str]) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    if len(set(filter(None, names))) < len(list(filter(None, names))):
        raise fault(path, "two cells of the first line are the same.", line=1, remedy=FIRST_LINE, code="dictionary")
    if VARIABLE in names:
        return names
    if "column" not in names:
        raise fault(
            path, "this is no data dictionary: its first line does not name `column`.", line=1, remedy=FIRST_LINE, code="dictionary"
        )
    for name in names:  # others are the custodian's own affair, but for slips of the pen
        near = difflib.get_close_matches(name, HEADERS, n=1, cutoff=0.8)
        if name not in HEADERS and near:
            raise fault(path, f"the first line has {name!r}.", line=1, remedy=f"Did you mean {near[0]!r}? {FIRST_LINE}", code="dictionary")
    return names


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of each row that is not blank, without what keeps a spreadsheet from taking a cell for a formula."""
    text = _text(path)
    delimiter = max(",;\t", key=text.partition("\n")[0].count)  # spreadsheets write their country's
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error:
            remedy = "A quote is not closed, or a cell is too long: save it again."
            raise fault(path, "this is no CSV that can be read.", line=line, remedy=remedy, code="dictionary") from None
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield line, [cell[1:] if cell[:1] == "'" and _FORMULA.match(cell) else cell for cell in cells]


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        message = f"the data dictionary cannot be read: {error.strerror}."
        raise fault(path, message, remedy="Correct `dictionary`.", code="dictionary") from None
    if len(raw) > MOST_BYTES:
        raise fault(path, "this is too large for a data dictionary.", remedy="Name the dictionary, not the data.", code="dictionary")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise fault(path, "the data dictionary is not UTF-8.", remedy="Save it as `CSV UTF-8`.", code="dictionary") from None
