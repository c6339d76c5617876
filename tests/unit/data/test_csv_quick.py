"""What Arrow's reader takes of a CSV, DuckDB takes too, as the same rows; all else is left to DuckDB, from that row on."""

import os
import tempfile
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podium.datasources import _csv_quick
from podium.datasources._csv_quick import Form, quickly
from podium.datasources._csv_types import reader
from podium.datasources._engine import connect, literal, room
from podium.datasources._slices import Quotes, copied, slices
from podium.datasources._tables import Table
from podium.datasources.csv import NULLS, Csv
from podium.errors import DataSourceError
from podium.workers.profile.rows import Asked
from podium.workers.profile.scan import scan

WORDS = {
    "BIGINT": [
        "12", "-7", "007", "9223372036854775807", "9223372036854775808", "0x1f", "0x1 ", "X", "1e3", "+4", "1.0", " 12 ", "\t3", "1_0",
    ],
    "DOUBLE": [
        "1.5", "-2e10", "inf", "-Infinity", "1e400", "4.9e-324", "0x1p3", "1.", " .5", "+1", "1d", "0.1", "-0", "1,5", "123456789012345678",
    ],
    "BOOLEAN": ["true", "False", "TRUE", "t", "1", "tRuE", " true", "no"],
    "DATE": ["2024-01-05", "2024-1-5", "0000-01-01", "9999-12-31", "2024-02-30", "05.01.2024", "5.1.24", "epoch", " 2024-01-05"],
    "TIMESTAMP": [
        "2024-01-05 10:11:12", "2024-01-05T10:11:12", "2024-01-05", "2024-01-05 10", "2024-01-05 10:11:12.1234567", "epoch", "24:00",
        "2024-01-05 10:11:12Z", "2024-01-05 10:11:12+01", "05.01.2024 10:11", "2024-01-05 10:11:12.5", "2024-01-05 101112.25",
        "2024-01-05 10:1112.25", "2024-01-05 10:11:12.", "2024-01-05 24:00:00", "0000-01-01 00:00:00", "2024-02-30 00:00:00",
    ],
    "VARCHAR": [
        "abc", " abc ", "é", "\ud7ff", "#c", "\\N", "'x'", 'a"b', '" ', '""', '"a""b"', '"a\nb"', '"a\r\nb"', '"a,b"', '"', "0x1 ", "\0",
        "\ufeff",
    ],
}  # fmt: skip
ENDS = ["\n", "\r\n", "\r", "\n\n"]
TIMES = [("", ""), ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S"), ("%d.%m.%Y", "%d.%m.%Y %H:%M")]


@st.composite
def files(draw):
    kinds = draw(st.lists(st.sampled_from(sorted(WORDS)), min_size=1, max_size=4))
    delimiter = draw(st.sampled_from([",", ";", "\t", " "]))
    nulls = tuple(word for word in draw(st.sampled_from([NULLS, (), ("-9", "é", "x y"), ("NA", " ")])) if delimiter not in word)
    usual, header = draw(st.sampled_from(ENDS[:2])), draw(st.booleans())
    lines = [delimiter.join(f"c{n}" for n in range(len(kinds))) + usual] if header else []
    for _ in range(draw(st.integers(1, 6))):
        cells = []
        for kind in kinds:
            word = draw(st.sampled_from([WORDS[kind][0], *WORDS[kind], "", "NA", "-9", "é", *map(str, nulls)]) | st.text(max_size=3))
            cells.append(f'"{word}"' if draw(st.integers(0, 4)) == 0 else word)
        width = draw(st.sampled_from([0, 0, 0, 0, 0, 0, 1]))
        lines.append(delimiter.join(cells[width:]) + draw(st.sampled_from([usual] * 12 + ENDS)))
    text = "".join(lines).encode("utf-8", "surrogatepass")
    types = {f"c{n}": kind for n, kind in enumerate(kinds)}
    columns = draw(st.lists(st.sampled_from(list(types)), min_size=1, unique=True))
    date, timestamp = draw(st.sampled_from(TIMES))
    return (
        text,
        types,
        columns,
        Form(delimiter, '"', nulls, date=date, timestamp=timestamp, header=header),
        draw(st.sampled_from([20, 60, 1000])),
    )


def _exact(table):
    """Every value, also such times as Python has no word for."""
    plain = {"date32[day]": "int32", "timestamp[us]": "int64"}
    return [(str(c.type), repr((c.cast(plain[str(c.type)]) if str(c.type) in plain else c).to_pylist())) for c in table.columns]


def _by_duckdb(path, piece, form, types, columns):
    told = Csv(name="t", path=path, delimiter=form.delimiter, nulls=form.nulls)._form(form.delimiter)
    told += f", dateformat = {literal(form.date)}" if form.date else ""
    told += f", timestampformat = {literal(form.timestamp)}" if form.timestamp else ""
    heading = form.delimiter.join('""' for _ in types).encode() if piece.start else b""
    with copied(path, piece, heading=heading) as copy:
        table = reader([copy], told, types, header=bool(heading) or form.header)
        wanted = ", ".join(columns)
        return connect(copy).sql(f"SELECT {wanted} FROM {table}").to_arrow_table()


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(files())
def test_what_the_quick_way_takes_is_the_same_by_the_other(file):
    text, types, columns, form, size = file
    if not form.takes(types, columns):
        return
    with tempfile.TemporaryDirectory(dir=room()) as folder:
        path = Path(folder) / "t.csv"
        path.write_bytes(text)
        for piece in slices(path, quotes=Quotes('"', form.delimiter), size=size):
            if not piece.sound:
                continue
            try:
                with quickly(path, piece, form=form, types=types, columns=columns, rows=3) as batches:
                    found = list(batches)
            except (ValueError, OSError, duckdb.Error):
                continue
            wanted = _by_duckdb(path, piece, form, types, columns)
            assert _exact(pa.Table.from_batches(found, wanted.schema)) == _exact(wanted)


@pytest.fixture
def slowly(monkeypatch):
    """The parts that DuckDB has read."""
    read: list[str] = []
    real = Table._reading_part

    def spy(self, part):
        read.append(part.id)
        return real(self, part)

    monkeypatch.setattr(Table, "_reading_part", spy)
    monkeypatch.setattr(_csv_quick, "BLOCK", 4096)
    return read


def _rows(source, columns):
    return [tuple(row.values()) for part in source.partitions() for batch in source.read_part(part, columns) for row in batch.to_pylist()]


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_an_ordinary_file_is_read_the_quick_way(tmp_path, slowly, end):
    path = tmp_path / "t.csv"
    lines = [f'{n},"a, ""{n}""{end}b",2024-01-05 10:11:12,05.01.2024,{n / 7},{str(n % 2 == 0).lower()}' for n in range(3000)]
    path.write_bytes(end.join(["n,text,seen,born,x,flag", *lines]).encode())
    source = Csv(name="t", path=path)
    names = [name for name, _ in source.columns()]
    assert [kind for _, kind in source.columns()] == ["integer", "text", "timestamp", "date", "number", "boolean"]
    wanted = [tuple(row.values()) for batch in source.read(names) for row in batch.to_pylist()]
    assert _rows(source, names) == wanted
    assert _rows(source, ["x", "n"]) == [(row[4], row[0]) for row in wanted]
    assert len(wanted) == 3000
    assert not slowly


def test_where_arrow_gives_up_duckdb_goes_on_at_that_row(tmp_path, slowly):
    path = tmp_path / "t.csv"
    path.write_text("n,flag\n" + "".join(f"{n},{'t' if n == 180_000 else 'true'}\n" for n in range(200_000)))
    source = Csv(name="t", path=path, types={"flag": "boolean"})
    (part,) = source.partitions()
    batches = source.stream(part, ["n", "flag"], rows=1000)
    first = next(batches)
    assert not slowly
    found = [value for batch in (first, *batches) for value in batch["n"].to_pylist()]
    assert found == list(range(200_000))
    assert slowly == ["t.csv#0"]


@pytest.mark.parametrize(("last", "unique"), [("name 0,0,t", False), ("name 1x,1x,t", True)], ids=["again", "new"])
def test_a_text_has_the_same_hash_whoever_reads_it(tmp_path, slowly, last, unique):
    """The last row is read by DuckDB: whether it holds the first one's texts again is seen all the same."""
    path = tmp_path / "t.csv"
    path.write_text("name,code,flag\n" + "".join(f"name {n},{'y' * (n % 40)}{n},true\n" for n in range(60_000)) + last + "\n")
    source = Csv(name="t", path=path, types={"flag": "boolean"})
    asked = [Asked(name, "text", levels=False, unique=True) for name in ("name", "code")] + [
        Asked("flag", "boolean", levels=True, unique=False)
    ]
    rows, (name, code, _) = scan(source, source.partitions(), asked, tmp_path / "kept", size=4096, progress=lambda _: None)
    assert slowly == ["t.csv#0"]
    assert rows == 60_001
    assert (name.unique(), code.unique()) == (unique, unique)


def test_a_value_that_neither_takes_is_named_by_its_line(tmp_path, slowly):
    path = tmp_path / "t.csv"
    path.write_text("n,m\n" + "".join(f"{n},1\n" for n in range(120_000)) + "SECRET,1\n")
    with pytest.raises(DataSourceError, match="line 120002: column 'n' was read as bigint") as caught:
        _rows(Csv(name="t", path=path), ["n"])
    assert "SECRET" not in str(caught.value)


def test_a_slice_that_has_become_another_is_no_slice(tmp_path, slowly):
    path = tmp_path / "t.csv"
    path.write_text("n,m\n" + "1,2\n" * 20_000)
    source, about = Csv(name="t", path=path), path.stat()
    (part,) = source.partitions()
    with path.open("r+b") as file:  # in place, and with the time of before: nothing but its bytes tells
        file.seek(-2, os.SEEK_END)
        file.write(b"3")
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    with pytest.raises(DataSourceError) as caught:
        list(source.stream(part, ["n"]))
    assert caught.value.code == "changed_while_read"
