"""Many files are one table, and its parts one after the other are its rows, whatever lies in them."""

import gzip
import os
import random

import pytest

from podium.contracts import Part
from podium.datasources import Csv, Parquet, _slices
from podium.errors import DataSourceError

ODD = ['"', '""', ",", "\n", "\r\n", "é", "x", "", " ", '"\n"']


def rows_of(batches):
    return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]


def whole(source):
    return rows_of(source.read([name for name, _ in source.columns()]))


def by_parts(source, parts=None):
    names = [name for name, _ in source.columns()]
    return [row for part in parts or source.partitions() for row in rows_of(source.read_part(part, names))]


@pytest.fixture
def small(monkeypatch):
    """Slices of a kilobyte and blocks of 300 bytes, so that small files have many of both."""
    real = _slices.slices
    monkeypatch.setattr(_slices, "BLOCK", 300)
    monkeypatch.setattr("podium.datasources.csv.slices", lambda path, **fields: real(path, size=1000, **fields))


def quoted_csv(seed, end):
    chance = random.Random(seed)

    def cell():
        text = "".join(chance.choice(ODD) for _ in range(chance.randint(0, 6))).replace("\r\n", end)
        return '"' + text.replace('"', '""') + '"' if set(text) & set('",\r\n') or chance.random() < 0.3 else text

    return "a,b,c" + end + "".join(f"{n},{cell()},{cell()}{end}" for n in range(400))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_slices_of_any_csv_are_its_rows(tmp_path, small, seed, end):
    path = tmp_path / "t.csv"
    bom = "\ufeff" if seed % 2 else ""
    path.write_bytes((bom + quoted_csv(seed, end)).encode()[: None if seed % 3 else -len(end)])
    source = Csv(name="t", path=path, types={"b": "text", "c": "text"})
    parts = source.partitions()
    assert len(parts) > 4
    assert [part.where["start"] for part in parts[1:]] == [part.where["end"] for part in parts[:-1]]
    assert by_parts(source) == whole(source)
    assert len(whole(source)) == 400


def test_quotes_inside_values_are_told_from_those_around_them(tmp_path, small):
    """Counting quotes alone would cut this file inside a quoted value."""
    path = tmp_path / "t.csv"
    lines = ["n,t", *(f'{n},{n}" pipe' for n in range(101)), *(f'{n},"two\nlines, and {n}"' for n in range(101, 300))]
    path.write_text("\n".join(lines) + "\n")
    source = Csv(name="t", path=path)
    assert by_parts(source) == whole(source)
    assert len(whole(source)) == 300


def test_a_grown_file_keeps_its_earlier_parts(tmp_path, small):
    path = tmp_path / "t.csv"
    path.write_text("n,t\n" + "".join(f"{n},x{n}\n" for n in range(500)))
    source = Csv(name="t", path=path)
    before = source.partitions()
    with path.open("a") as file:
        file.writelines(f"{n},x{n}\n" for n in range(500, 700))
    after = source.partitions()
    assert len(after) > len(before) > 3
    assert after[: len(before) - 1] == before[:-1]
    assert rows_of(source.read_part(before[0], ["n"])) == rows_of(source.read_part(after[0], ["n"]))
    with pytest.raises(DataSourceError) as caught:  # the last one has grown
        by_parts(source, [Part(**{**before[-1].model_dump(), "token": before[-1].token.replace(before[-1].token[:8], "0" * 8)})])
    assert (caught.value.code, caught.value.transient) == ("changed_while_read", True)
    path.write_text(path.read_text().replace("\n5,x5\n", "\n5,y5\n"))
    edited = source.partitions()
    assert (edited[0].id, edited[0].token != after[0].token, edited[1:]) == (after[0].id, True, after[1:])


def test_an_error_in_a_slice_names_the_line_of_the_file(tmp_path, small):
    path = tmp_path / "t.csv"
    lines = ["n,t"] + [f"{n},x" for n in range(900)]
    lines[601] = "600,x,SECRET"
    path.write_text("\n".join(lines) + "\n")
    source = Csv(name="t", path=path, types={"n": "integer", "t": "text"})
    lines[601] = "600,x"
    path.write_text("\n".join(lines) + "\n")
    source.columns()
    lines[601] = "6SECRET,x"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(DataSourceError, match="line 602: column 'n' was read as bigint") as caught:
        by_parts(source)
    assert "SECRET" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_files_of_one_shape_are_one_table(tmp_path):
    for name, text in {"b.csv": "y,x\n2.5,3\n", "a.csv": "x,y\n1,2\n", "sub/c.csv": "x;y\r\n5;\r\n", "notes.txt": "no"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text.encode())
    (tmp_path / "d.csv.gz").write_bytes(gzip.compress(b"x,y\n7,8\n"))
    source = Csv(name="t", path=tmp_path)
    assert source.columns() == [("x", "integer"), ("y", "number")]
    assert whole(source) == by_parts(source) == [(1, 2.0), (3, 2.5), (7, 8.0), (5, None)]
    assert rows_of(source.read(["y"], [3, 1])) == [(2.5,), (None,)]
    with source.reading() as reading:
        assert reading.engine.sql(reading.select(["x"])).fetchall() == [(1,), (3,), (7,), (5,)]
    assert whole(Csv(name="t", path=tmp_path / "[ab].csv")) == [(1, 2.0), (3, 2.5)]
    token = source.token()
    (tmp_path / "e.csv").write_text("x,y\nword,1\n")
    assert source.token() != token
    assert source.columns() == [("x", "text"), ("y", "number")]
    assert [row[0] for row in whole(source)] == ["1", "3", "7", "word", "5"]


@pytest.mark.parametrize(("other", "says"), [("x,z\n1,2\n", "no column 'y'"), ("x,y,z\n1,2,3\n", "a column 'z'")], ids=["less", "more"])
def test_a_file_with_other_columns_is_refused_by_name(tmp_path, other, says):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text(other)
    with pytest.raises(DataSourceError, match=says) as caught:
        Csv(name="t", path=tmp_path).columns()
    assert caught.value.code == "other_columns"
    assert "b.csv" in caught.value.message
    assert caught.value.remedy


def test_a_column_without_values_in_one_file_has_the_type_of_the_others(tmp_path):
    (tmp_path / "a.csv").write_text("x,y,z\n1,NA,true\n")
    (tmp_path / "b.csv").write_text("x,y,z\n1,2,\n")
    (tmp_path / "c.csv").write_text("y,z,x\n,,\n")
    assert Csv(name="t", path=tmp_path).columns() == [("x", "integer"), ("y", "integer"), ("z", "boolean")]


def test_an_error_in_one_of_many_files_names_it(tmp_path):
    late = "".join(f"{n},1\n" for n in range(60_000)) + "SECRET,1\n"
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.csv").write_text("x,y\n" + (late if name == "b" else "1,2\n"))
    source = Csv(name="t", path=tmp_path)
    with pytest.raises(DataSourceError, match=r"b\.csv, line 60002: column 'x' was read as bigint") as caught:
        whole(source)
    assert "SECRET" not in str(caught.value)


def test_parquet_files_with_row_groups_and_folders(tmp_path, monkeypatch):
    import pyarrow as pa
    import pyarrow.parquet as pq

    monkeypatch.setattr("podium.datasources._footer.GROUP_ROWS", 100)
    for year, values in ((2023, pa.array(range(250), pa.int32())), (2024, pa.array([0.5, None]))):
        folder = tmp_path / f"year={year}" / "ward=a%20b"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"v": values, "t": pa.nulls(len(values))}), folder / "x.parquet", row_group_size=60)
    source = Parquet(name="t", path=tmp_path)
    assert source.columns() == [("v", "number"), ("t", "text"), ("year", "integer"), ("ward", "text")]
    parts = source.partitions()
    assert [part.id for part in parts] == [*(f"year=2023/ward=a%20b/x.parquet#{n}" for n in range(4)), "year=2024/ward=a%20b/x.parquet"]
    assert by_parts(source) == whole(source)
    assert whole(source)[249:] == [(249.0, None, 2023, "a b"), (0.5, None, 2024, "a b"), (None, None, 2024, "a b")]
    (tmp_path / "year=2024" / "x.parquet").write_bytes((folder / "x.parquet").read_bytes())
    with pytest.raises(DataSourceError, match="folders of the same names"):
        source.columns()


def test_parquet_files_of_other_types_are_refused_by_name(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"v": [1]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"v": [True]}), tmp_path / "b.parquet")
    with pytest.raises(DataSourceError, match=r"b\.parquet: column 'v' is boolean here, and integer") as caught:
        Parquet(name="t", path=tmp_path).columns()
    assert caught.value.code == "other_types"


def test_a_file_that_changes_while_it_is_read(tmp_path):
    """Also one that gets longer: its rows would be those of two versions."""
    path = tmp_path / "t.csv"
    path.write_text("n\n" + "1\n" * 300_000)
    source = Csv(name="t", path=path)
    batches = source.read(["n"])
    next(batches)
    with path.open("a") as file:
        file.write("2\n")
    with pytest.raises(DataSourceError) as caught:
        list(batches)
    assert (caught.value.code, caught.value.transient) == ("changed_while_read", True)
    (part,) = source.partitions()
    with source.reading(part) as reading:  # a slice is a copy: what happens later does not matter
        path.write_text("n\n2\n")
        os.utime(path, ns=(5, 5))
        assert reading.engine.sql(f"SELECT count(*) FROM ({reading.select(['n'])})").fetchall() == [(300_001,)]
    with pytest.raises(DataSourceError) as caught:
        list(source.read_part(part, ["n"]))
    assert caught.value.code == "changed_while_read"
    path.unlink()
    with pytest.raises(DataSourceError):
        list(source.read_part(part, ["n"]))


def test_parts_are_found_again_without_reading(tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    path.write_text("n\n1\n")
    source = Csv(name="t", path=path)
    parts = source.partitions()
    monkeypatch.setattr("podium.datasources.csv.slices", lambda *_, **__: pytest.fail("read again"))
    assert source.partitions() == parts
