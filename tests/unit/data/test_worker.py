"""The worker is a real process here: what it answers, what it may use, and how it ends."""

import asyncio
import json
import os
import re
import signal
import stat
import sys
from pathlib import Path

import pandas as pd
import pytest
from worker_scene import ENDLESS, MEAN, anything, cut, endless, gone, opened, read, until_gone

from podium.algorithms import Count
from podium.errors import ConfigError, DataSourceError, WorkerError
from podium.workers.inside import Inside
from podium.workers.starting import TOLD

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


async def test_a_whole_run_agrees_with_pandas(cancer, cancer_csv, tmp_path):
    async with opened(cancer_csv, tmp_path / "work", key=["patient"]) as worker:
        schema = await worker.profile("full")
        contract = await worker.write_contract(schema, tmp_path / "cancer.yaml")
        report = await read(worker, contract)
        partial = await worker.compute(MEAN)
    assert (schema.rows, report.rows, report.used, report.new) == (569, 569, 569, 569)
    assert (report.quarantined, report.failures) == (0, {})
    assert len(set(cut(report.keys))) == 569
    truth = cancer.groupby("diagnosis")["mean_area"]
    for cell in partial.cells:
        assert cell.n == truth.count()[cell.key[0]]
        assert cell.values["sum"] == pytest.approx(truth.sum()[cell.key[0]], rel=1e-15)
    assert [p.name for p in (tmp_path / "work").iterdir()] == ["worker.log"]


async def test_a_slip_in_a_contract_is_told_before_a_row_is_read(cancer_csv, tmp_path):
    async with opened(cancer_csv, tmp_path / "work", key=["patient"]) as worker:
        contract = await worker.write_contract(await worker.profile("full"), tmp_path / "cancer.yaml")
        right = contract.read_text()
        contract.write_text(right.replace("  grade:\n    dtype: Int64\n", "  grade:\n    dtype: Int64\n    is_in: [1, 2]\n"))
        cancer_csv.write_text("patient,patient\n1,2\n")  # who would read a row would find this out
        with pytest.raises(ConfigError, match=r"cancer\.yaml: column 'grade', check 'is_in': there is no check") as caught:
            await read(worker, contract)
        assert (caught.value.code, "isin" in caught.value.remedy) == ("contract", True)
        contract.write_text(right)
        with pytest.raises(DataSourceError):
            await read(worker, contract)


async def test_only_new_and_changed_rows_are_chosen(cancer, cancer_csv, tmp_path):
    async with opened(cancer_csv, tmp_path / "work", key=["patient"]) as worker:
        first = await read(worker, anything(tmp_path))
        same = await read(worker, anything(tmp_path), known=[first], new_only=True)
        assert (same.rows, same.used, same.unchanged, same.keys) == (569, 0, 569, b"")
        grown = cancer.copy()
        grown.loc[[3, 5], "mean_radius"] = 1.25
        extra = grown.tail(4).assign(patient=["Q1", "Q2", "Q3", "Q4"])
        pd.concat([extra, grown]).to_csv(cancer_csv, index=False)
        again = await read(worker, anything(tmp_path), known=[first], new_only=True)
        assert (again.rows, again.used, again.new, again.changed) == (573, 6, 4, 2)
        assert (await worker.compute({"kind": "count"})).rows == 6


async def test_rows_without_a_key_are_told_apart_by_copy(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1,x\n" * 3 + "2,y\n")
    async with opened(path, tmp_path / "work") as worker:
        first = await read(worker, anything(tmp_path))
        assert (len(set(cut(first.keys))), len(set(cut(first.fingerprints)))) == (4, 2)
        path.write_text("b,a\n" + "x,1\n" * 5 + "y,2\n" + "z,1\n")
        again = await read(worker, anything(tmp_path), known=[first], new_only=True)
        assert (again.rows, again.used, again.new) == (7, 3, 3)
        assert len(set(cut(first.keys + again.keys))) == 7
        third = await read(worker, anything(tmp_path), known=[first, again], new_only=True)
        assert (third.used, third.unchanged) == (0, 7)


async def test_a_key_that_repeats_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,a\n1,x\n1,y\n2,z\n")
    async with opened(path, tmp_path / "work", key=["id"]) as worker:
        with pytest.raises(DataSourceError, match="1 repeat another"):
            await read(worker, anything(tmp_path))


async def test_errors_keep_their_family_and_hold_no_value(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,a\n" + "".join(f"{i},{i}\n" for i in range(120_000)) + "7,SECRET\n")
    async with opened(path, tmp_path / "work") as worker:
        with pytest.raises(DataSourceError, match="line 120002: column 'a'") as caught:
            await read(worker, anything(tmp_path))
        assert "SECRET" not in str(caught.value)
        with pytest.raises(WorkerError, match="no rows were selected"):
            await worker.compute({"kind": "count"})
    async with opened(path, tmp_path / "work", colour="red") as worker:
        for _ in range(2):
            with pytest.raises(ConfigError, match="unknown key"):
                await worker.profile("partial")


def test_an_algorithm_gets_its_own_columns_only(cancer_csv, tmp_path, monkeypatch):
    """In this process, where one can see what it is given."""
    given, contract = [], str(anything(tmp_path))
    real = Count.local
    monkeypatch.setattr(Count, "local", lambda self, batches: real(self, (given.append(batch.schema.names) or batch for batch in batches)))
    inside = Inside(progress=lambda _: None)
    inside.do({"do": "open", "source": {"kind": "csv", "name": "t", "path": str(cancer_csv)}}, [])
    inside.do({"do": "survey", "unless": "", "contract": contract, "by_parts": False}, [])
    inside.do({"do": "begin", "ids": ["all"], "new_only": False, "contract": contract, "algorithm": None, "results": False}, [b""])
    with pytest.raises(WorkerError, match="no rows were selected"):
        inside.do({"do": "compute", "algorithm": {"kind": "count"}}, [])
    inside.do({"do": "part", "place": 0}, [])
    with pytest.raises(ConfigError, match="there is no column 'height'") as caught:
        inside.do({"do": "compute", "algorithm": {"kind": "count", "by": "height"}}, [])
    assert caught.value.code == "unknown_column"
    said, _ = inside.do({"do": "compute", "algorithm": {"kind": "count", "by": "diagnosis"}}, [])
    assert (json.loads(said)["rows"], {tuple(names) for names in given}) == (569, {("diagnosis",)})


async def test_a_planted_bad_value_is_counted_and_not_shown(cancer, cancer_csv, tmp_path):
    async with opened(cancer_csv, tmp_path / "work", key=["patient"]) as worker:
        contract = await worker.write_contract(await worker.profile("full"), tmp_path / "cancer.yaml")
        text = contract.read_text().replace("  grade:\n    dtype: Int64\n", "  grade:\n    dtype: Int64\n    isin: [1, 2]\n")
        contract.write_text(text)
        report = await read(worker, contract)
    bad = int((cancer["grade"] == 3).sum())
    assert (report.quarantined, report.used, report.failures) == (bad, 569 - bad, {"isin: grade": bad})


async def test_a_question_about_some_of_the_rows(cancer, cancer_csv, tmp_path):
    where = "smoker == 'yes' and grade in (1, 2) and mean_area is not null and not (seen < '2024-01-08' or mean_radius <= 12)"
    kept = cancer[(cancer["smoker"] == "yes") & cancer["grade"].isin([1, 2]) & cancer["mean_area"].notna()]
    kept = kept[~((kept["seen"] < "2024-01-08") | (kept["mean_radius"] <= 12))]
    assert 10 < len(kept) < 200
    async with opened(cancer_csv, tmp_path / "work") as worker:
        await read(worker, anything(tmp_path))
        mean = await worker.compute({"kind": "variance", "column": "mean_texture", "by": "diagnosis", "where": where})
        bins = await worker.compute({"kind": "histogram", "column": "mean_texture", "edges": [10, 20, 30], "where": where})
        with pytest.raises(ConfigError) as caught:
            await worker.compute({"kind": "count", "where": "smoker == 1"})
    assert mean.rows == bins.rows == len(kept)
    truth = kept.groupby("diagnosis")["mean_texture"]
    for cell in mean.cells:
        assert cell.n == truth.count()[cell.key[0]]
        assert cell.values["m2"] / (cell.n - 1) == pytest.approx(truth.var()[cell.key[0]], rel=1e-12)
    assert {cell.key[0]: cell.n for cell in bins.cells} == kept["mean_texture"].floordiv(10).clip(0, 3).value_counts().to_dict()
    assert (caught.value.code, caught.value.field) == ("filter_type", "algorithm.count.where")


@linux
async def test_what_the_worker_is_given(cancer_csv, tmp_path, monkeypatch):
    monkeypatch.setenv("PODIUM_HOME", "/secret/home")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    async with opened(cancer_csv, tmp_path / "work") as worker:
        await worker.profile("partial")
        pid = worker.pid
        names = {line.partition(b"=")[0].decode() for line in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") if line}
        assert names <= {"PATH", "LANG", "TZ", "PYTHONPATH", "LC_CTYPE", *TOLD}
        assert os.getpgid(pid) == pid != os.getpgid(0)
        place = Path(f"/proc/{pid}/cwd").resolve()
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
        assert re.search(r"Max core file size\s+0\s", Path(f"/proc/{pid}/limits").read_text())
    await until_gone(pid)
    assert not place.exists()
    assert stat.S_IMODE((tmp_path / "work" / "worker.log").stat().st_mode) == 0o600


async def test_a_killed_worker_is_reported_with_its_signal(cancer_csv, tmp_path):
    async with opened(cancer_csv, tmp_path / "work") as worker:
        await worker.profile("partial")
        os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(WorkerError, match="SIGKILL") as caught:
            await worker.compute({"kind": "count"})
        assert (caught.value.code, caught.value.transient) == ("worker_died", True)


async def test_a_command_past_its_time_is_ended(tmp_path):
    async with opened(endless(tmp_path), tmp_path / "work", seconds=3, **ENDLESS) as worker:
        pid = worker.pid
        with pytest.raises(WorkerError, match="timed out") as caught:
            await worker.profile("partial")
        assert caught.value.code == "worker_timeout"
        await until_gone(pid)


async def test_a_worker_over_its_memory_is_ended(cancer_csv, tmp_path):
    async with opened(cancer_csv, tmp_path / "work", memory_mb=64) as worker:
        with pytest.raises(WorkerError) as caught:
            await worker.profile("full")
    assert caught.value.code == "worker_memory"
    assert "worker_memory_mb" in caught.value.remedy


@pytest.mark.parametrize("busy", [False, True])
async def test_the_worker_dies_with_its_parent(tmp_path, busy):
    """The parent is killed outright, with the worker idle or in the middle of a command."""
    path = endless(tmp_path) if busy else tmp_path / "t.csv"
    if not busy:
        path.write_text("a\n1\n")
    source = {"kind": "csv", "name": "t", "path": str(path), **ENDLESS}
    work = str(tmp_path / "work")
    script = f"""
import asyncio, pathlib
from podium.workers.session import Limits, WorkerSession
async def main():
    async with WorkerSession.open({source!r}, limits=Limits(), folder=pathlib.Path({work!r})) as worker:
        print(worker.pid, flush=True)
        await worker.profile("partial")
        print("idle", flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    try:
        pid = int(await parent.stdout.readline())
        await (asyncio.sleep(1.5) if busy else parent.stdout.readline())
        assert not gone(pid)
    finally:
        parent.kill()
        await parent.wait()
    await until_gone(pid)
    assert not [p for p in (tmp_path / "work").iterdir() if p.is_dir()]


async def test_a_lying_worker_is_not_believed(cancer_csv, tmp_path, monkeypatch):
    """A process that answers out of type stands in for a compromised worker."""
    liar = tmp_path / "liar.py"
    liar.write_text(
        "import sys, json, struct\n"
        "def send(h):\n    t = json.dumps(h).encode(); sys.stdout.buffer.write(struct.pack('>I', len(t)) + t); sys.stdout.buffer.flush()\n"
        "send({'parts': [], 'ok': json.dumps({'opened': True})})\n"
        "send({'parts': [], 'ok': json.dumps({'by': [], 'rows': -5, 'cells': [], 'extra': 1})})\n"
        "sys.stdin.read()\n"
    )
    real = asyncio.create_subprocess_exec

    async def start(*_, **options):
        return await real(sys.executable, str(liar), **options)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    async with opened(cancer_csv, tmp_path / "work") as worker:
        pid = worker.pid
        with pytest.raises(WorkerError) as caught:
            await worker.compute({"kind": "count"})
        assert caught.value.code == "worker_nonsense"
        await until_gone(pid)


async def test_a_frame_too_large_is_refused():
    from podium.workers.frames import MAX_HEADER, read_async

    for raw in ((MAX_HEADER + 1).to_bytes(4, "big"), b"\0\0\0\x12" + b'{"parts": [1e9999]'[:18], b"\0\0\0\x0d" + b'{"parts":[-1]'[:13]):
        stream = asyncio.StreamReader()
        stream.feed_data(raw)
        stream.feed_eof()
        with pytest.raises(WorkerError):
            await read_async(stream)


def test_the_pods_side_loads_nothing_heavy():
    import subprocess

    code = (
        "import sys, podium.workers.session, podium.datasources, podium.algorithms, podium.protocols\n"
        "from podium.datasources import Csv, Datasource, Frame, Parquet\n"
        "from podium.algorithms import Count, Mean\nfrom podium.protocols import OneRound\n"
        "Datasource.load({'kind': 'csv', 'name': 't', 'path': '/x.csv'}), Mean(column='a').check\n"
        "print([m for m in ('pandas', 'duckdb', 'pyarrow', 'polars', 'pandera', 'numpy', 'prefect') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_combining_needs_neither_arrow_nor_duckdb():
    import subprocess

    code = (
        "import sys\nfor m in ('pyarrow', 'duckdb', 'polars'): sys.modules[m] = None\n"
        "from podium.algorithms import Mean\nfrom podium.contracts import Released, ReleasedCell\n"
        "r = Released(by=('s',), rows=4, cells=(ReleasedCell(key=('f',), values={'n': 4, 'sum': 10.0}),))\n"
        "print(Mean(column='a', by='s').combine([r, r]).to_dict('list'))"
    )
    assert (
        subprocess.check_output([sys.executable, "-c", code], text=True).strip()
        == "{'s': ['f'], 'mean': [2.5], 'n': [8], 'suppressed': ['']}"
    )


def test_a_foreign_error_is_told_by_its_type_alone():
    from podium.workers.faults import error_of, fault_of

    for foreign in (ValueError("SECRET"), RuntimeError("SECRET"), MemoryError("SECRET")):
        error = error_of(fault_of(foreign).model_dump())
        assert isinstance(error, WorkerError)
        assert "SECRET" not in str(error)
    told = error_of(fault_of(ValueError("SECRET")).model_dump(), log=Path("/pod/logs/worker.log"))
    assert str(told) == "the worker failed with ValueError; its log has the reason. Read the end of /pod/logs/worker.log."
    assert error_of({"family": "SystemExit", "code": "x", "message": "a\x1b[31m"}).message == "a [31m"
    assert error_of({"family": "TaskError", "code": "NO SPACES", "message": ""}).code == "worker_nonsense"


def test_a_full_disk_is_told_as_that():
    """Wherever in a worker it is met, and with none of its words, which name a private folder."""
    from podium.workers.faults import fault_of

    try:
        with Path("/dev/full").open("wb", buffering=0) as full:
            full.write(b"SECRET")
    except OSError as error:
        said = fault_of(error)
    assert (said.code, said.remedy) == ("no_room", "Make room below PODIUM_HOME.")


def test_an_engine_at_the_end_of_its_memory_is_told_as_that():
    from podium.workers.faults import fault_of

    said = fault_of(OSError("Out of Memory Error: could not allocate block of SECRET"))
    assert said.code == "worker_memory"
    assert said.remedy
    assert "SECRET" not in said.message
