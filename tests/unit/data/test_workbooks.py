"""Workbooks: the types of the cells, the one sheet that is meant, and what is refused with its row."""

import datetime as dt
import shutil
import zipfile
from pathlib import Path

import pytest

from podium.datasources import Excel
from podium.datasources.excel import write_sheet
from podium.errors import DataSourceError

HERE = Path(__file__).parent / "workbooks"


def rows_of(source):
    return [tuple(row.values()) for batch in source.read([name for name, _ in source.columns()]) for row in batch.to_pylist()]


def refused(source, code, *says):
    with pytest.raises(DataSourceError) as caught:
        rows_of(source)
    assert caught.value.code == code
    assert str(source.path) in caught.value.message
    assert "SECRET" not in str(caught.value)
    assert caught.value.remedy
    for one in says:
        assert one in str(caught.value)


def test_cells_keep_their_types(tmp_path):
    rows = [[], ["id", "zip", "n", "mixed", "empty"], [1, "007", 1.5, 5, "NA"], [], [2**40, "12", 2, "x", None]]
    write_sheet(tmp_path / "t.xlsx", rows)
    source = Excel(name="t", path=tmp_path / "t.xlsx")
    assert source.columns() == [("id", "integer"), ("zip", "text"), ("n", "number"), ("mixed", "text"), ("empty", "text")]
    assert rows_of(source) == [(1, "007", 1.5, "5", None), (2**40, "12", 2.0, "x", None)]
    (part,) = source.partitions()
    assert [row["zip"] for batch in source.read_part(part, ["zip"]) for row in batch.to_pylist()] == ["007", "12"]
    assert Excel(name="t", path=tmp_path / "t.xlsx", types={"zip": "integer"}).columns()[1] == ("zip", "integer")


def test_a_folder_without_the_files_of_open_workbooks(tmp_path):
    write_sheet(tmp_path / "a.xlsx", [["n"], [1]])
    write_sheet(tmp_path / "b.xlsx", [["n"], [2.5]])
    (tmp_path / "~$a.xlsx").write_bytes(b"SECRET")
    source = Excel(name="t", path=tmp_path)
    assert (source.columns(), rows_of(source)) == ([("n", "number")], [(1.0,), (2.5,)])


def test_which_sheet(tmp_path):
    path = tmp_path / "t.xlsx"
    write_sheet(path, [["n"], [1]], sheets=("One", "Two"))
    refused(Excel(name="t", path=path), "sheet", "'One', 'Two'", "Set `sheet`")
    refused(Excel(name="t", path=path, sheet="Three"), "sheet", "no sheet 'Three'")
    assert rows_of(Excel(name="t", path=path, sheet="Two")) == [(1,)]


def test_which_header(tmp_path):
    path = tmp_path / "t.xlsx"
    write_sheet(path, [["A title"], [], ["n", "m"], [1, 2]])
    assert rows_of(Excel(name="t", path=path, header_row=3)) == [(1, 2)]
    write_sheet(path, [["n", 7], ["SECRET", 2]])
    refused(Excel(name="t", path=path), "no_header", "line 1:")
    write_sheet(path, [[], ["n", "N"], [1, 2]])
    refused(Excel(name="t", path=path), "column_names", "line 2:", "differ only by case")
    write_sheet(path, [["n", None, " "], [1, None, 3]])
    refused(Excel(name="t", path=path), "ragged_row", "line 2:", "column C")
    write_sheet(path, [])
    refused(Excel(name="t", path=path), "empty_file")


def test_a_title_is_no_header(tmp_path):
    path = tmp_path / "t.xlsx"
    write_sheet(path, [["A title"], [], ["n", "m"], [1, 2]])
    refused(Excel(name="t", path=path), "ragged_row", "line 3:", "column B", "header_row")
    write_sheet(path, [["n", "m"], [1, 2], [3, 4, None, "SECRET"]])
    refused(Excel(name="t", path=path), "ragged_row", "line 3:", "column D")
    write_sheet(path, [["n", "m", "", " "], [1, 2, None, None]])
    assert rows_of(Excel(name="t", path=path)) == [(1, 2)]


def test_row_names_as_pandas_writes_them(tmp_path):
    path = tmp_path / "t.xlsx"
    write_sheet(path, [[None, "dose"], [0, 1.5], [1, 2.5]])
    source = Excel(name="t", path=path)
    assert source.columns() == [("rownames", "integer"), ("dose", "number")]
    write_sheet(path, [[None, "rownames"], [0, 1.5]])
    refused(Excel(name="t", path=path), "column_names", "column 1 has no name")
    write_sheet(path, [["n", None, "m"], [0, 1, 2]])
    refused(Excel(name="t", path=path), "column_names", "column 2 has no name")


def test_a_merged_title_says_where_to_look(tmp_path):
    path = tmp_path / "t.xlsx"
    merged = '<mergeCells count="1"><mergeCell ref="A1:B1"/></mergeCells>'
    write_sheet(path, [["A title"], ["n", "m"], [1, 2]], more=merged)
    refused(Excel(name="t", path=path), "merged_cells", "line 1:", "header_row")
    assert rows_of(Excel(name="t", path=path, header_row=2)) == [(1, 2)]


def test_merged_cells_are_not_guessed_at(tmp_path):
    path = tmp_path / "t.xlsx"
    write_sheet(path, [["n", "m"], [1, "SECRET"], [2, None]], more='<mergeCells count="1"><mergeCell ref="B2:B3"/></mergeCells>')
    refused(Excel(name="t", path=path), "merged_cells", "line 2:", "Unmerge")


def test_a_value_that_is_not_of_the_type_that_was_set(tmp_path):
    path = tmp_path / "t.xlsx"
    write_sheet(path, [["n"], [1], ["SECRET"]])
    refused(Excel(name="t", path=path, types={"n": "integer"}), "value_does_not_fit", "line 3:", "'n'")
    write_sheet(path, [["n"], [1], [2.5]])
    refused(Excel(name="t", path=path, types={"n": "integer"}), "value_does_not_fit", "line 3:")


def test_no_workbook_and_a_bomb(tmp_path, monkeypatch):
    path = tmp_path / "t.xlsx"
    path.write_bytes(b"SECRET")
    refused(Excel(name="t", path=path), "workbook", "no complete workbook")
    path.write_bytes(b"")
    refused(Excel(name="t", path=path), "workbook")
    write_sheet(path, [["n"], [1]])
    path.write_bytes(path.read_bytes()[:-40])
    refused(Excel(name="t", path=path), "workbook")
    write_sheet(path, [["n"], [1]])
    monkeypatch.setattr("podium.datasources._workbook.HARMLESS", 1 << 20)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as out:
        out.writestr("xl/sharedStrings.xml", b"0" * (8 << 20))
    refused(Excel(name="t", path=path), "bomb", "max_ratio")


def test_without_its_library(tmp_path, monkeypatch):
    write_sheet(tmp_path / "t.xlsx", [["n"], [1]])
    monkeypatch.setitem(__import__("sys").modules, "python_calamine", None)
    refused(Excel(name="t", path=tmp_path / "t.xlsx"), "missing_extra", "pip install 'podium[excel]'")


def test_a_workbook_with_a_password_is_refused_with_what_helps():
    with pytest.raises(DataSourceError, match=r"locked\.xlsx: it is protected by a password") as caught:
        Excel(name="a", path=HERE / "locked.xlsx").columns()
    assert "Save a copy without a password" in caught.value.remedy


def test_dates_and_times_of_cells():
    source = Excel(name="a", path=HERE / "staff.xlsx")
    assert source.columns() == [("id", "integer"), ("born", "date"), ("at", "timestamp"), ("name", "text"), ("pay", "number")]
    at = dt.datetime(2024, 1, 5, 8, 30, tzinfo=dt.UTC).replace(tzinfo=None)
    assert rows_of(source) == [(1, dt.date(1990, 5, 1), at, "Ann", 1.5), (2, None, None, "Bob", 2.0)]


@pytest.mark.parametrize("ending", ["xls", "ods"])
def test_workbooks_of_other_programs(ending, tmp_path):
    """Written by xlwt and odfpy."""
    path = tmp_path / f"staff.{ending}"
    shutil.copy(HERE / path.name, path)
    (tmp_path / f"~$staff.{ending}").write_bytes(b"SECRET")
    source = Excel(name="a", path=tmp_path)
    kinds = [("id", "integer"), ("born", "date"), ("at", "timestamp"), ("name", "text"), ("pay", "number"), ("left", "boolean")]
    assert source.columns() == kinds
    at = dt.datetime(2024, 1, 5, 8, 30, tzinfo=dt.UTC).replace(tzinfo=None)
    assert rows_of(source) == [(1, dt.date(1990, 5, 1), at, "Ann", 1.5, True), (2, None, None, "Bób", 2.0, False)]
    path.write_bytes(path.read_bytes()[:-900])
    refused(Excel(name="a", path=path), "workbook", "no complete workbook")
