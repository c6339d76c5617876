"""Scores through whole runs: what stands after each is what plain arithmetic gives of the files, and no cell is in the database."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

from podium import project
from podium.datasources import load_source
from podium.history.fingerprints import digests
from podium.history.secret import datasource_secret

project.activate()

from schemas.reading import RunReader  # noqa: E402

PLANTED = 918273645.0
DEGENERATE = {"kind": "score", "coefficients": {"dose": 1.0}, "edges": [918273670, 918273700]}  # each score is a cell
Rows = dict[str, float | None]


def write(folder: Path, **parts: Rows) -> None:
    for name, rows in parts.items():
        lines = "".join(f"{patient},{'' if dose is None else dose}\n" for patient, dose in rows.items())
        (folder / f"{name}.csv").write_text(f"patient,dose\n{lines}")


def doses(first: int, last: int) -> Rows:
    return {f"p{n}": PLANTED + n for n in range(first, last)}


class Standing:
    """What the pod's custodian reads of question 1."""

    def __init__(self, pod: Any) -> None:
        self.pod, self.folder = pod, pod.database.parent
        self.secret = (self.folder / "keys" / "history.key").read_bytes()

    def of(self, *parts: Rows) -> dict[bytes, str]:
        """What it should be."""
        import pyarrow as pa

        rows = {patient: dose for part in parts for patient, dose in part.items()}
        batch = pa.RecordBatch.from_pydict({"patient": list(rows)})
        packed = digests(batch, secret=datasource_secret(self.secret, "patients"), purpose="key")
        keys = [packed[at : at + 16] for at in range(0, len(packed), 16)]
        return {key: str(math.nan if dose is None else float(dose)) for key, dose in zip(keys, rows.values(), strict=True)}

    def read(self, run_no: int | None = None) -> dict[bytes, str]:
        reader, found = RunReader(folder=self.folder, pod="demo/lone"), {}
        for chunk in reader.records(1, run_no, secret=self.secret):
            for at in range(0, len(chunk), 24):
                found[chunk[at : at + 16]] = struct.unpack("<d", chunk[at + 16 : at + 24])[0]
        reader.close()
        return {key: str(value) for key, value in found.items() if not math.isinf(value)}


def test_what_stands_after_each_run(lone: Any, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    a, b = {**doses(0, 50), "empty": None}, doses(50, 100)
    write(folder, a=a, b=b)
    source = {"name": "patients", "kind": "csv", "path": str(folder), "key": ["patient"], "types": {"dose": "number"}}
    assert load_source(source)
    pod = lone([source])
    standing, many = Standing(pod), {**DEGENERATE, "where": "dose < 918273650"}

    first = pod.ask(DEGENERATE)
    assert (first["status"], first["new"]) == ("released", 101)
    assert standing.read() == standing.of(a, b)

    for patient in ("p50", "p51"):
        del b[patient]
    b.update({"p52": PLANTED - 7, "p53": None, "p0": PLANTED, **doses(200, 215)})  # changed, changed, moved, new
    del a["p0"]
    write(folder, a=a, b=b)
    second = pod.ask(DEGENERATE, new=True)
    assert (second["status"], second["new"], second["changed"], second["gone"]) == ("released", 15, 2, 2)
    assert standing.read() == standing.of(a, b)
    assert standing.read(second["no"]) == standing.of({"p52": PLANTED - 7, "p53": None, **doses(200, 215)})

    kept = pod.rows("SELECT run_no, batch, datapoints FROM datapoint_result")
    c = doses(300, 310)
    write(folder, c=c)
    third = pod.ask(DEGENERATE)  # the states and results of parts that stay are taken as they are
    assert (third["status"], third["new"]) == ("released", 10)
    assert standing.read() == standing.of(a, b, c)
    added = set(pod.rows("SELECT run_no, batch, datapoints FROM datapoint_result")) - set(kept)
    assert sum(datapoints for *_, datapoints in added) == 10

    few = pod.ask(many)
    assert (few["status"], few["counted"]) == ("suppressed", False)
    assert pod.rows(f"SELECT 1 FROM datapoint_result WHERE run_no = {few['no']}") == []

    files = b"".join(path.read_bytes() for path in standing.folder.glob("pod.db*"))
    tables = [
        name for (name,) in pod.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'datasource_schema'")
    ]  # statistics
    told = (pod.home / "lone.log").read_text() + "".join(str(pod.rows(f'SELECT * FROM "{table}"')) for table in tables)
    assert "918273670" in told, "the search is blind"  # an edge: the question is kept
    for value in (PLANTED, PLANTED + 1, PLANTED - 7, PLANTED + 305):
        assert struct.pack("<d", value) not in files
        assert struct.pack(">d", value) not in files
        assert f"{value:.0f}" not in told


def test_none_are_kept_where_nothing_is(lone: Any, tmp_path: Path) -> None:
    write(tmp_path, t=doses(0, 60))
    source = {"name": "patients", "kind": "csv", "path": str(tmp_path / "t.csv"), "key": ["patient"]}
    pod = lone([source], history={"pod_db": False})
    assert pod.ask(DEGENERATE)["status"] == "released"
    assert pod.rows("SELECT 1 FROM datapoint_result") == []
