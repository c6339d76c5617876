"""What people really point a pod at. Each is read for what it is, or refused with its file, its line or column and a remedy; no cell."""

import gzip
import os
import socket
import tempfile
from pathlib import Path

import pytest

from podium.datasources import Csv, Excel, Images, Json, Parquet
from podium.datasources._files import look
from podium.datasources._packed import check_packed
from podium.errors import DataSourceError


def rows_of(source):
    return [tuple(row.values()) for batch in source.read([name for name, _ in source.columns()]) for row in batch.to_pylist()]


def refused(source, code, *says):
    with pytest.raises(DataSourceError) as caught:
        rows_of(source)
    error = caught.value
    assert error.code == code
    assert "SECRET" not in str(error)
    assert error.remedy
    assert error.__cause__ is None
    for one in says:
        assert one in error.message, error.message
    return error


@pytest.mark.parametrize(
    ("data", "code", "says"),
    [
        (b"a,b\n1,2\n3,SECRET,4\n", "ragged_row", "line 3:"),
        (b"a,b\n" + b"1,2\n" * 10 + b"3,SECRET\xe9\n", "encoding", "line 12:"),
        ("a,b\n1,SECRET\n".encode("utf-16"), "encoding", "line 1:"),
        ("a,b\n1,SECRET\n".encode("utf-16-le"), "encoding", "line 1:"),
        (b"a,b\n1,2\n3,4\r\n5,SECRET\n", "line_ends", "do not all end alike"),
        (b'a,b\n1,2\n3,"SECRET\n', "quote", "line 3:"),
        (b"\n\na,b\nSECRET,2\n", "no_header", "line 1:"),
        (b"a,b\n1,2\n" + b"S" * 3_000_000 + b",2\n3,4\n", "long_line", "line 3:"),
        (b"a" * 5_000_000, "long_line", "line 1:"),
        (b"a,b\n1,2\n" + b"SECRET," * 9_000_000, "long_line", "line 3:"),
    ],
    ids=["ragged", "latin-1", "utf-16", "utf-16-without-mark", "mixed-ends", "open-quote", "blank-first", "long", "one-line", "long-last"],
)
def test_refused(tmp_path, data, code, says):
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    error = refused(Csv(name="t", path=path), code, str(path), says)
    if "utf-16" in error.remedy:
        path.write_bytes(data)
        assert rows_of(Csv(name="t", path=path, encoding="utf-16")) == [(1, "SECRET")]


@pytest.mark.parametrize(
    "data",
    [b"a,b\r1,x\r2,y\r", b"a,b\r\n1,x\r\n2,y\r\n", b"a,b\n1,x\n2,y", b"\xef\xbb\xbfa,b\n1,x\n2,y\n", b'\xef\xbb\xbf"a","b"\n1,x\n2,y\n\n'],
    ids=["cr", "crlf", "no-end", "mark", "mark-and-quotes"],
)
def test_read_for_what_they_are(tmp_path, data):
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    source = Csv(name="t", path=path)
    assert source.columns() == [("a", "integer"), ("b", "text")]
    assert rows_of(source) == [(1, "x"), (2, "y")]
    assert [tuple(r.values()) for p in source.partitions() for b in source.read_part(p, ["a"]) for r in b.to_pylist()] == [(1,), (2,)]


def test_utf_16_with_the_other_byte_order(tmp_path):
    (tmp_path / "t.csv").write_bytes("\ufeffa,b\n1,SECRET\n".encode("utf-16-be"))
    refused(Csv(name="t", path=tmp_path / "t.csv", encoding="utf-16"), "encoding", "line 1:")


def test_times_with_a_zone_are_read_in_utc(tmp_path):
    """Read as a whole or in parts; DuckDB's CSV reader by itself would leave the zone out."""
    (tmp_path / "t.csv").write_text("at,b\n2024-01-02 03:04:05+02,1\n")
    source = Csv(name="t", path=tmp_path / "t.csv")
    (part,) = source.partitions()
    read = [
        row["at"] for batches in (source.read(["at"]), source.read_part(part, ["at"])) for batch in batches for row in batch.to_pylist()
    ]
    assert [str(one) for one in read] == ["2024-01-02 01:04:05"] * 2


def test_a_zero_byte_in_a_text_is_kept(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"a,b\n1,x\0y\n")
    assert rows_of(Csv(name="t", path=tmp_path / "t.csv")) == [(1, "x\0y")]


def test_ten_thousand_columns(tmp_path):
    names = [f"c{n}" for n in range(10_000)]
    (tmp_path / "t.csv").write_text("\n".join([",".join(names), ",".join("1.5" for _ in names), ",".join("x" for _ in names)]) + "\n")
    source = Csv(name="t", path=tmp_path / "t.csv")
    assert source.columns() == [(name, "text") for name in names]
    assert [batch.to_pylist() for batch in source.read(["c9999", "c0"])] == [[{"c9999": "1.5", "c0": "1.5"}, {"c9999": "x", "c0": "x"}]]


def test_two_thousand_columns_that_the_engine_alone_reads(tmp_path):
    """It needs memory for each column, however few rows there are."""
    names = [f"c{n}" for n in range(2_000)]
    (tmp_path / "t.csv").write_text(",".join(names) + "\n" + (",".join(["SECRET"] * 2_000) + "\n") * 2_100)
    source = Csv(name="t", path=tmp_path / "t.csv", encoding="latin-1", types=dict.fromkeys(names, "text"))
    assert sum(batch.num_rows for batch in source.read(names)) == 2_100


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_a_bomb_is_refused_before_it_is_read(tmp_path, kind, monkeypatch):
    import pyarrow as pa

    monkeypatch.setattr("podium.datasources._packed.HARMLESS", 1 << 20)
    path = tmp_path / f"t.csv.{kind}"
    with pa.CompressedOutputStream(str(path), {"gz": "gzip", "zst": "zstd"}[kind]) as out:
        out.write(b"a,b\n" + b"1,2\n" * 3_000_000)
    refused(Csv(name="t", path=path), "bomb", str(path), "200 times its size")
    source = Csv(name="t", path=path, max_ratio=100_000)
    assert sum(batch.num_rows for batch in source.read(["a"])) == 3_000_000
    assert [part.id for part in source.partitions()] == [path.name]


@pytest.mark.parametrize("end", [".gz", ".zst"])
def test_a_compressed_file_cut_short(tmp_path, end):
    import pyarrow as pa

    path = tmp_path / f"t.csv{end}"
    with pa.CompressedOutputStream(str(path), {".gz": "gzip", ".zst": "zstd"}[end]) as out:
        out.write(b"a,b\n" + b"".join(b"%d,SECRET%d\n" % (n, n * n) for n in range(5000)))
    path.write_bytes(path.read_bytes()[:-500])
    refused(Csv(name="t", path=path), "compression", str(path))
    path.write_bytes(b"a,b\nSECRET,1\n")
    refused(Csv(name="t", path=path), "compression", str(path))


def test_a_long_last_line_in_a_compressed_file(tmp_path):
    """The engine would pass over it without a word."""
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n" + b"S" * (40 << 20) + b",1\n", 1))
    refused(Csv(name="t", path=path), "long_line", str(path))


def test_paths_that_are_no_files(tmp_path):
    """None of them may keep anybody waiting."""
    os.mkfifo(tmp_path / "pipe.csv")
    refused(Csv(name="t", path=tmp_path / "pipe.csv"), "no_file", "pipe.csv")
    refused(Csv(name="t", path="/dev/zero"), "no_file", "/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s.csv"))
        refused(Csv(name="t", path=tmp_path / "s.csv"), "no_file")
    (tmp_path / "link.csv").symlink_to(tmp_path / "nowhere")
    refused(Csv(name="t", path=tmp_path / "link.csv"), "missing_file", "link.csv")
    refused(Csv(name="t", path=tmp_path / "none.csv"), "missing_file", "none.csv")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    refused(Images(name="t", path=tmp_path / "loop.png"), "missing_file", "leads back to itself")
    refused(Csv(name="t", path=tmp_path), "no_files", str(tmp_path))
    (tmp_path / "x.csv").mkdir()
    refused(Csv(name="t", path=tmp_path / "x.csv"), "no_files", "x.csv")
    (tmp_path / "x.csv" / "part.csv").write_text("a\n1\n")
    assert rows_of(Csv(name="t", path=tmp_path / "x.csv")) == [(1,)]
    assert rows_of(Csv(name="t", path=tmp_path)) == [(1,)]


@pytest.mark.parametrize("kind", [Csv, Excel, Images, Json, Parquet])
def test_a_file_that_may_not_be_read(kind):
    """By root this is tried as another user, for whom there must be a way to the file."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        source = kind.sample(Path(folder))
        assert rows_of(source)
        path = source.path if source.path.is_file() else next(source.path.rglob("*.png"))
        path.chmod(0)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            refused(source, "permission", str(path))
        finally:
            if root:
                os.seteuid(0)


@pytest.mark.skipif(os.geteuid() == 0, reason="this user may read everything")
def test_a_folder_that_may_not_be_entered(tmp_path):
    (tmp_path / "t.csv").write_text("a\n1\n")
    tmp_path.chmod(0)
    refused(Csv(name="t", path=tmp_path), "permission")


@pytest.mark.parametrize(
    ("data", "says"),
    [(b"", "empty"), (b"a,b\nSECRET,1\n", "no Parquet file"), (b"PAR1SECRETPAR1", "footer is damaged")],
    ids=["empty", "csv", "short"],
)
def test_no_parquet(tmp_path, data, says):
    path = tmp_path / "t.parquet"
    path.write_bytes(data)
    error = refused(Parquet(name="t", path=path), "empty_file" if not data else "parquet_footer", str(path), says)
    assert error.message.startswith(str(path))


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["a", "a"], ": two columns are called 'a'"),
        (["a", ""], ": column 2 has no name"),
        (["a", "b\0c"], ": the name of column 2 has a zero byte"),
    ],
    ids=["twice", "empty", "zero-byte"],
)
def test_names_of_a_parquet_file_stand_in_no_line(tmp_path, names, says):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "t.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=names), path)
    refused(Parquet(name="t", path=path), "column_names", f"{path}{says}")


@pytest.mark.parametrize("which", [0, 1, 2])
def test_one_damaged_footer_in_a_partitioned_folder_is_named(tmp_path, which):
    import pyarrow as pa
    import pyarrow.parquet as pq

    paths = [tmp_path / f"year={year}" / "t.parquet" for year in (2021, 2022, 2023)]
    for path in paths:
        path.parent.mkdir()
        pq.write_table(pa.table({"a": ["SECRET"] * 100}), path)
    data = bytearray(paths[which].read_bytes())
    data[-60:-20] = bytes(one ^ 0xFF for one in data[-60:-20])
    paths[which].write_bytes(data)
    refused(Parquet(name="t", path=tmp_path), "parquet_footer", f"{paths[which]}: ")


def test_a_parquet_file_with_a_damaged_page(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": [f"SECRET{n * n}" for n in range(20_000)]}), path, use_dictionary=False)
    data = bytearray(path.read_bytes())
    data[30:3000] = b"\xff" * 2970
    path.write_bytes(data)
    refused(Parquet(name="t", path=path), "unreadable", str(path), "page is damaged")


def test_arrow_types_of_all_kinds(tmp_path):
    import datetime as dt
    import decimal

    import pyarrow as pa
    import pyarrow.parquet as pq

    moment = dt.datetime(2024, 1, 2, 3, 4, 5, 678901)  # noqa: DTZ001 as tables hold them
    columns = {
        "decimal": (pa.array([decimal.Decimal("1.25"), None], pa.decimal128(20, 2)), "number", 1.25),
        "whole": (pa.array([decimal.Decimal(10**17 + 1), None], pa.decimal128(18)), "integer", 10**17 + 1),
        "fits": (pa.array([decimal.Decimal(-(2**63)), None], pa.decimal128(38)), "integer", -(2**63)),
        "wide": (pa.array([decimal.Decimal(-(2**63) - 1), None], pa.decimal128(38)), "text", str(-(2**63) - 1)),
        "zone": (pa.array([moment, None], pa.timestamp("us", "Europe/Berlin")), "timestamp", moment),
        "nano": (pa.array([moment, None], pa.timestamp("ns")), "timestamp", moment),
        "milli": (pa.array([moment.replace(microsecond=0), None], pa.timestamp("ms")), "timestamp", moment.replace(microsecond=0)),
        "u8": (pa.array([255, None], pa.uint8()), "integer", 255),
        "u64": (pa.array([2**63 - 1, None], pa.uint64()), "integer", 2**63 - 1),
        "beyond": (pa.array([2**63, None], pa.uint64()), "text", str(2**63)),
        "half": (pa.array([1.5, None], pa.float16()), "number", 1.5),
        "word": (pa.array(["x", None]).dictionary_encode(), "text", "x"),
        "large": (pa.array(["x", None], pa.large_string()), "text", "x"),
        "list": (pa.array([[1, 2], None]), "other", "[1, 2]"),
        "struct": (pa.array([{"k": 1}, None]), "other", "{'k': 1}"),
        "none": (pa.nulls(2), "text", None),
        "bytes": (pa.array([b"\0", None], pa.large_binary()), "binary", b"\0"),
        "time": (pa.array([dt.time(1, 2), None], pa.time64("us")), "text", "01:02:00"),
    }
    pq.write_table(pa.table({name: array for name, (array, _, _) in columns.items()}), tmp_path / "t.parquet")
    source = Parquet(name="t", path=tmp_path / "t.parquet")
    assert source.columns() == [(name, kind) for name, (_, kind, _) in columns.items()]
    assert dict(zip(columns, rows_of(source)[0], strict=True)) == {name: value for name, (_, _, value) in columns.items()}
    assert set(rows_of(source)[1]) == {None}


def test_numbers_beyond_an_integer_stay_apart(tmp_path):
    """As floats two that differ would be one, and with them two patients."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    ids = [2**64 - 1 - n for n in range(3)]
    (tmp_path / "parts").mkdir()
    pq.write_table(pa.table({"id": pa.array([7, 8], pa.uint64())}), tmp_path / "parts" / "0.parquet")
    assert Parquet(name="t", path=tmp_path / "parts").columns() == [("id", "integer")]
    pq.write_table(pa.table({"id": pa.array(ids, pa.uint64())}), tmp_path / "parts" / "1.parquet", row_group_size=1)
    source = Parquet(name="t", path=tmp_path / "parts", key=("id",))
    assert source.columns() == [("id", "text")]
    assert rows_of(source) == [(one,) for one in ("7", "8", *map(str, ids))]
    pq.write_table(pa.table({"id": pa.array([1], pa.uint64())}), tmp_path / "untold.parquet", write_statistics=False)
    assert Parquet(name="t", path=tmp_path / "untold.parquet").columns() == [("id", "text")]
    (tmp_path / "t.jsonl").write_text("".join(f'{{"id": {number}}}\n' for number in ids))
    assert rows_of(Json(name="t", path=tmp_path / "t.jsonl")) == [(str(number),) for number in ids]


def test_a_compressed_file_is_looked_through_once(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n"))
    found = look(path)
    check_packed(path, found, max_ratio=200)
    path.unlink()
    check_packed(path, found, max_ratio=200)
    with pytest.raises(FileNotFoundError):
        check_packed(path, found, max_ratio=100)
