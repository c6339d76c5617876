"""The edited sources and their oracle, held against each other, against what is read, and against the digests with a history in a dict."""

from collections import Counter

import pytest
from edited_sources import EVERY, EVERY_ID, KINDS, Counts, Edit, Oracle, histories
from hypothesis import example, given, settings
from hypothesis import strategies as st

from podium.history.fingerprints import SIZE, copy_key, digests

SECRET = bytes(range(32))

FOUND = {  # what one edit of six rows leads to: with a key, by content, and of files that are rows
    "add": (Counts(1, 0, 6, 0), Counts(1, 0, 6, 0), Counts(1, 0, 6, 0)),
    "change": (Counts(0, 1, 5, 0), Counts(1, 0, 5, 1), Counts(0, 1, 5, 0)),
    "delete": (Counts(0, 0, 5, 1), Counts(0, 0, 5, 1), Counts(0, 0, 5, 1)),
    "move": (Counts(0, 0, 6, 0), Counts(0, 0, 6, 0), Counts(1, 0, 5, 1)),
    "duplicate": (Counts(1, 0, 6, 0), Counts(1, 0, 6, 0), Counts(1, 0, 6, 0)),
    "rename": (Counts(0, 0, 6, 0), Counts(0, 0, 6, 0), Counts(1, 0, 5, 1)),
    "restore": (Counts(0, 1, 5, 0), Counts(1, 0, 5, 1), Counts(0, 1, 5, 0)),
}


@pytest.mark.parametrize(("kind", "keyed"), EVERY, ids=EVERY_ID)
def test_the_oracle_knows_each_edit(kind, keyed, tmp_path):
    for what, (by_key, by_content, by_file) in FOUND.items():
        edited, oracle = KINDS[kind](tmp_path / what, keyed=keyed), Oracle(keyed=keyed)
        assert oracle.step(edited.rows()) == Counts(6, 0, 0, 0)
        edited.edit(Edit(what, 4, 7))
        assert oracle.step(edited.rows()) == (by_file if kind == "images" else by_key if keyed else by_content), what
        assert oracle.step(edited.rows()) == Counts(0, 0, len(edited.rows()), 0)


def test_the_oracle_counts_copies():
    oracle = Oracle(keyed=False)
    assert oracle.step(["a", "a", "b"]) == Counts(3, 0, 0, 0)
    assert oracle.step(["b", "a", "a", "a", "b"]) == Counts(2, 0, 3, 0)
    assert oracle.step(["a", "c"]) == Counts(1, 0, 1, 4)
    assert oracle.step(["a", "b"]) == Counts(1, 0, 1, 1)  # what was gone and comes back is new


def test_a_file_that_is_not_edited_is_not_touched(tmp_path):
    edited = KINDS["csv files"](tmp_path)
    edited.write()
    before = {path.name: (path.stat().st_mtime_ns, path.stat().st_ctime_ns) for path in edited.folder.iterdir()}
    edited.edit(Edit("change", 0, 1))
    edited.write()
    after = {path.name: (path.stat().st_mtime_ns, path.stat().st_ctime_ns) for path in edited.folder.iterdir()}
    assert [name for name in before if before[name] != after[name]] == ["0.csv"]


@pytest.mark.parametrize("kind", ["csv", "parquet", "parquet folder", "images"])
def test_a_restored_time_and_the_same_size_say_nothing(kind, tmp_path):
    edited = KINDS[kind](tmp_path)
    edited.write()
    before = _stats(edited)
    edited.edit(Edit("restore", 0, 1))
    edited.write()
    assert _stats(edited) == before
    assert edited.seen() == sorted(edited.rows(), key=repr)


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=2)
@example(steps=[[Edit("duplicate", 0, 1), Edit("restore", 1, 2)], [Edit("delete", 0), Edit("move", 2, 3), Edit("rename", 1)]], keyed=False)
@given(steps=histories(steps=3), keyed=st.booleans())
def test_digests_find_what_the_oracle_finds(kind, steps, keyed, tmp_path_factory):
    keyed = keyed or (kind, False) not in EVERY
    edited, oracle, history = KINDS[kind](tmp_path_factory.mktemp("edited"), keyed=keyed), Oracle(keyed=keyed), {}
    for step in [[], *steps]:
        for edit in step:
            edited.edit(edit)
        edited.write()
        assert edited.seen() == sorted(edited.rows(), key=repr)
        now = _datapoints(edited.source())
        both = now.keys() & history.keys()
        changed = sum(now[key] != history[key] for key in both)
        found = Counts(len(now) - len(both), changed, len(both) - changed, len(history) - len(both))
        assert found == oracle.step(edited.rows())
        history = now


def _stats(edited):
    every = [path.stat() for path in sorted(edited.folder.rglob("*")) if path.is_file()]
    return [(about.st_size, about.st_mtime_ns, about.st_ino) for about in every]


def _datapoints(source):
    """Key and fingerprint of each, the plain way."""
    found, copies, covered = {}, Counter(), source.fingerprinted()
    for batch in source.read(list(dict.fromkeys((*source.key, *covered)))):  # a key need not be among what its fingerprint covers
        prints = _cut(digests(batch, secret=SECRET, purpose="row", columns=covered))
        keys = _cut(digests(batch, secret=SECRET, purpose="key", columns=source.key)) if source.key else prints
        for key, mark in zip(keys, prints, strict=True):
            found[copy_key(key, copies[key], secret=SECRET) if copies[key] else key] = mark
            copies[key] += 1
    return found


def _cut(packed):
    return [packed[at : at + SIZE] for at in range(0, len(packed), SIZE)]
