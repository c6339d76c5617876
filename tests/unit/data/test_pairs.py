"""Digests as numbers: their order, and how they are found, also where many share their first bits. And what is known, from records."""

import numpy as np
import pytest

from podium.errors import WorkerError
from podium.workers.pairs import Index, beginnings, order, packed, unpacked
from podium.workers.records import Records

DRAW = np.random.default_rng(5)


def digests(rows, *, alike):
    """So many, whose first bits are the same where it says so."""
    made = DRAW.integers(0, 2**64, (rows, 2), dtype=np.uint64)
    if alike == "32 bits":
        made[:, 0] = made[:, 0] & np.uint64(0xFFFF_FFFF) | np.uint64(7 << 32)
    if alike == "some 32 bits":
        made[: rows // 2, 0] = made[rows // 2 : 2 * (rows // 2), 0] ^ np.uint64(1)
    if alike == "64 bits":
        made[:, 0] = DRAW.integers(0, 5, rows, dtype=np.uint64)
    if alike == "copies":
        made = made[:5][DRAW.integers(0, 5, rows)]
    return made


ALIKE = ["none", "32 bits", "some 32 bits", "64 bits", "copies"]


@pytest.mark.parametrize("alike", ALIKE)
def test_the_order_is_that_of_the_bytes_and_equal_ones_stay_as_they_were(alike):
    for rows in (0, 1, 2, 1001):
        pairs = digests(max(rows, 5), alike=alike)[:rows]
        each = [packed(pair) for pair in pairs]
        assert order(pairs).tolist() == sorted(range(rows), key=lambda at, each=each: (each[at], at))


@pytest.mark.parametrize("alike", ALIKE)
def test_what_is_there_is_found_and_nothing_else(alike):
    pairs = digests(600, alike=alike)
    some = pairs[:300][order(pairs[:300])]
    some = some[beginnings(some)]
    there = {packed(pair): at for at, pair in enumerate(some)}
    asked = np.concatenate([pairs, pairs ^ np.uint64(1)])  # neighbours, too
    assert Index.of(some).find(asked).tolist() == [there.get(packed(pair), -1) for pair in asked]
    assert Index.of(some[:0]).find(asked).tolist() == [-1] * 1200


def record(key, mark, place=0):
    return bytes([key] * 16) + bytes([mark] * 16) + place.to_bytes(4, "big")


def test_of_each_key_the_last_record_of_its_stretch_is_known():
    records = Records()
    records.add(record(9, 1) + record(3, 1) + record(9, 2, place=4) + record(5, 1) + record(5, 0))
    records.add(b"")
    records.add(record(12, 1))
    index, prints, places = records.known()
    assert (packed(index.every()), packed(prints)) == (b"".join(bytes([k] * 16) for k in (3, 9, 12)), bytes([1] * 16 + [2] * 16 + [1] * 16))
    assert places.tolist() == [0, 4, 0]
    assert index.find(unpacked(bytes([5] * 16) + bytes([9] * 16))).tolist() == [-1, 1]


@pytest.mark.parametrize("key", [3, 9])
def test_stretches_that_do_not_ascend_are_refused(key):
    records = Records()
    records.add(record(3, 1) + record(9, 1))
    with pytest.raises(WorkerError, match="ascend"):
        records.add(record(key, 1))
