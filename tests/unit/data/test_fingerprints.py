# ruff: noqa: DTZ001
"""The bytes of version 2. If a golden changes, every pod would take all its datapoints for new: raise the version instead."""

import datetime as dt
import decimal
import hashlib
import importlib
import io
import json
import math
import struct
import subprocess
import sys
import tracemalloc
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera import external_config

import schemas
from podium.errors import ConfigError
from podium.history import _blocks, fingerprints, identity
from podium.history.fingerprints import copy_key, digests

SECRET = bytes(range(32))
GOLDEN = json.loads(Path(__file__).with_name("fingerprints.json").read_text())
EPOCH = dt.datetime(1970, 1, 1)
EVERYTHING = {
    "whole": 7, "number": 0.1, "text": "Łódź", "flag": True, "day": dt.date(2024, 2, 29),
    "time": dt.datetime(1969, 12, 31, 23, 59, 59, 999999), "raw": b"\x00\xff", "none": None,
    "long": "Pneumonia, unspecified organism; right lower lobe.", "large": 2**64 - 1, "long raw": bytes(range(50)),
}  # fmt: skip


def _row(**values):
    return _table([values])


def _table(rows):
    """Arrow's own choice of type for each column, but unsigned where it must be."""
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    wide = {name: any(type(v) is int and v >= 2**63 for v in values) for name, values in columns.items()}
    arrays = [pa.array(values, pa.uint64() if wide[name] else None) for name, values in columns.items()]
    return pa.RecordBatch.from_arrays(arrays, list(columns))


def _digest(batch, purpose="row", secret=SECRET, columns=None):
    return digests(batch, secret=secret, purpose=purpose, columns=columns).hex()


def _each(batch, **more):
    packed = digests(batch, secret=SECRET, purpose="row", **more)
    return [packed[at : at + 16].hex() for at in range(0, len(packed), 16)]


def _column(array, name="a"):
    return _each(pa.RecordBatch.from_arrays([array], [name]))


def _slow(row, purpose="row", secret=SECRET):
    """The specification read aloud, one block at a time."""

    def derived(label, size):
        return hashlib.blake2b(b"\x02" + purpose.encode() + b"\0" + label, digest_size=size, key=secret).digest()

    def aes(label, block):
        return Cipher(algorithms.AES(derived(label, 32)), modes.ECB()).encryptor().update(block)

    def xor(one, other):
        return bytes(a ^ b for a, b in zip(one, other, strict=True))

    total = bytes(16)
    for name, value in row.items():
        place = derived(b"c" + unicodedata.normalize("NFC", name).encode(), 16)
        for number, block in enumerate(_blocks_of(value)):
            total = xor(total, aes(b"2", xor(block, aes(b"1", xor(place, bytes(8) + number.to_bytes(8, "little"))))))
    return aes(b"3", total).hex()


def _blocks_of(value):
    def head(tag, eight, between=b""):
        return [tag + between.ljust(7, b"\0") + eight]

    if value is None:
        return head(b"n", bytes(8))
    if isinstance(value, bool):
        return head(b"b", struct.pack("<q", value))
    if isinstance(value, int):
        return head(b"u", struct.pack("<Q", value)) if value >= 2**63 else head(b"i", struct.pack("<q", value))
    if isinstance(value, float):
        if math.isfinite(value) and value.is_integer() and abs(value) < 2**53:
            return head(b"i", struct.pack("<q", int(value)))
        return head(b"f", b"\0\0\0\0\0\0\xf8\x7f" if math.isnan(value) else struct.pack("<d", value))
    if isinstance(value, dt.datetime):
        return head(b"t", struct.pack("<q", (value - EPOCH) // dt.timedelta(microseconds=1)))
    if isinstance(value, dt.date):
        return head(b"d", struct.pack("<q", (value - EPOCH.date()).days))
    data = unicodedata.normalize("NFC", value).encode() if isinstance(value, str) else value
    tag = bytes([(16 if isinstance(value, str) else 32) + len(data) % 16])
    return [tag + data[:15].ljust(15, b"\0"), *(data[at : at + 16].ljust(16, b"\0") for at in range(15, len(data), 16))]


@pytest.mark.parametrize("purpose", ["key", "row"])
def test_goldens(purpose):
    assert GOLDEN["version"] == fingerprints.VERSION
    assert _digest(_row(**EVERYTHING), purpose) == GOLDEN[purpose] == _slow(EVERYTHING, purpose)


@pytest.mark.parametrize("name", EVERYTHING)
def test_golden_of_each_kind_of_value(name):
    assert _digest(_row(**{name: EVERYTHING[name]})) == GOLDEN["each"][name]


def test_golden_of_a_copy():
    assert copy_key(bytes(16), 1, secret=SECRET).hex() == GOLDEN["copy"]
    assert (
        len({copy_key(bytes(16), 1, secret=SECRET), copy_key(bytes(16), 2, secret=SECRET), copy_key(bytes(15) + b"1", 1, secret=SECRET)})
        == 3
    )


TEXTS = st.one_of(
    st.text(), st.text(alphabet="abé\u0301", min_size=13, max_size=18), st.text(alphabet="ab\0", min_size=29, max_size=50),
    st.just("x" * 400),
)  # fmt: skip
KINDS = (
    st.booleans(), st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**64 - 1), st.floats(), TEXTS, st.binary(max_size=60),
    st.one_of(st.integers(-(2**54), 2**54).map(float), st.floats()),
    st.dates(), st.datetimes(min_value=dt.datetime(1700, 1, 1), max_value=dt.datetime(2200, 1, 1)),
)  # fmt: skip
NAMES = st.lists(st.text(max_size=5), min_size=1, max_size=5, unique_by=lambda name: unicodedata.normalize("NFC", name))


@settings(deadline=None, max_examples=50)
@given(st.data(), NAMES, st.integers(1, 6))
def test_agrees_with_the_slow_reading_of_the_specification(data, names, count):
    kinds = {name: st.one_of(st.none(), data.draw(st.sampled_from(KINDS))) for name in names}
    rows = [data.draw(st.fixed_dictionaries(kinds)) for _ in range(count)]
    batch = _table(rows)
    assert _each(batch) == [_slow(row) for row in rows]
    start = data.draw(st.integers(0, count - 1))
    assert _each(batch.slice(start)) == [_slow(row) for row in rows[start:]]


def test_agrees_over_many_rows_at_a_time(monkeypatch):
    """With small steps, so that texts begin in one and end in another."""
    rows = [{"n": at, "t": "ab" * (at * 7919 % 60), "u": None if at % 3 else "é" * at} for at in range(100)]
    slow = [_slow(row) for row in rows]
    assert _each(_table(rows)) == slow
    for name, size in (("_keyed.ROWS", 7), ("_blocks.BLOCKS", 5)):
        monkeypatch.setattr(f"podium.history.{name}", size)
        assert _each(_table(rows)) == slow


WORDS = ["", None, "Łódź", "e\u0301", "a text that is longer than one block", "x"]


class TestEqualThingsAgree:
    @pytest.mark.parametrize(
        "array",
        [
            *(pa.array([1, None, 100], f"{sign}int{size}") for sign in ("", "u") for size in (8, 16, 32, 64)),
            *(pa.array([1.0, None, 100.0]).cast(f"float{size}") for size in (16, 32, 64)),
            pa.array([1, None, 100]).dictionary_encode(),
            pa.array(pd.Series([1, None, 100], dtype="Int16")),
            pa.array(pd.Series([1, None, 100]), from_pandas=True),
            pa.array(pd.Series([1, None, 100], dtype="object")),
            pa.array(pd.Series([1, None, 100], dtype="int8[pyarrow]")),
        ],
        ids=lambda array: str(array.type) if isinstance(array, pa.Array) else None,
    )
    def test_numbers(self, array):
        assert _column(array) == [_slow({"a": 1}), _slow({"a": None}), _slow({"a": 100})]

    def test_odd_numbers(self):
        assert len(set(_column(pa.array([0.0, -0.0])) + _column(pa.array([0])))) == 1
        quiet = np.array([0x7FF8 << 48, 0xFFF8 << 48, 0x7FF0000000000001], dtype="u8").view("f8")
        assert set(_column(pa.array(quiet))) == {_slow({"a": float("nan")})}
        assert _column(pa.array(np.array([np.nan, -0.0], "f2"))) == [_slow({"a": float("nan")}), _slow({"a": 0})]

    @pytest.mark.parametrize(
        "array",
        [
            *(pa.array(WORDS, kind) for kind in (pa.string(), pa.large_string(), pa.string_view())),
            pa.array(WORDS).dictionary_encode(),
            pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 3, 4, 5], pa.int8()), WORDS),
            pa.array(["sooner", *WORDS]).dictionary_encode().slice(1),
            pa.array(WORDS * 30).dictionary_encode().slice(12, 6),
            pa.array(pd.Series(WORDS), from_pandas=True),
            pa.array(pd.Series(WORDS, dtype="object")),
            pa.array(pd.Series(WORDS, dtype="category")),
            pa.array(["sooner", *WORDS, "later"]).slice(1, 6),
        ],
        ids=["string", "large", "view", "dict", "null_inside", "sliced", "more_values", "pandas", "objects", "category", "slice"],
    )  # fmt: skip
    def test_texts(self, array):
        assert _column(array) == [_slow({"a": text}) for text in WORDS]

    def test_bytes(self):
        values, slow = [b"ab", None, b"\0\0"], [_slow({"a": value}) for value in (b"ab", None, b"\0\0")]
        for kind in (pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(2)):
            assert _column(pa.array(values, kind)) == slow

    def test_times(self):
        noon = dt.datetime(2024, 2, 29, 12)
        slow = [_slow({"a": noon}), _slow({"a": None})]
        for unit in ("s", "ms", "us", "ns"):
            assert _column(pa.array([noon, None], pa.timestamp(unit))) == slow
            there = noon.replace(tzinfo=dt.UTC).astimezone(dt.timezone(dt.timedelta(hours=5)))
            assert _column(pa.array([there, None], pa.timestamp(unit, "Asia/Karachi"))) == slow
        assert _column(pa.array(pd.Series([noon, None]), from_pandas=True)) == slow
        assert _column(pa.array([noon.date()], pa.date64())) == _column(pa.array([noon.date()])) == [_slow({"a": noon.date()})]

    def test_what_pandera_sets_takes_no_zone_away(self, monkeypatch):
        """A contract's library is loaded while rows are read: those before it and after it would have other fingerprints."""
        noon = dt.datetime(2024, 2, 29, 17, tzinfo=dt.timezone(dt.timedelta(hours=5)))
        monkeypatch.setenv("PYARROW_IGNORE_TIMEZONE", "")
        monkeypatch.delenv("PYARROW_IGNORE_TIMEZONE")
        importlib.reload(schemas)
        external_config._set_pyspark_environment_variables()  # as `import pandera` does
        assert _column(pa.array([noon], pa.timestamp("us", "UTC"))) == [_slow({"a": dt.datetime(2024, 2, 29, 12)})]

    def test_nanoseconds_are_not_lost(self):
        ticks = [0, 1, 999, 1000, -1, -1000, -1001]
        found = _column(pa.array(ticks, pa.timestamp("ns")))
        assert len(set(found)) == len(ticks)
        micro = _column(pa.array([0, 1, -1], pa.timestamp("us")))
        assert [found[0], found[3], found[5]] == micro

    def test_order_of_columns(self):
        names = list(EVERYTHING)
        batch = _row(**EVERYTHING)
        assert len({_digest(batch), _digest(batch.select(names[::-1])), _digest(batch, columns=names[::-1])}) == 1
        assert _digest(batch, columns=["whole"]) == _slow({"whole": 7})

    def test_slices_and_batches(self):
        table = pa.table(
            {"a": range(50), "t": [None if at % 3 else f"t{at}" * at for at in range(50)], "b": [at % 2 == 0 for at in range(50)]}
        )
        (whole,) = table.to_batches()
        for size in (1, 7, 50):
            assert _each(whole) == [one for batch in table.to_batches(size) for one in _each(batch)]
        assert _each(whole.slice(0, 0)) == []

    def test_texts_that_come_again_are_no_others(self):
        """These are enciphered once each, and from a thousand rows on alone."""
        for text in ("é", "a text that is longer than four blocks of sixteen bytes, which makes it costly"):
            rows = [{"a": None if at % 7 == 0 else f"{text} {at % 5}"} for at in range(3_000)]
            assert _each(_table(rows))[-40:] == [_slow(row) for row in rows[-40:]]

    def test_null(self):
        assert _column(pa.nulls(2)) == _column(pa.array([None, None], pa.int64())) == [_slow({"a": None})] * 2

    def test_what_lies_below_a_null_does_not_matter(self):
        values = pa.array(np.array([1, 2]), mask=np.array([True, False]))
        text = pa.Array.from_buffers(
            pa.string(), 2, [pa.py_buffer(b"\x02"), pa.py_buffer(np.array([0, 20, 20], "i4")), pa.py_buffer(b"x" * 20)]
        )
        assert _column(values)[0] == _column(text)[0] == _slow({"a": None})
        assert _column(text)[1] == _slow({"a": ""})


class TestDifferentThingsDiffer:
    def test_values_types_names_purposes_and_secrets(self):
        rows = [{"a": None}, {"a": ""}, {"a": 0}, {"a": False}, {"a": b""}, {"a": "0"}, {"a": 2**53 + 1}, {"a": float(2**53)}, {"b": None},
                {"a": "x", "b": "yz"}, {"a": "xy", "b": "z"}, {"a": "xyz", "b": ""}, {"a": "", "b": "xyz"}, {"a": "xyz", "b": None},
                {"a": 1, "b": 2}, {"a": 2, "b": 1}, {"a": 1, "b": 1}, {"a": 2, "b": 2}, {"a": 0, "b": None}, {"a": None, "b": 0},
                {"a": dt.date(1970, 1, 1)}, {"a": dt.datetime(1970, 1, 1)}, {"a": -1}, {"a": 2**64 - 1}, {"a": float(2**64)},
                {"a": float("inf")}, {"a": float("-inf")}, {"a": float("nan")}, {"a": True}, {"a": 1}, {"a": "1"}, {"a": "n"},
                {"a": "\0"}, {"a": "\0\0"}, *({"a": "x" * n} for n in (14, 15, 16, 30, 31, 32, 46, 47, 48)), {"a": "x" * 15 + "\0"},
                {"a": "x" * 15 + "\0" * 16}, {"a": "x" * 15 + "\0" * 17}]  # fmt: skip
        found = [_digest(_row(**row)) for row in rows]
        found += [_digest(_row(a=None), "key"), _digest(_row(a=None), secret=bytes(32)), _digest(_row(a=None), columns=[])]
        assert len(set(found)) == len(found)

    @settings(deadline=None)
    @given(st.lists(TEXTS, min_size=2, max_size=2), st.integers(0, 40))
    def test_bytes_moved_from_one_text_to_the_next(self, texts, by):
        left, right = texts
        joined = left + right
        moved = {"a": joined[:by], "b": joined[by:]}
        same = [unicodedata.normalize("NFC", moved[name]) for name in "ab"] == [unicodedata.normalize("NFC", text) for text in texts]
        assert (_digest(_row(a=left, b=right)) == _digest(_row(**moved))) is same

    @settings(deadline=None)
    @given(st.text(alphabet="ab", min_size=40, max_size=200), st.integers(0, 39), st.integers(0, 39))
    def test_blocks_of_a_text_that_change_places(self, text, one, other):
        letters = list(text)
        letters[one], letters[other] = letters[other], letters[one]
        assert (_digest(_row(a=text)) == _digest(_row(a="".join(letters)))) is (text == "".join(letters))


class TestRefused:
    @pytest.mark.parametrize(
        "array",
        [
            pa.array([decimal.Decimal("1.5")]), pa.array([dt.time(1)]), pa.array([1], pa.time32("s")), pa.array([dt.timedelta(1)]),
            pa.array([[1]]), pa.array([{"x": 1}]),
        ],
        ids=lambda array: str(array.type),
    )  # fmt: skip
    def test_types_without_a_fingerprint_name_the_column(self, array):
        with pytest.raises(ConfigError, match="column 'odd' has a type that has no fingerprint"):
            _column(array, "odd")

    def test_times_too_far_away(self):
        with pytest.raises(ConfigError, match="column 'odd' has a time that is too far"):
            _column(pa.array([10**18], pa.timestamp("s")), "odd")

    def test_texts_that_are_none(self):
        wrong = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(np.array([0, 2], "i4")), pa.py_buffer(b"\xff\xfe")])
        with pytest.raises(ConfigError, match="column 'odd' has a text that is no UTF-8"):
            _column(wrong, "odd")

    def test_columns_that_are_not_there_or_twice(self):
        batch = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([1]), pa.array([1])], ["a", "é", "e\u0301"])
        twice = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([1])], ["a", "a"])
        for wrong, columns, said in ((batch, None, "two columns 'é'"), (twice, None, "two columns 'a'"), (twice, ["a"], "two columns 'a'"),
                                     (batch, ["a", "a"], "two columns 'a'"), (batch, ["b"], "no column 'b'")):  # fmt: skip
            with pytest.raises(ConfigError, match=said):
                _each(wrong, columns=columns)

    @pytest.mark.parametrize("size", [0, 15, 65])
    def test_secrets_of_another_size(self, size):
        with pytest.raises(ConfigError, match="16 to 64 bytes"):
            _digest(_row(a=1), secret=bytes(size))


def test_one_very_long_text_takes_no_memory():
    batch = pa.RecordBatch.from_arrays([pa.array([*map(str, range(2_000)), "x" * (8 << 20), *map(str, range(2_000))])], ["a"])
    tracemalloc.start()
    try:
        digests(batch, secret=SECRET, purpose="row")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 5 << 20


def test_the_end_of_the_data_is_the_end():
    """Blocks are taken 16 bytes at a time, and what lies behind the last text is nobody's."""
    data = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz", np.uint8)
    for size in range(1, 27):
        cut = data[:size]
        for place in range(size + 1):
            (found,) = _blocks._sixteen(cut, np.array([place]))
            assert found.tobytes() == bytes(cut[place : place + 16]).ljust(16, b"\0")


def test_a_question_is_another_one_with_other_fingerprints(monkeypatch):
    from podium.contracts import Task

    task = Task(datasource="x", protocol={"kind": "one_round"}, algorithm={"kind": "mean", "column": "a"})
    before = identity.task_key(task)
    assert identity.task_key(task.model_copy(update={"new_data_only": True})) == before
    others = [
        task.model_copy(update=change) for change in ({"datasource": "y"}, {"protocol": {"kind": "z"}}, {"algorithm": {"kind": "count"}})
    ]
    monkeypatch.setattr(fingerprints, "VERSION", 3)
    found = {before, identity.task_key(task)}
    monkeypatch.setattr(fingerprints, "VERSION", 2)
    found |= {identity.task_key(other) for other in others}
    assert len(found) == 5


def test_missing_values_load_no_pandas():
    values = [[1, None], [0.5, None], ["a", None], [b"a", None], [True, None], [None, None]]
    columns = {str(at): pa.array(one) for at, one in enumerate(values)}
    batch = pa.record_batch(columns | {"coded": columns["2"].dictionary_encode()})
    script = """
import sys
import pyarrow as pa
from podium.history.fingerprints import digests
for batch in pa.ipc.open_stream(sys.stdin.buffer):
    digests(batch, secret=bytes(32), purpose="row")
    print(batch.num_rows, "pandas" in sys.modules)
"""
    packed = io.BytesIO()
    with pa.ipc.new_stream(packed, batch.schema) as stream:
        stream.write_batch(batch)
    done = subprocess.run([sys.executable, "-c", script], input=packed.getvalue(), capture_output=True, check=True)
    assert done.stdout.split() == [b"2", b"False"]
