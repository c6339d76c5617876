"""A run's way through a source part by part: survey, begin, part, unseen, merged, compute.

Twice in a real worker process; what does not turn on there being one, in this one: to start it takes longer than all the rest.
"""

import json
import os
import sqlite3

import numpy as np
import pytest
from choosing_oracle import applied
from PIL import Image
from worker_scene import SECRET

from podium.algorithms import Linear
from podium.contracts import Outcome
from podium.datasources import Datasource
from podium.errors import ConfigError, DataSourceError, WorkerError
from podium.workers import starting
from podium.workers.frames import PIECE
from podium.workers.inside import Inside
from podium.workers.session import Limits, WorkerSession
from podium.workers.survey import survey

LISTING = """
from podium.algorithms import Additive
from podium.contracts import Cell, Partial

class Listing(Additive):
    kind = "listing"
    def columns(self): return ("v",)
    def disclosure(self): raise NotImplementedError
    check = combine = disclosure
    def state(self, batches):
        return {"v": [v for batch in batches for v in batch.column("v").to_pylist()]}
    def merged(self, states):
        found = [v for state in states for v in state["v"]]
        return Partial(rows=len(found), cells=(Cell(n=len(found), values={"sum": sum(found)}),))
"""
ADDING = {"kind": "listing"}
CONTRACT = "schema_type: polars_dataframe\ncolumns:\n  id:\n    dtype: String\n  v:\n    dtype: Int64\n    le: 90\n"


@pytest.fixture
def additive(tmp_path, monkeypatch):
    """A kind of another distribution, as a worker finds it."""
    place = tmp_path / "site"
    (place / "listing-1.dist-info").mkdir(parents=True)
    (place / "listing.py").write_text(LISTING)
    (place / "listing-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: listing\nVersion: 1\n")
    (place / "listing-1.dist-info" / "entry_points.txt").write_text("[podium.algorithms]\nlisting = listing:Listing\n")
    known = starting.scrubbed()
    path = os.pathsep.join(filter(None, [str(place), known.get("PYTHONPATH")]))
    monkeypatch.setattr(starting, "scrubbed", lambda: {**known, "PYTHONPATH": path})


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "rows").mkdir()
    return tmp_path / "rows"


@pytest.fixture
def contract(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(CONTRACT)
    return path


def write(folder, **files):
    for name, rows in files.items():
        (folder / f"{name}.csv").write_text("id,v\n" + "".join(f"{name},{v}\n" for name, v in rows))


def session(path, work, **fields):
    fields = {"kind": "csv", "name": "t", "types": {"id": "text"}, **fields}
    return WorkerSession.open({"path": str(path), **fields}, limits=Limits(seconds=60), folder=work)


class Here(WorkerSession):
    """A session whose worker is not a process of its own: the same commands, the same checks of what comes back."""

    async def __aenter__(self):
        self._told = lambda _: None
        self._inside = Inside(progress=lambda scanned: self._told(scanned))
        self._inside.do({"do": "open", "source": self._source}, [])
        return self

    async def _command(self, fields, answer, parts=(), *, on_progress=None):
        self._told = on_progress or (lambda _: None)
        said, out = self._inside.do(json.loads(json.dumps(fields)), list(parts))
        return answer.model_validate_json(said), out


def here(path, work, **fields):
    return Here.open({"kind": "csv", "name": "t", "path": str(path), **fields}, limits=Limits(), folder=work)


async def through(worker, contract, *, history=None, standing=None, new_only=False, algorithm=None, secret=SECRET):
    """One run of the parts that `standing` (id → token) does not have. Returns its reports by part, and the history after it."""
    found = await worker.survey("", contract=contract, by_parts=True)
    history, standing = dict(history or {}), standing or {}
    parts = [part.id for part in found.parts if standing.get(part.id) != part.token]
    places = {part.id: 0x7FFF_FFFF for part in found.parts} | {part: number for number, part in enumerate(parts)}
    known = [
        key + mark + (places.get(part, 0x7FFF_FFFE) | (0x8000_0000 if bad else 0)).to_bytes(4, "big")
        for key, (mark, part, bad) in history.items()
    ]
    await worker.begin(parts, secret=secret, known=[b"".join(known)], lost=b"", new_only=new_only, contract=contract, algorithm=algorithm)
    reports = {}
    for place, part in enumerate(parts):
        reports[part] = await worker.part(place)
        applied(history, part, reports[part])
    gone = await worker.unseen()
    for at in range(0, len(gone), 16):
        del history[gone[at : at + 16]]
    return reports, history, {part.id: part.token for part in found.parts}


async def test_three_runs_of_a_folder(folder, contract, tmp_path, additive):
    write(folder, a=[("p1", 1), ("p2", 2)], b=[("p3", 3), ("p4", 99)])
    async with session(folder, tmp_path / "work", key=["id"]) as worker:
        first, history, tokens = await through(worker, contract, algorithm=ADDING)
        assert [(r.rows, r.new, r.quarantined, r.used) for r in first.values()] == [(2, 2, 0, 2), (2, 1, 1, 1)]
        last = list(first.values())[-1]
        assert (last.failures, last.rules) == ({"less_than_or_equal_to: v": 1}, ("less_than_or_equal_to: v",))
        again = await worker.survey("", contract=contract, by_parts=True)
        assert (await worker.survey(again.token, contract=contract, by_parts=True)).same
        merged = await worker.merged(ADDING, [report.state for report in first.values()])
        assert (merged.rows, merged.cells[0].values) == (3, {"sum": 6})
        with pytest.raises(ConfigError) as caught:
            await worker.merged(Linear.sample().dump(), [])
        assert caught.value.code == "not_additive"
    write(folder, a=[("p1", 1), ("p2", 22), ("p3", 3)], b=[("p5", 5), ("p4", 99)])
    async with session(folder, tmp_path / "work", key=["id"], about={"v": {"unit": "mg"}}) as worker:
        second, history, now = await through(worker, contract, history=history, standing=tokens, new_only=True, algorithm=ADDING)
        assert [report.state for report in second.values()] == [{"v": [22]}, {"v": [5]}]
        a, b = second.values()
        assert (a.new, a.changed, a.unchanged, bytes(sorted(a.outcomes))) == (0, 1, 2, bytes([Outcome.DONE, Outcome.MOVED]))
        assert (b.new, b.changed, b.unchanged, b.outcomes, b.unseen) == (1, 0, 1, bytes([Outcome.DONE]), b"")
        third, _, _ = await through(worker, contract, history=history, standing=now, new_only=True, algorithm=ADDING)
        assert third == {}
        (folder / "b.csv").unlink()
        reports, left, _ = await through(worker, contract, history=history, standing=now, new_only=True, algorithm=ADDING)
        assert (reports, len(history), len(left)) == ({}, 5, 3)


async def test_the_source_as_one_part(folder, contract, tmp_path):
    """Where a rule is about all rows together; and its rows are computed on."""
    contract.write_text(CONTRACT + "    unique: true\n")
    write(folder, a=[("p1", 1), ("p2", 2)], b=[("p3", 99), ("p4", 1)])
    async with here(folder, tmp_path / "work") as worker:
        assert [part.id for part in (await worker.survey("", contract=contract, by_parts=True)).parts] == ["all"]
        reports, _, _ = await through(worker, contract)
        assert reports["all"].failures == {"less_than_or_equal_to: v": 1, "!unique: v": 1}
        assert (await worker.compute({"kind": "count"})).rows == 3
        with pytest.raises(WorkerError, match="read once"):
            await worker.part(0)


async def test_without_a_secret_nothing_is_written_down(folder, contract, tmp_path):
    write(folder, a=[("p1", 1), ("p2", 99)])
    async with here(folder, tmp_path / "work", key=["id"]) as worker:
        reports, _, _ = await through(worker, contract, secret=b"")
        (report,) = reports.values()
        assert (report.new, report.quarantined, report.keys, report.outcomes, report.reasons) == (1, 1, b"", b"", b"")
        contract.write_text(CONTRACT.replace("le: 90", "le: [1"))
        with pytest.raises(ConfigError):
            await worker.survey("", contract=contract, by_parts=True)


async def test_a_key_in_two_files_is_refused(folder, contract, tmp_path):
    write(folder, a=[("p1", 1)], b=[("p1", 2), ("p2", 1)])
    async with here(folder, tmp_path / "work", key=["id"]) as worker:
        with pytest.raises(DataSourceError, match="1 repeat another") as caught:
            await through(worker, contract)
        assert caught.value.code == "key_not_unique"


def test_what_makes_other_rows_makes_another_token(folder, contract):
    write(folder, a=[("1", 1)])
    tokens = []
    for fields in ({}, {"description": "x", "on_drift": "stop"}, {"key": ["id"]}, {"types": {"id": "integer"}}):
        source = Datasource.load({"kind": "csv", "path": str(folder), "name": "t", **fields})
        found, _ = survey(source, "", contract=contract, by_parts=True)
        tokens.append((found.token, found.parts[0].token))
    assert tokens[0] == tokens[1]
    assert len(set(tokens)) == 3
    assert len({part for _, part in tokens}) == 3


async def test_a_file_that_is_kept_out_is_a_datapoint_in_quarantine(tmp_path):
    folder, contract = tmp_path / "pictures", tmp_path / "p.yaml"
    folder.mkdir()
    contract.write_text("schema_type: polars_dataframe\ncolumns:\n  width:\n    dtype: Int64\n    ge: 2\n")
    for name, width in (("a", 4), ("b", 1)):
        Image.new("L", (width, 3)).save(folder / f"{name}.png")
    (folder / "c.png").write_bytes(b"no image at all")
    async with WorkerSession.open(
        {"kind": "images", "path": str(folder), "name": "t"}, limits=Limits(), folder=tmp_path / "work"
    ) as worker:
        reports, history, tokens = await through(worker, contract)
        (report,) = reports.values()
        assert (report.rows, report.new, report.quarantined, report.used) == (3, 1, 2, 1)
        assert report.failures == {"greater_than_or_equal_to: width": 1, "no_image": 1}
        assert sorted(report.rules) == ["greater_than_or_equal_to: width", "no_image"]
        Image.new("L", (9, 3)).save(folder / "c.png")
        reports, history, tokens = await through(worker, contract, history=history, standing=tokens, new_only=True)
        (report,) = reports.values()
        assert (report.rows, report.new, report.changed, report.unchanged, report.outcomes) == (3, 0, 1, 2, bytes([Outcome.DONE]))


async def test_an_answer_larger_than_a_frame(tmp_path, contract):
    """Known datapoints go in, and keys come out, in many frames; everything unseen is gone."""
    rows, told = 270_000, []
    (tmp_path / "t.csv").write_text("id,v\n" + "".join(f"p{n},{n % 90}\n" for n in range(rows)))
    async with session(tmp_path / "t.csv", tmp_path / "work", key=["id"]) as worker:

        async def taken(known):
            (part,) = (await worker.survey("", contract=contract, by_parts=True)).parts
            asked = {"lost": b"", "new_only": True, "contract": contract, "algorithm": None}
            await worker.begin([part.id], secret=SECRET, known=[known[: 36 * 999], known[36 * 999 :]], **asked)
            return await worker.part(0, on_progress=told.append), await worker.unseen()

        first, unseen = await taken(b"")
        assert first.unseen == unseen == b""
        digests = [np.frombuffer(packed, np.uint8).reshape(-1, 16) for packed in (first.keys, first.fingerprints)]
        (tmp_path / "t.csv").write_text("id,v\nq,1\n")
        second, unseen = await taken(np.hstack([*digests, np.zeros((rows, 4), np.uint8)]).tobytes())
        assert second.unseen == unseen == first.keys
    assert 16 * rows > PIECE
    assert len(unseen) == 16 * rows
    assert (first.new, second.new, second.unchanged, told[-1].rows) == (rows, 1, 0, 1)


async def test_a_database_that_says_no_part_is_one(tmp_path, contract):
    made = sqlite3.connect(tmp_path / "t.db")
    made.execute("CREATE TABLE t (id TEXT PRIMARY KEY, v INTEGER)")
    made.executemany("INSERT INTO t VALUES (?, ?)", [("a", 1), ("b", 91)])
    made.commit()
    made.close()
    async with here(tmp_path / "t.db", tmp_path / "work", kind="sql", table="t", key=["id"]) as worker:
        reports, _, _ = await through(worker, contract)
        assert [(part, report.new, report.quarantined) for part, report in reports.items()] == [("all", 1, 1)]
