"""Texts have the hash that DuckDB gives them, whether it or numpy makes it."""

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podium.workers.profile import hashes
from podium.workers.profile.hashes import LONG, hashed, texts


def _by_duckdb(values):
    engine = duckdb.connect()
    engine.register("t", pa.table({"value": values}))
    return [row[0] for row in engine.execute("SELECT hash(value) FROM t").fetchall()]


@pytest.fixture
def asked(monkeypatch):
    """What the engine was asked for."""
    found, real = [], hashes._by_engine
    monkeypatch.setattr(hashes, "_by_engine", lambda values: found.append(values) or real(values))
    hashes._agree.cache_clear()
    assert hashes._agree()
    found.clear()
    yield found
    hashes._agree.cache_clear()


@settings(deadline=None)
@given(st.lists(st.text(max_size=70) | st.text("ab", max_size=20), min_size=1), st.integers(0, 5))
def test_texts_of_any_length_have_the_hash_of_the_engine(values, skipped):
    column = pa.array(values, pa.string()).slice(skipped)
    assert hashed(column).tolist() == _by_duckdb(column)


def test_every_length_up_to_the_longest_is_hashed_without_the_engine(asked):
    column = texts(["".join(chr(97 + n % 26) for n in range(length)) for length in range(LONG + 1)])
    assert hashed(column).tolist() == _by_duckdb(column)
    assert not asked


def test_a_long_text_goes_to_the_engine(asked):
    column = texts(["a", "b" * (LONG + 1)])
    assert hashed(column).tolist() == _by_duckdb(column)
    assert len(asked) == 1


def test_what_is_not_there_does_not_disturb_the_rest():
    column = pa.array(["p1", None, "", "p2", None])
    there = [0, 2, 3]
    assert [int(hashed(column)[row]) for row in there] == [_by_duckdb(column)[row] for row in there]
    assert len(hashed(pa.array([None, None], pa.string()))) == 2
    assert len(hashed(texts([]))) == 0


def test_an_engine_that_hashes_otherwise_is_asked_each_time(monkeypatch):
    """As after an upgrade."""
    hashes._agree.cache_clear()
    monkeypatch.setattr(hashes, "_STEP", np.uint64(3))
    try:
        column = texts(["p1", "p2"])
        assert hashed(column).tolist() == _by_duckdb(column)
    finally:
        hashes._agree.cache_clear()
