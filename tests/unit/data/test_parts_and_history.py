"""What a worker says of parts, written down by the real history and told to the next run: also to one that was broken off."""

import pytest

from podium.contracts import Outcome, PartReport
from podium.datasources import Csv
from podium.workers.reading import Order, Reading
from podium.workers.records import ELSEWHERE, Records
from podium.workers.survey import survey
from schemas.history import HistoryStore
from schemas.records import RunRecord
from schemas.stores import PodDatabase


class Desk:
    """The pod's side, by hand."""

    def __init__(self, folder, contract, **fields):
        self.store, self.contract = HistoryStore(PodDatabase(f"sqlite:///{folder.parent / 'pod.db'}")), contract
        self.source = Csv(path=folder, name="t", **fields)
        self.task = self.store.task(b"t" * 16, datasource="t", algorithm="count")

    def begun(self, number):
        with self.store.database.transaction() as session:
            session.add(RunRecord(no=number, id=f"{number}", mid="", lease_attempt=1, envelope=b"", received_at=0, task_no=self.task))

    def read(self, number, *, most=99):
        """Read up to `most` of the parts that changed since the last counted run and are not behind this one yet."""
        found, parts = survey(self.source, "", contract=self.contract, by_parts=True)
        behind = {batch.part: batch for batch in self.store.batches(number)}
        standing = self.store.standing(self.task).parts
        changed = [part for part in found.parts if part.id not in standing or standing[part.id].token != part.token]
        left = [part for part in changed if part.id not in behind]
        places = {part.id: ELSEWHERE for part in found.parts} | {part.id: place for place, part in enumerate(left)}
        records = Records()
        for chunk in self.store.known(self.task, run_no=number, places=places):
            records.add(chunk)
        records.lose(b"".join(batch.unseen for batch in behind.values()))
        order = Order([parts[part.id] for part in left], bytes(32), True, self.contract, None)
        reading, reports = Reading(self.source, order, records, progress=lambda _: None), []
        for place, part in enumerate(left[:most]):
            reports.append(reading.part(place))
            no = len(behind) + place
            self.store.commit(number, no, part=part.id, token=part.token, report=reports[-1], whole=False)
        if most < len(left):
            return reports, None
        gone = reading.unseen()
        many = len(gone) // 16
        report = PartReport(**dict.fromkeys(("rows", "new", "changed", "unchanged", "quarantined", "used"), 0), keys=gone)
        report = report.model_copy(update={"fingerprints": bytes(len(gone)), "outcomes": bytes([Outcome.GONE]) * many})
        self.store.commit(number, len(behind) + len(left), part="", token="", report=report, whole=False)
        with self.store.database.transaction() as session:
            record = session.get_one(RunRecord, number)
            record.counted, record.counted_no = True, number
        return reports, many


@pytest.mark.parametrize("key", [("id",), ()], ids=["with_a_key", "without"])
def test_three_runs_and_a_crash(tmp_path, key):
    folder, contract = tmp_path / "rows", tmp_path / "t.yaml"
    folder.mkdir()
    contract.write_text("schema_type: polars_dataframe\ncolumns:\n  id:\n    dtype: Int64\n  v:\n    dtype: Int64\n    le: 90\n")

    def write(**files):
        for name, rows in files.items():
            (folder / f"{name}.csv").write_text("id,v\n" + "".join(f"{row[0]},{row[1]}\n" for row in rows))

    def counts(reports):
        return [(r.new, r.changed, r.unchanged, r.quarantined, r.used) for r in reports]

    write(a=[(1, 1), (2, 2)], b=[(3, 3), (4, 99)], c=[(5, 5)])
    desk = Desk(folder, contract, key=key)
    desk.begun(1)
    reports, gone = desk.read(1)
    assert (counts(reports), gone) == ([(2, 0, 0, 0, 2), (1, 0, 0, 1, 1), (1, 0, 0, 0, 1)], 0)
    write(a=[(2, 2), (6, 6)], b=[(4, 99), (1, 1)], c=[(5, 5), (7, 7)])
    desk.begun(2)
    reports, gone = desk.read(2, most=1)
    assert (counts(reports), len(reports[0].unseen), gone) == ([(1, 0, 1, 0, 1)], 16, None)
    reports, gone = desk.read(2)
    assert (counts(reports), gone) == ([(0, 0, 2, 0, 0), (1, 0, 1, 0, 1)], 1)  # 1 moved, 3 is gone
    write(c=[(5, 5), (7, 7), (3, 3)])
    desk.begun(3)
    reports, gone = desk.read(3)
    assert (counts(reports), gone) == ([(1, 0, 2, 0, 1)], 0)
    write(b=[(4, 99)])
    desk.begun(4)
    reports, gone = desk.read(4)
    assert (counts(reports), gone) == ([(0, 0, 1, 0, 0)], 1)
