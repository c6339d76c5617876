"""Every way a CSV file can be wrong ends in a DataSourceError that names the file and the line, and never a value."""

import gzip
import os

import pytest

from podium.datasources import Csv, Frame, Parquet, rebuildable
from podium.errors import DataSourceError

LATE = b"id,age\n" + b"\n".join(b"%d,%d" % (i, i % 90) for i in range(120_000)) + b"\n7,SECRET\n"


def _read(path, **fields):
    source = Csv(name="t", path=path, **fields)
    names = [name for name, _ in source.columns()]
    return source, [row for batch in source.read(names) for row in batch.to_pylist()]


def _file(tmp_path, data, name="t.csv"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        (b"", "empty_file", None),
        (b"  \n\n", "empty_file", None),
        (b"1,2\n3,4\n", "no_header", 1),
        (b"id,a,a\n1,2,3\n", "column_names", 1),
        (b"id,,a\n1,2,3\n", "column_names", 1),
        (b"id,Age,age\n1,2,3\n", "column_names", 1),
        (b"id,a\n1,2\n1,2,SECRET\n", "ragged_row", 3),
        (b"id,a\n1,2\n1\n", "ragged_row", 3),
        ("id,a\n1,x\n2,SECRET\xe9\n".encode("latin-1"), "encoding", 3),
        (LATE, "value_does_not_fit", 120_002),
        (b'id,a\n1,"SECRET\n2,z\n', "quote", 2),
    ],
)
def test_a_wrong_file(tmp_path, data, code, line):
    path = _file(tmp_path, data)
    with pytest.raises(DataSourceError) as caught:
        _read(path)
    assert caught.value.code == code
    assert str(path) in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None
    if line:
        assert f"line {line}:" in str(caught.value)


def test_a_value_that_does_not_fit_names_its_column_and_the_way_out(tmp_path):
    path = _file(tmp_path, LATE)
    with pytest.raises(DataSourceError, match=r"column 'age' was read as bigint.*types: \{age: text\}"):
        _read(path)
    _, rows = _read(path, types={"age": "text"})
    assert rows[-1] == {"id": 7, "age": "SECRET"}


def test_missing_and_forbidden_files(tmp_path):
    with pytest.raises(DataSourceError) as caught:
        Csv(name="t", path=tmp_path / "none.csv").columns()
    assert caught.value.code == "missing_file"
    path = _file(tmp_path, b"id\n1\n")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(DataSourceError) as caught:
        Csv(name="t", path=path).columns()
    assert caught.value.code == "permission"


@pytest.mark.parametrize("cut", [0, 3, 100])
def test_a_parquet_file_cut_short(tmp_path, cut):
    path = Parquet.sample(tmp_path).path
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataSourceError, match=str(path)):
        Parquet(name="t", path=path).columns()


def test_a_column_of_f_alone_stays_text(tmp_path):
    """The engine would take F for false; the women's ward would become a ward of no one."""
    source, rows = _read(_file(tmp_path, b"sex,flag\nF,true\nF,false\n"))
    assert source.columns() == [("sex", "text"), ("flag", "boolean")]
    assert rows == [{"sex": "F", "flag": True}, {"sex": "F", "flag": False}]


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_the_alphabet_of_windows_is_not_latin_1(tmp_path, name):
    data = "id;cost\n1;é\n2;SECRET €\n".encode("cp1252")
    path = _file(tmp_path, gzip.compress(data) if name.endswith("gz") else data, name)
    with pytest.raises(DataSourceError, match="Windows") as caught:
        _read(path, encoding="latin-1")
    assert caught.value.code == "encoding"
    assert "UTF-8" in caught.value.remedy
    assert ("line 3:" in str(caught.value)) == (name == "t.csv")
    assert "SECRET" not in str(caught.value)


def test_null_markers_delimiters_and_encodings(tmp_path):
    _, rows = _read(_file(tmp_path, "age;sex\n1;NA\nNaN;é\n".encode("latin-1")), encoding="latin-1")
    assert rows == [{"age": 1, "sex": None}, {"age": None, "sex": "é"}]
    _, rows = _read(_file(tmp_path, b"\xef\xbb\xbfage\tsex\r\n1\tNA\r\n"), nulls=("x",))
    assert rows == [{"age": 1, "sex": "NA"}]
    _, rows = _read(_file(tmp_path, gzip.compress(b"a,b\n1,2\n"), "t.csv.gz"))
    assert rows == [{"a": 1, "b": 2}]


def test_files_without_a_header_line(tmp_path):
    path = _file(tmp_path, b"1,2\n3,4\n")
    assert _read(path, header=False, names=("a", "b"))[1] == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    assert _read(path, header=True)[1] == [{"1": 3, "2": 4}]
    with pytest.raises(DataSourceError, match="has 1 names"):
        _read(path, header=False, names=("a",))


def test_leading_zeros_survive_and_forced_types_hold(tmp_path):
    path = _file(tmp_path, b"code,zip\n7,00123\n8,123\n")
    assert _read(path)[1][0] == {"code": 7, "zip": "00123"}
    assert _read(path, force_types={"code": "identifier"})[1][0]["code"] == "7"
    with pytest.raises(DataSourceError, match="Did you mean 'code'"):
        _read(path, force_types={"cod": "text"})


def test_ignored_columns_are_nowhere(tmp_path):
    source, rows = _read(_file(tmp_path, b"id,name\n1,SECRET\n"), ignore_columns=("name",))
    assert source.columns() == [("id", "integer")]
    assert rows == [{"id": 1}]
    with pytest.raises(DataSourceError):
        list(source.read(["name"]))


def test_the_engine_reaches_nothing_but_its_file(tmp_path):
    import duckdb

    from podium.datasources._tables import connect

    other = _file(tmp_path, b"a\n1\n", "other.csv")
    engine = connect(_file(tmp_path, b"id\n1\n"))
    for query in (f"FROM '{other}'", "FROM 'https://127.0.0.1:9/x.csv'", f"COPY (SELECT 1) TO '{tmp_path}/out.csv'", "SET threads = 1"):
        with pytest.raises(duckdb.Error):
            engine.sql(query).fetchall()
    assert engine.sql(f"FROM '{tmp_path}/t.csv'").fetchall() == [(1,)]


def test_the_token_tells_a_change(tmp_path):
    path = _file(tmp_path, b"id\n1\n")
    before = Csv(name="t", path=path).token()
    path.write_bytes(b"id\n2\n")
    os.utime(path, ns=(1, 1))
    assert Csv(name="t", path=path).token() != before


def test_an_equal_frame_keeps_its_file(tmp_path):
    import pandas as pd

    frame = pd.DataFrame({"id": [1, 2], "t": ["a", None]})
    first = Frame.of(frame, name="t").placed(tmp_path)
    assert first.path.stat().st_mode & 0o777 == 0o600
    token = first.token()
    assert Frame.of(frame.copy(), name="t").placed(tmp_path).token() == token
    assert Frame.of(frame.assign(id=[1, 3]), name="t").placed(tmp_path).token() != token
    with pytest.raises(DataSourceError, match="not written yet"):
        Frame.of(frame, name="t").columns()
    with pytest.raises(DataSourceError, match="mixes types"):
        Frame.of(pd.DataFrame({"a": [1, "SECRET"]}), name="t").placed(tmp_path)


def test_a_class_of_a_script_cannot_be_rebuilt(tmp_path):
    from podium.datasources import Datasource

    rebuildable(Csv.sample(tmp_path))
    known = dict(Datasource._kinds)
    try:
        mine = type("Mine", (Csv,), {"kind": "mine", "__module__": "__main__"})
        with pytest.raises(DataSourceError, match=r"this script or notebook.*Put the class in a module"):
            rebuildable(mine.sample(tmp_path))
    finally:
        Datasource._kinds.clear()
        Datasource._kinds.update(known)


@pytest.mark.parametrize("field", ["quote", "delimiter"])
def test_a_sign_of_more_than_one_byte_is_refused_by_its_field(tmp_path, field):
    with pytest.raises(ValueError, match=f"(?s){field}.*Latin-1"):
        Csv(name="t", path=tmp_path / "t.csv", **{field: "“"})
