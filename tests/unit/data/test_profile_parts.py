"""A full schema from parts: the same however the rows are cut, each part read once, also after a kill -9 or a change."""

import datetime as dt
import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from many_parts import cut

from podium.contracts import DatasourceSchema
from podium.workers.profile import profile, store, unique
from podium.workers.profile.sketch import Sketch, mixed


def _same(one: DatasourceSchema, other: DatasourceSchema, *, far: dict[str, float]) -> None:
    """Everything exact but sums of floats; `far` is how large the values of a column are."""
    assert (one.rows, one.names) == (other.rows, other.names)
    for left, right in zip(one.columns, other.columns, strict=True):
        exact = {"mean", "sd", "quantiles"}
        assert left.model_dump(exclude=exact) == right.model_dump(exclude=exact)
        allowed = 1e-12 * far.get(left.name, 1.0)
        for found, wanted in ((left.mean, right.mean), (left.sd, right.sd)):
            assert (found is None) == (wanted is None)
            assert found is None or found == pytest.approx(wanted, rel=1e-12, abs=allowed)
        assert left.quantiles == right.quantiles  # of a small table every value is kept


COLUMNS = {
    "whole": (pa.int64(), st.integers(-(2**40), 2**40)),
    "code": (pa.int64(), st.integers(0, 4)),
    "number": (pa.float64(), st.floats(-1e9, 1e9) | st.sampled_from([float("nan"), float("inf"), -0.0, 1.0])),
    "text": (pa.string(), st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5) | st.sampled_from(["a", "b"])),
    "flag": (pa.bool_(), st.booleans()),
    "day": (pa.date32(), st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1))),
    "empty": (pa.string(), st.none()),
}


@st.composite
def tables(draw):
    rows = draw(st.integers(1, 120))
    columns = {
        name: pa.array(draw(st.lists(st.none() | values, min_size=rows, max_size=rows)), kind) for name, (kind, values) in COLUMNS.items()
    }
    return pa.table(columns)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(table=tables(), places=st.lists(st.integers(0, 120), max_size=6))
def test_it_does_not_matter_how_the_rows_are_cut(table, places):
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        together = profile(cut(table, Path(one), []), "full")
        apart = profile(cut(table, Path(other), [place for place in places if place < table.num_rows]), "full")
    far = {
        name: max([abs(x) for x in table[name].to_pylist() if x is not None and np.isfinite(x)], default=1) for name in ("whole", "number")
    }
    _same(together, apart, far=far)


def _large(rows: int = 30_000) -> pa.Table:
    random = np.random.default_rng(7)
    number = np.arange(rows)
    return pa.table(
        {
            "row": number * 1_000_003,
            "code": [f"c{n}" for n in number],
            "repeated": [f"c{n % (rows - 1)}" for n in number],
            "value": random.gamma(2, 3, rows),
            "levels_late": [f"l{0 if n < 12_000 else n % 500}" for n in number],
            "age": random.integers(18, 95, rows),
            "seen": pa.array(random.integers(0, 10**15, rows)).cast(pa.timestamp("us")),
        }
    )


@pytest.mark.parametrize("places", [[], [10_000, 20_000], [1, 2, 3, 25_000], list(range(0, 30_000, 1_000))], ids=["1", "3", "5", "30"])
def test_a_larger_table_by_parts(tmp_path, places):
    table = _large()
    schema = profile(cut(table, tmp_path, places), "full")
    frame = table.to_pandas()
    assert schema.rows == 30_000
    assert [column.semantic for column in schema.columns] == [
        "continuous", "identifier", "identifier", "continuous", "text", "continuous", "date",
    ]  # fmt: skip
    assert schema.column("row").distinct == 30_000  # proved, not sketched
    assert schema.column("code").reason == "each of its 30000 values is there once"
    assert "nearly" in schema.column("repeated").reason
    assert schema.column("levels_late").distinct == 500
    value = schema.column("value")
    assert value.mean == pytest.approx(frame["value"].mean(), rel=1e-12)
    assert value.sd == pytest.approx(frame["value"].std(), rel=1e-12)
    ranks = [(frame["value"] <= found).mean() for found in value.quantiles]
    assert ranks == pytest.approx(np.arange(33) / 32, abs=0.012)
    assert (value.quantiles[0], value.quantiles[-1]) == (value.min, value.max)
    seconds = frame["seen"].astype("int64") / 1e6
    assert [(seconds <= found + 1).mean() for found in schema.column("seen").quantiles] == pytest.approx(np.arange(33) / 32, abs=0.012)
    assert schema.column("code").quantiles == ()


def test_the_same_rows_give_the_same_schema(tmp_path):
    table = _large(5_000)
    first, second = (profile(cut(table, tmp_path / name, [2_000]), "full") for name in "ab")
    assert first.model_copy(update={"token": "", "generated_at": 0}) == second.model_copy(update={"token": "", "generated_at": 0})


def test_an_unchanged_source_is_not_read(tmp_path):
    source = cut(_large(3_000), tmp_path, [1_000, 2_000])
    first = profile(source, "full")
    assert len(source.read_so_far()) == 3
    described = source.model_copy(update={"about": {}, "description": "words change nothing"})
    assert profile(described, "full").columns == first.columns
    assert len(source.read_so_far()) == 3


def test_only_what_changed_is_read_again(tmp_path):
    table = _large(30_000)
    source = cut(table, tmp_path, [10_000, 20_000])
    profile(source, "full")
    pq.write_table(table.slice(0, 50), source.folder / "0003.parquet")  # it grows, and an identifier is there twice now
    grown = profile(source, "full")
    assert source.read_so_far() == ["0000.parquet", "0001.parquet", "0002.parquet", "0003.parquet"]
    assert (grown.rows, grown.column("row").distinct) == (30_050, pytest.approx(30_000, rel=0.05))
    assert "nearly" in grown.column("code").reason
    (source.folder / "0003.parquet").unlink()
    (source.folder / "0001.parquet").unlink()
    smaller = profile(source, "full")
    assert len(source.read_so_far()) == 4
    assert (smaller.rows, smaller.column("row").distinct) == (20_000, 20_000)
    assert len(list((tmp_path / "cache").rglob("*.state"))) == 3  # two parts and the whole: nothing of the ones that are gone


def test_a_changed_head_asks_the_other_parts_no_more_than_it_must(tmp_path):
    def part(texts):
        return pa.table({"c": texts})

    many, few = [f"t{n}" for n in range(12_000)], [f"t{n % 3}" for n in range(12_000)]
    source = cut(part(many + few), tmp_path, [12_000])
    assert profile(source, "full").column("c").semantic == "text"
    pq.write_table(part(few), source.folder / "0000.parquet")
    column = profile(source, "full").column("c")
    assert (column.semantic, [level.rows for level in column.categories]) == ("categorical", [8_000] * 3)
    assert source.read_so_far() == ["0000.parquet", "0001.parquet"] * 2  # the second was not counted by levels before


@pytest.mark.parametrize("change", ["types", "ignored", "version", "forced"])
def test_states_are_dropped_when_they_do_not_fit_any_more(tmp_path, change, monkeypatch):
    table = _large(3_000)
    source = cut(table, tmp_path, [1_000])
    profile(source, "full")
    if change == "types":
        for path in source._files():
            old = path.stat()
            read = pq.read_table(path)
            pq.write_table(read.set_column(5, "age", read["age"].cast(pa.float64())), path)
            os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns))
        source = source.model_copy(update={"key": ("row",)})  # the token is the same: so is the schema, unless something else changed
    elif change == "ignored":
        source = source.model_copy(update={"ignore_columns": ("age",)})
    elif change == "version":
        monkeypatch.setattr(store, "_engine_version", lambda: "2.0.1")
    else:
        source = source.model_copy(update={"force_types": {"age": "categorical"}})
    schema = profile(source, "full")
    assert len(source.read_so_far()) == (2 if change == "forced" else 4)
    assert schema.column("value").mean == pytest.approx(table.to_pandas()["value"].mean())


def test_a_state_that_is_cut_short_is_not_there(tmp_path):
    source = cut(_large(3_000), tmp_path, [1_000])
    first = profile(source, "full")
    for path in (tmp_path / "cache").rglob("*.state"):
        path.write_bytes(path.read_bytes()[:-9])
    assert profile(source, "full").columns == first.columns
    assert len(source.read_so_far()) == 4


def test_what_is_kept_is_private(tmp_path):
    profile(cut(_large(3_000), tmp_path, [1_000]), "full")
    kept = list((tmp_path / "cache").rglob("*"))
    assert kept
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept if path.is_file()} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept if path.is_dir()} == {0o700}


SCAN = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from many_parts import ManyParts
from podium.workers.profile import profile
folder = Path(sys.argv[2])
source = ManyParts(name="many", folder=folder / "data", noted=folder / "noted").caching(folder / "cache")
profile(source, "full", lambda scanned: time.sleep(0.02))
"""


def test_a_killed_scan_goes_on_where_it_was(tmp_path):
    source = cut(_large(20_000), tmp_path, range(0, 20_000, 1_000))
    process = subprocess.Popen([sys.executable, "-c", SCAN, str(Path(__file__).parent), str(tmp_path)])
    deadline = time.monotonic() + 60
    while len(source.read_so_far()) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = source.read_so_far()
    assert len(before) < 20
    schema = profile(source, "full")
    assert len(source.read_so_far()) in (20, 21)  # the part that was being read is read again, and no other
    assert schema.rows == 20_000
    assert schema.column("code").reason == "each of its 20000 values is there once"


def test_progress_is_told(tmp_path):
    told = []
    profile(cut(_large(3_000), tmp_path, [1_000]), "full", told.append)
    assert told[-1] == (3_000, 2, 2)
    assert str(told[-1]) == "100 %"
    assert [scanned.rows for scanned in told] == sorted(scanned.rows for scanned in told)


def test_too_many_hashes_are_judged_by_the_sketch(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["podium.workers.profile.scan"], "MOST_KEPT", 30_000)
    table = _large(20_000).select(["row", "code"])
    column = profile(cut(table, tmp_path, [5_000, 12_000]), "full").column("code")
    assert column.semantic == "identifier"
    assert "about" in column.reason
    assert sum(path.stat().st_size for path in (tmp_path / "cache").rglob("*.hashes")) <= 8 * 30_000


def test_hashes_are_compared_range_by_range(monkeypatch):
    monkeypatch.setattr(unique, "AT_ONCE", 100)
    hashes = np.sort(mixed(np.arange(5_000)))
    halves = [unique.Run.of(hashes[::2]), unique.Run.of(hashes[1::2])]
    assert unique.all_different(halves)
    assert not unique.all_different([*halves, unique.Run.of(hashes[[4_321]])])


@pytest.mark.parametrize("distinct", [3, 4_000, 50_000])
def test_a_sketch_counts(distinct):
    hashes = mixed(np.arange(100_000) % distinct)
    together, apart = Sketch(4096), Sketch(4096)
    together.add(hashes)
    for part in np.array_split(hashes, 7):
        one = Sketch(4096)
        one.add(part[:2_000])
        one.add(part[2_000:])
        apart.merge(one.kept)
    assert (together.kept == apart.kept).all()
    assert together.count() == (distinct if distinct < 4096 else pytest.approx(distinct, rel=0.05))


def test_a_text_has_one_hash(tmp_path):
    """Levels are hashed outside of the query that reads: a column that is counted in one part and not in the other must agree."""
    texts = [f"{'a long text that is not stored inline ' * (n % 2)}{n}" for n in range(150)]
    rows = pa.table({"c": texts * 100 + [f"more {n}" for n in range(12_000)] + texts})
    column = profile(cut(rows, tmp_path, [15_000, 27_000]), "full").column("c")
    assert column.distinct == pytest.approx(12_150, rel=0.05)
    first = profile(cut(rows.slice(0, 18_000), tmp_path / "b", [15_000]), "full").column("c")
    assert first.distinct == 3_150


def test_a_wide_table(tmp_path):
    rows = pa.table({f"c{n}": np.arange(40) % (n % 30 + 1) for n in range(1_200)})
    schema = profile(cut(rows, tmp_path, [20]), "full")
    assert [schema.column(f"c{n}").distinct for n in (0, 999, 1_000, 1_199)] == [1, 10, 11, 30]


def test_a_schema_is_json(tmp_path):
    schema = profile(cut(_large(500), tmp_path, [100]), "full")
    assert DatasourceSchema.model_validate(json.loads(schema.model_dump_json())) == schema
