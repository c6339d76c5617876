"""Workers that are forks of a loaded process: the same answers, limits and ends as of those that are started by themselves."""

import asyncio
import os
import re
import signal
import stat
import sys
from pathlib import Path

import pytest
from worker_scene import ENDLESS, MEAN, endless, gone, opened, read, until_gone

from podium.errors import WorkerError
from podium.workers.session import WorkerSession
from podium.workers.starting import TOLD
from podium.workers.warm import Warm

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there are none elsewhere")


@pytest.fixture
async def warm(tmp_path):
    made = Warm(seconds=60, folder=tmp_path / "work")
    made.used()
    yield made
    made.close()


def server_of(worker: WorkerSession) -> int:
    return int(Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[1])


async def test_it_answers_as_one_that_was_started(cancer_csv, tmp_path, warm):
    answers = []
    for how in (None, warm, warm):
        async with opened(cancer_csv, tmp_path / "work", key=["patient"], warm=how) as worker:
            schema = await worker.profile("full")
            contract = await worker.write_contract(schema, tmp_path / "cancer.yaml")
            report = await read(worker, contract)
            answers.append((schema.columns, report, await worker.compute(MEAN), server_of(worker) == os.getpid()))
    assert [answer[-1] for answer in answers] == [True, False, False]
    assert answers[0][:-1] == answers[1][:-1] == answers[2][:-1]


async def test_each_is_its_own(cancer_csv, tmp_path, warm, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    async with (
        opened(cancer_csv, tmp_path / "work", warm=warm) as one,
        opened(cancer_csv, tmp_path / "work", warm=warm) as two,
    ):
        await asyncio.gather(one.profile("partial"), two.profile("partial"))
        pids = one.pid, two.pid
        assert server_of(one) == server_of(two)
        assert len({*pids, server_of(one), os.getpid()}) == 4
        for pid in pids:
            names = {line.partition(b"=")[0].decode() for line in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") if line}
            assert names <= {"PATH", "LANG", "TZ", "PYTHONPATH", "LC_CTYPE", *TOLD}
            assert os.getpgid(pid) == pid
            assert stat.S_IMODE(Path(f"/proc/{pid}/cwd").resolve().stat().st_mode) == 0o700
            assert re.search(r"Max core file size\s+0\s", Path(f"/proc/{pid}/limits").read_text())
            sockets = [link for link in map(os.readlink, Path(f"/proc/{pid}/fd").iterdir()) if link.startswith("socket:")]
            assert len(set(sockets)) == 1, "it holds another's socket, or the server's"
        assert len({Path(f"/proc/{pid}/cwd").resolve() for pid in pids}) == 2
    for pid in pids:
        await until_gone(pid)
    assert [p.name for p in (tmp_path / "work").iterdir()] == ["worker.log"]


async def test_its_end_is_told(cancer_csv, tmp_path, warm):
    async with opened(cancer_csv, tmp_path / "work", warm=warm) as worker:
        await worker.profile("partial")
        os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(WorkerError, match="SIGKILL") as caught:
            await worker.compute({"kind": "count"})
        assert (caught.value.code, caught.value.transient) == ("worker_died", True)
    async with opened(cancer_csv, tmp_path / "work", memory_mb=64, warm=warm) as worker:
        with pytest.raises(WorkerError) as caught:
            await worker.profile("full")
    assert caught.value.code == "worker_memory"


async def test_a_command_past_its_time_is_ended(tmp_path, warm):
    async with opened(endless(tmp_path), tmp_path / "work", seconds=1, warm=warm, **ENDLESS) as worker:
        pid = worker.pid
        with pytest.raises(WorkerError, match="timed out"):
            await worker.profile("partial")
        await until_gone(pid)


async def test_without_the_server_one_is_started(cancer_csv, tmp_path, warm):
    async with opened(cancer_csv, tmp_path / "work", warm=warm) as worker:
        await worker.profile("partial")
        pid = worker.pid
        os.kill(server_of(worker), signal.SIGKILL)
        await until_gone(pid)
        with pytest.raises(WorkerError) as caught:
            await worker.compute({"kind": "count"})
        assert (caught.value.code, caught.value.transient) == ("worker_died", True)
    async with opened(cancer_csv, tmp_path / "work") as worker:
        await worker.profile("partial")
        assert server_of(worker) == os.getpid()
    async with opened(cancer_csv, tmp_path / "work", warm=warm) as worker:  # its use has brought the server back
        await worker.profile("partial")
        assert server_of(worker) != os.getpid()


async def test_it_is_kept_for_a_while_and_not_for_ever(cancer_csv, tmp_path):
    warm = Warm(seconds=1.5, folder=tmp_path / "work")
    warm.used()
    async with opened(cancer_csv, tmp_path / "work", warm=warm) as worker:
        server = server_of(worker)
        await asyncio.sleep(2.5)
        assert not gone(server), "it was ended with a worker at work"
        await worker.profile("partial")
    await until_gone(server)
    never = Warm(seconds=0, folder=tmp_path / "work")
    never.used()
    async with opened(cancer_csv, tmp_path / "work", warm=never) as worker:
        assert server_of(worker) == os.getpid()


async def test_all_end_with_the_pod(tmp_path):
    path, work = tmp_path / "t.csv", tmp_path / "work"
    path.write_text("a\n1\n")
    script = f"""
import asyncio, pathlib
from podium.workers.session import Limits, WorkerSession
from podium.workers.warm import Warm
async def main():
    work = pathlib.Path({str(work)!r})
    warm = Warm(seconds=60, folder=work)
    warm.used()
    source = {{"kind": "csv", "name": "t", "path": {str(path)!r}}}
    async with WorkerSession.open(source, limits=Limits(), folder=work, warm=warm) as worker:
        await worker.profile("partial")
        print(worker.pid, flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""
    pod = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    try:
        pid = int(await pod.stdout.readline())
        server = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        assert server != pod.pid
    finally:
        pod.kill()
        await pod.wait()
    await until_gone(pid)
    await until_gone(server)
    assert not [p for p in work.iterdir() if p.is_dir()]
