"""A full pass keeps both processors busy, and a very wide table does not cost the square of its width."""

import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from podium.datasources import Csv, _csv_quick, _even, _slices
from podium.datasources import csv as csv_kind
from podium.datasources._tables import Table
from podium.errors import DataSourceError
from podium.workers.profile import head, profile, seen
from podium.workers.profile.reader import Reader
from podium.workers.profile.rows import Asked, grouped
from podium.workers.profile.sketch import Sketch, mixed

PARTS = 5


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A CSV of a few slices, each of which is less than a block."""
    real = _slices.slices
    monkeypatch.setattr(_slices, "BLOCK", 300)
    monkeypatch.setattr(csv_kind, "slices", lambda path, **fields: real(path, size=1000, **fields))
    path = tmp_path / "t.csv"
    path.write_text("n,text\n" + "".join(f"{n},some text {n}\n" for n in range(250)))
    source = Csv(name="t", path=path).caching(tmp_path / "cache")
    assert len(source.partitions()) == PARTS
    return source


@pytest.fixture
def streamed(monkeypatch):
    """The parts that were begun, and an event for each."""
    began, real = {}, Table.stream

    def spy(self, part, *args, **fields):
        began.setdefault(part.id, threading.Event()).set()
        return real(self, part, *args, **fields)

    monkeypatch.setattr(Table, "stream", spy)
    return began


class Begun(threading.Event):
    """Set when slices are looked for; of which files."""

    def __init__(self) -> None:
        super().__init__()
        self.paths: list[Path] = []


@pytest.fixture
def begun(source, monkeypatch):
    found, real = Begun(), csv_kind.slices

    def slices(path, **fields):
        found.paths.append(path)
        found.set()
        return real(path, **fields)

    monkeypatch.setattr(csv_kind, "slices", slices)
    return found


ASKED = (Asked("n", "integer", levels=False, unique=True), Asked("text", "text", levels=True, unique=False))


def _numbers(blocks):
    return [value for _, _, table in blocks for value in table["c0"].to_pylist()]


def test_the_next_part_is_read_while_figures_are_taken_of_this_one(source, streamed):
    parts = source.partitions()
    for part in parts:
        streamed[part.id] = threading.Event()
    reader = Reader(source, ASKED, parts)
    first = reader.blocks(parts[0])
    found = _numbers([next(first)])
    assert streamed[parts[1].id].wait(60)  # nobody has asked for it
    found += _numbers(first)
    for part in parts[1:]:
        found += _numbers(reader.blocks(part))
    reader.close()
    assert found == list(range(250))


@pytest.mark.parametrize("order", [[3, 4], [0, 3, 4], [0, 1, 2, 3, 4], [4, 1, 2]], ids=str)
def test_a_part_that_must_be_read_after_all_comes_when_it_is_asked_for(source, order):
    parts = source.partitions()
    rows = {part.id: [v for batch in source.read_part(part, ["n"]) for v in batch["n"].to_pylist()] for part in parts}
    reader = Reader(source, ASKED, [parts[1], parts[3], parts[4]])
    for number in order:
        assert _numbers(reader.blocks(parts[number])) == rows[parts[number].id]
    reader.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "reads ahead"]


def test_an_error_ahead_comes_behind_the_parts_before_it(source, monkeypatch):
    parts, real = source.partitions(), Table.stream

    def broken(self, part, *args, **fields):
        if part == parts[2]:
            raise DataSourceError("no")
        return real(self, part, *args, **fields)

    monkeypatch.setattr(Table, "stream", broken)
    with pytest.raises(DataSourceError, match="no"):
        profile(source, "full")
    assert len(list((source._cache / "profile").rglob("*.state"))) == 2
    monkeypatch.setattr(Table, "stream", real)
    assert profile(source, "full").rows == 250


def test_slices_are_found_while_types_are(source, begun, monkeypatch):
    real_sniffed = csv_kind.sniffed

    def sniffed(*args, **fields):
        assert begun.wait(60)
        return real_sniffed(*args, **fields)

    monkeypatch.setattr(csv_kind, "sniffed", sniffed)
    same = Csv(name="same", path=source.path)
    assert [part.token for part in same.partitions()] == [part.token for part in source.partitions()]
    begun.clear()
    other = Csv(name="other", path=source.path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_kind, "sniffed", real_sniffed)
        other.columns()
    assert not begun.is_set()  # who asks for columns does not wait for a whole file
    assert [part.token for part in other.partitions()] == [part.token for part in source.partitions()]


@pytest.mark.parametrize("known", [False, True], ids=["new", "types known"])
def test_slices_are_found_during_the_first_look(source, begun, monkeypatch, known):
    def look(*args, **fields):
        assert begun.wait(60)
        return head.look(*args, **fields)

    monkeypatch.setattr("podium.workers.profile.look", look)
    other = Csv(name="other", path=source.path).caching(source.path.parent / "other")
    if known:
        other.columns()
    assert not begun.is_set()
    assert profile(other, "full").rows == 250
    assert begun.paths == [source.path]


def test_nobody_finds_slices_of_a_file_that_is_refused(tmp_path, monkeypatch):
    told = []

    def slices(path, *, quotes, unwanted):
        told.append(unwanted.wait(60))
        return []

    monkeypatch.setattr(csv_kind, "slices", slices)
    (tmp_path / "t.csv").write_text("a,b\n1,2\n1,2,3\n")
    with pytest.raises(DataSourceError):
        Csv(name="t", path=tmp_path / "t.csv").partitions()
    assert told == [True]


@pytest.mark.parametrize("columns", [0, 1, 1_000, 1_001, 4_000, 10_000, 50_000])
def test_a_wide_file_is_parsed_a_few_times(columns):
    groups = grouped([ASKED[0]] * columns)
    assert len(groups) <= 4
    assert sum(map(len, groups)) == columns


def test_a_first_look_asks_no_query_for_each_column(tmp_path, monkeypatch):
    rows = 300
    table = [",".join(f"c{n}" for n in range(12)), *(",".join(f"text {row + n}" for n in range(12)) for row in range(rows))]
    (tmp_path / "t.csv").write_text("\n".join([*table, "," * 11]) + "\n")
    asked, hashed = [], seen.hashed
    monkeypatch.setattr(seen, "hashed", lambda values: asked.append(values) or hashed(values))
    source = Csv(name="t", path=tmp_path / "t.csv")
    _, found = head.look(source, dict(source.columns()), size=4096)
    assert not asked
    for number, one in enumerate(found.values()):
        values = pa.array([f"text {row + number}" for row in range(rows)])
        assert one.levels is None
        assert one.values == rows
        assert one.sketch.kept.tolist() == sorted(hashed(values).tolist())


def test_a_block_of_a_wide_file_has_many_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(_csv_quick, "BLOCK", 500)
    path = tmp_path / "t.csv"
    path.write_text(",".join(f"c{n}" for n in range(20)) + "\n" + (",".join(["1"] * 20) + "\n") * 500)
    source = Csv(name="t", path=path)
    (part,) = source.partitions()
    read, real = [], _csv_quick._Checked.read
    monkeypatch.setattr(_csv_quick._Checked, "read", lambda self, size: read.append(size) or real(self, size))

    def blocks():
        read.clear()
        assert sum(batch.num_rows for batch in source.stream(part, ["c0"])) == 500
        return len(read)

    narrow = blocks()
    monkeypatch.setattr(_csv_quick, "WIDE", 10)
    assert narrow > 30
    assert blocks() <= 3


def test_few_blocks_are_in_memory_before_they_are_parsed(tmp_path, monkeypatch):
    """Arrow alone reads 32 ahead of a parser that is slow."""
    monkeypatch.setattr(_csv_quick, "BLOCK", 1000)
    monkeypatch.setattr(_csv_quick, "PATIENCE", 60)
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1,2\n" * 20_000)
    read, real = [], _csv_quick._Checked.read
    monkeypatch.setattr(_csv_quick._Checked, "read", lambda self, size: read.append(size) or real(self, size))
    source = Csv(name="t", path=path)
    (part,) = source.partitions()
    batches = source.stream(part, ["a"], rows=250)
    next(batches)
    for _ in range(20):
        time.sleep(0.01)
        assert len(read) < 20
    assert sum(batch.num_rows for batch in batches) == 20_000 - 250
    assert len(read) >= 80


def test_a_line_of_many_blocks_is_read_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(_csv_quick, "BLOCK", 1000)
    monkeypatch.setattr(_csv_quick, "PATIENCE", 0.01)
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n" + f"3,{'x' * 100_000}\n" + "4,5\n" * 5000)
    source = Csv(name="t", path=path, types={"b": "text"})
    (part,) = source.partitions()
    assert sum(batch.num_rows for batch in source.stream(part, ["a", "b"])) == 5002


@pytest.mark.parametrize("rows", [1, 3, 7, 100])
def test_batches_are_even_whatever_their_cut(rows):
    whole = pa.RecordBatch.from_pydict({"a": list(range(30))})
    batches = [whole.slice(start, end - start) for start, end in ((0, 2), (2, 2), (2, 11), (11, 12), (12, 30))]
    found = list(_even.even(iter(batches), rows))
    assert [value for batch in found for value in batch["a"].to_pylist()] == list(range(30))
    assert {batch.num_rows for batch in found[:-1]} <= {rows}


def test_batches_of_long_rows_are_not_filled_up(monkeypatch):
    monkeypatch.setattr(_even, "BYTES", 3_500)
    batches = [pa.RecordBatch.from_pydict({"a": ["x" * 1000]}) for _ in range(8)]
    assert [batch.num_rows for batch in _even.even(iter(batches), 100)] == [3, 3, 2]


def test_batches_of_two_schemas_are_not_joined():
    batches = [pa.RecordBatch.from_pydict({name: [1, 2, 3]}) for name in ("a", "a", "b")]
    assert [(batch.schema.names, batch.num_rows) for batch in _even.even(iter(batches), 4)] == [(["a"], 4), (["a"], 2), (["b"], 3)]


@pytest.mark.parametrize("size", [256, 4096])
def test_a_sketch_takes_no_more_than_its_size_asks_for(size):
    hashes = mixed(np.arange(100_000))
    sketch = Sketch(size)
    for start in range(0, 100_000, 1000):
        sketch.add(hashes[start : start + 1500])  # some of them twice
    assert sketch.kept.tolist() == sorted(hashes.tolist())[:size]
    assert sum(each.nbytes for each in vars(sketch).values() if isinstance(each, np.ndarray)) <= 8 * 3 * size
