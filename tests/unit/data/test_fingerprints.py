# ruff: noqa: DTZ001
"""The bytes of version 1. If a golden changes, every pod would take all its datapoints for new: raise the version instead."""

import datetime as dt
import hashlib
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.history.fingerprints import VERSION, copy_key, digests

SECRET = bytes(range(32))
GOLDEN = {
    "key": "49604025683499a8b0aeac022347b52b",
    "row": "028aa45460d873c87a2458d7f56e83c1",
    "copy": "251aa96807d925b1407962316f28b937",
}


def _row(**values):
    return pa.RecordBatch.from_arrays([pa.array([value]) for value in values.values()], list(values))


def _digest(batch, purpose="row", secret=SECRET, columns=None):
    return digests(batch, secret=secret, purpose=purpose, columns=columns).hex()


def _slow(row, purpose):
    """The specification read aloud, one value at a time."""
    header = bytes([VERSION]) + purpose.encode() + b"\0" + len(row).to_bytes(4, "big")
    fixed, tail = b"", b""
    for name in sorted(row):
        text = unicodedata.normalize("NFC", name).encode()
        header += len(text).to_bytes(4, "big") + text
    for name in sorted(row):
        value = row[name]
        if value is None:
            fixed += b"n" + bytes(8)
        elif isinstance(value, bool):
            fixed += b"b" + int(value).to_bytes(8, "big")
        elif (
            isinstance(value, (int, float))
            and value == value
            and abs(value) != float("inf")
            and (isinstance(value, int) or (value == int(value) and abs(value) < 2**53))
        ):
            fixed += b"i" + int(value).to_bytes(8, "big", signed=True)
        elif isinstance(value, float):
            import struct

            fixed += b"f" + struct.pack(">d", float("nan") if value != value else value)
        elif isinstance(value, dt.datetime):
            fixed += b"t" + round((value - dt.datetime(1970, 1, 1)) / dt.timedelta(microseconds=1)).to_bytes(8, "big", signed=True)
        elif isinstance(value, dt.date):
            fixed += b"d" + (value - dt.date(1970, 1, 1)).days.to_bytes(8, "big", signed=True)
        else:
            data = unicodedata.normalize("NFC", value).encode() if isinstance(value, str) else value
            fixed += (b"s" if isinstance(value, str) else b"x") + len(data).to_bytes(8, "big")
            tail += data
    key = hashlib.blake2b(header, digest_size=32, key=SECRET).digest()
    return hashlib.blake2b(fixed + tail, digest_size=16, key=key).hexdigest()


EVERYTHING = {
    "whole": 7, "number": 0.1, "text": "Łódź", "flag": True, "day": dt.date(2024, 2, 29),
    "time": dt.datetime(1969, 12, 31, 23, 59, 59, 999999), "raw": b"\x00\xff", "none": None,
}  # fmt: skip


@pytest.mark.parametrize("purpose", ["key", "row"])
def test_goldens(purpose):
    assert _digest(_row(**EVERYTHING), purpose) == GOLDEN[purpose] == _slow(EVERYTHING, purpose)


def test_golden_of_a_copy():
    assert copy_key(bytes(16), 1, secret=SECRET).hex() == GOLDEN["copy"]


value = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.text(), st.binary(),
    st.dates(), st.datetimes(min_value=dt.datetime(1700, 1, 1), max_value=dt.datetime(2200, 1, 1)),
)  # fmt: skip


@given(st.dictionaries(st.text(max_size=5), value, min_size=1, max_size=5))
def test_agrees_with_the_slow_reading_of_the_specification(row):
    assert _digest(_row(**row)) == _slow(row, "row")


def test_equal_things_agree():
    one = _digest(_row(a=1, b="é"))
    assert _digest(_row(b="e\u0301", a=1.0)) == one
    assert _digest(_row(a=-0.0)) == _digest(_row(a=0)) == _digest(_row(a=0.0))
    nans = pa.array([float("nan"), -float("nan")])
    two = digests(pa.RecordBatch.from_arrays([nans], ["a"]), secret=SECRET, purpose="row")
    assert two[:16] == two[16:]


def test_different_things_differ():
    rows = [{"a": None}, {"a": ""}, {"a": 0}, {"a": False}, {"a": b""}, {"a": "0"}, {"a": 2**53 + 1}, {"a": float(2**53)}, {"b": None},
            {"a": "x", "b": "yz"}, {"a": "xy", "b": "z"}, {"a": dt.date(1970, 1, 1)}, {"a": dt.datetime(1970, 1, 1)}]  # fmt: skip
    found = [_digest(_row(**row)) for row in rows]
    found += [_digest(_row(a=None), "key"), _digest(_row(a=None), secret=bytes(32))]
    assert len(set(found)) == len(found)


def test_slices_and_batches_do_not_matter():
    batch = pa.RecordBatch.from_pydict({"a": list(range(50)), "t": [None if i % 3 else f"t{i}" for i in range(50)]})
    whole = digests(batch, secret=SECRET, purpose="row")
    assert whole == b"".join(digests(batch.slice(i, 7), secret=SECRET, purpose="row") for i in range(0, 50, 7))
    assert len(whole) == 50 * 16
