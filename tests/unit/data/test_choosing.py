"""Which rows are new, changed, moved, gone: held against an oracle in plain Python, over runs that are broken off and taken up again."""

import json
from collections import Counter

import numpy as np
import pytest
from choosing_oracle import SECRET, Twice, applied, batch_of, run
from choosing_oracle import digest as digest_of
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import PrivateAttr

from podium.algorithms import Additive, Algorithm
from podium.contracts import Part, PartReport
from podium.datasources import Datasource
from podium.errors import DataSourceError
from podium.history.fingerprints import copy_key
from podium.workers.answers import BINARY, checked_report
from podium.workers.reading import Order, Reading
from podium.workers.records import ELSEWHERE, LOST, MET, QUARANTINED, Records
from schemas import history


class InParts(Datasource):
    """Rows in memory, by part."""

    _rows: dict = PrivateAttr(default_factory=dict)
    _size: int = PrivateAttr(default=2)

    def columns(self):
        return [("id", "integer"), ("v", "integer")]

    def token(self):
        return repr(self._rows)

    def read(self, columns, datapoints=None):
        raise NotImplementedError

    def read_part(self, part, columns):
        rows = self._rows[part.id]
        for start in range(0, len(rows), self._size):
            yield batch_of(rows[start : start + self._size]).select(list(columns))


InParts.kind = "in_parts_of_a_test"  # behind the class: so no other test hears of it


class Listing(Additive):
    """Its state are the rows."""

    def columns(self):
        return ("v", "id")

    def disclosure(self):
        raise NotImplementedError

    check = combine = merged = disclosure

    def state(self, batches):
        return {"rows": [[row["id"], row["v"]] for batch in batches for row in batch.to_pylist()]}


Listing.kind = "listing_of_a_test"


@pytest.fixture(autouse=True)
def listing(monkeypatch):
    monkeypatch.setitem(Algorithm._kinds, Listing.kind, Listing)


class AtMost:
    """A contract with one rule: `v` is at most so much."""

    def __init__(self, most):
        self.most, self.rules, self.failures, self.fatal = most, ["le: v"], Counter(), Counter()

    def sift(self, batches):
        for batch in batches:
            bad = batch.column("v").to_numpy() > self.most
            self.failures["le: v"] += int(bad.sum())
            yield batch, bad.astype(np.uint16)

    def finish(self):
        pass


@pytest.fixture(scope="module")
def contract(tmp_path_factory):
    path = tmp_path_factory.mktemp("contract") / "c.yaml"
    path.write_text("schema_type: polars_dataframe\ncolumns:\n  id:\n    dtype: Int64\n  v:\n    dtype: Int64\n")
    return path


def packed(events, places, own=(), stretches=1):
    """Records as the history gives them out: of so many stretches of keys each its records, oldest first."""
    chunks = [b""] * stretches
    for number, (key, (mark, part, bad)) in enumerate(events):
        place = ELSEWHERE if number in own else places.get(part, LOST)
        chunks[key[0] * stretches >> 8] += key + mark + (place | (QUARANTINED if bad else 0)).to_bytes(4, "big")
    return chunks


class Pod:
    """The history, and runs over a source that change it; `cut`: after how many parts a run dies and another process goes on."""

    def __init__(self, contract, *, keyed):
        self.contract, self.keyed, self.history, self.read, self.limit = contract, keyed, {}, {}, None

    def run(self, source, *, new_only, most, more, cut, size):
        everything = not new_only and most != self.limit
        touched = [part for part in source if everything or part in more or self.read.get(part) != source[part]]
        try:
            wanted = run(self.history, source, touched, keyed=self.keyed, new_only=new_only, good=lambda row: row[1] <= most)
        except Twice:
            wanted = None  # the worker has to find that out
        made = InParts(name="t", key=("id",) if self.keyed else ())
        made._rows, made._size = source, size
        events, own, used, unseen = list(self.history.items()), set(), [], b""
        done, counts = [], {}
        for parts in (touched[:cut], touched[cut:]):
            places = dict.fromkeys(source, ELSEWHERE) | {part: number for number, part in enumerate([p for p in touched if p not in done])}
            records = Records()
            for chunk in packed(events, places, own, stretches=size):
                records.add(chunk)
            written = {events[number][0] for number in own}
            gone = [unseen[at : at + 16] for at in range(0, len(unseen), 16)]
            records.lose(b"".join(key for key in gone if key not in written))
            left = [Part(id=part, token="t") for part in touched if part not in done]
            order = Order(parts=left, secret=SECRET, new_only=new_only, contract=self.contract, algorithm={"kind": Listing.kind})
            reading = Reading(made, order, records, progress=lambda _: None)
            reading._sifting._sifter = AtMost(most)
            for place, part in enumerate(parts):
                report = reading.part(place)
                checked(report, new_only=new_only)
                fresh = {}
                applied(fresh, part, report)
                standing = dict(events)
                assert all(standing.get(key) != what for key, what in fresh.items())  # nothing is said again
                own |= set(range(len(events), len(events) + len(fresh)))
                events += fresh.items()
                used += map(tuple, report.state["rows"])
                assert report.used == len(report.state["rows"])
                assert report.failures == ({"le: v": report.quarantined} if report.quarantined else {})
                unseen += report.unseen
                counts[part] = report.model_dump(include={"rows", "new", "changed", "unchanged", "quarantined"})
                done.append(part)
        gone = reading.unseen()
        after = dict(events)
        for at in range(0, len(gone), 16):
            del after[gone[at : at + 16]]
        assert wanted is not None
        assert (after, sorted(used), counts) == (wanted[0], sorted(wanted[1]), wanted[2])
        assert Counter(row for part in touched for row in source[part] if not new_only and row[1] <= most) <= Counter(used)
        self.history, self.read, self.limit = after, source, most


def checked(report, *, new_only):
    """As the pod holds a worker's answer to its own figures."""
    parts = [*(getattr(report, name) for name in BINARY), json.dumps(report.state).encode()]
    bare = PartReport.model_validate_json(report.model_dump_json(exclude={*BINARY, "state"}))
    assert checked_report(bare, parts, digests=True, new_only=new_only) == report


rows = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=5)
sources = st.dictionaries(st.sampled_from("abcd"), rows, min_size=1, max_size=4)
distinct = st.permutations([(number, v) for number in range(9) for v in (0,)]).flatmap(
    lambda ids: st.tuples(
        st.lists(st.integers(0, 2), min_size=9, max_size=9), st.lists(st.sampled_from(["a", "b", "c", "d", None]), min_size=9, max_size=9)
    ).map(lambda drawn: by_part([(one[0], v) for one, v in zip(ids, drawn[0], strict=True)], drawn[1]))
)


def by_part(rows, parts):
    found = {}
    for row, part in zip(rows, parts, strict=True):
        if part is not None:
            found.setdefault(part, []).append(row)
    return found or {"a": []}


def steps(source):
    return st.lists(
        st.tuples(
            source,
            st.fixed_dictionaries(
                {
                    "new_only": st.booleans(),
                    "most": st.integers(0, 2),
                    "more": st.sets(st.sampled_from("abcd"), max_size=2),
                    "cut": st.integers(0, 3),
                    "size": st.integers(1, 6),
                }
            ),
        ),
        min_size=1,
        max_size=4,
    )


FULL = {"new_only": False, "most": 9, "more": set(), "cut": 0, "size": 2}
NEW = FULL | {"new_only": True}
X, Y = (1, 1), (2, 2)
quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


@quick
@given(steps=steps(sources))
@example(steps=[({"a": [X] * 3, "b": [X]}, FULL), ({"b": [X] * 5}, NEW), ({"b": [X], "c": [X] * 2}, NEW | {"cut": 1})])
@example(steps=[({"a": [Y]}, FULL | {"most": 1}), ({"b": [Y]}, NEW | {"most": 1}), ({"c": [Y]}, NEW)])
@example(steps=[({"a": [X], "c": [X]}, FULL), ({"b": [X], "c": [X, Y]}, NEW)])
@example(steps=[({"a": [X], "c": [X]}, FULL), ({"b": [X], "a": [X, Y]}, NEW)])
@example(steps=[({"a": [X]}, FULL), ({"a": [X] * 2}, FULL)])
@example(steps=[({"a": [Y]}, FULL | {"most": 1}), ({"a": [Y, X]}, FULL | {"most": 1})])
def test_rows_without_a_key(contract, steps):
    pod = Pod(contract, keyed=False)
    for source, how in steps:
        pod.run(source, **how)


@quick
@given(steps=steps(distinct))
def test_rows_with_a_key(contract, steps):
    pod = Pod(contract, keyed=True)
    for source, how in steps:
        pod.run(source, **how)


@quick
@given(steps=steps(sources))
@example(steps=[({"a": [(1, 1)]}, FULL), ({"a": [(1, 1)], "b": [(1, 1)]}, NEW)])
@example(steps=[({"a": [(1, 1)], "b": [(1, 1)]}, FULL | {"cut": 1})])
def test_a_key_that_is_there_twice_is_found_whenever_it_is_there(contract, steps):
    pod = Pod(contract, keyed=True)
    for source, how in steps:
        ids = [row[0] for part in source.values() for row in part]
        if len(set(ids)) == len(ids):
            pod.run(source, **how)
            continue
        with pytest.raises(DataSourceError, match="does not tell rows apart") as caught:
            pod.run(source, **how)
        assert caught.value.code == "key_not_unique"


def test_the_marks_of_records_are_the_histories_own():
    assert (ELSEWHERE, LOST, QUARANTINED) == (history.ELSEWHERE, history.LOST, history.QUARANTINED)
    assert MET not in (ELSEWHERE, LOST)
    assert MET < QUARANTINED


@pytest.mark.parametrize("keyed", [True, False], ids=["with_a_key", "without"])
def test_the_digest_stands_for_the_used_rows_in_their_order_and_version(contract, keyed):
    def digest(rows, *, most=9, size=2, known=(), record=b"", new_only=False):
        made = InParts(name="t", key=("id",) if keyed else ())
        made._rows, made._size = {"a": rows}, size
        records = Records()
        for row in known:
            key = digest_of(row, "key", ("id",)) if keyed else digest_of(row, "key")
            record += key + (digest_of(row, "row") if keyed else key) + bytes(4)
        records.add(record)
        order = Order(parts=[Part(id="a", token="t")], secret=SECRET, new_only=new_only, contract=contract, algorithm=None)
        reading = Reading(made, order, records, progress=lambda _: None)
        reading._sifting._sifter = AtMost(most)
        report = reading.part(0)
        checked(report, new_only=new_only)
        return report.digest

    one, two, three = (1, 1), (2, 2), (3, 3)
    whole = digest([one, two, three])
    assert digest([one, two, three], size=1) == digest([one, two, three], known=[two]) == whole
    assert digest([one, (9, 9), two, three], most=3) == whole
    assert digest([one, two, three, (4, 4)], known=[(4, 4)], new_only=True) == whole
    others = [[one, three, two], [one, two], [one, two, (3, 4)], [one, two, (4, 3)], [one, two, three, (4, 4)], []]
    assert len({whole, *map(digest, others)}) == 1 + len(others)
    if not keyed:  # of equal rows, too, it says which they are
        content = digest_of(one, "key")
        assert digest([one], record=copy_key(content, 1, secret=SECRET) + content + bytes(4)) != digest([one])
