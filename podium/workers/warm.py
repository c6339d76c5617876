"""Workers that need not load anything: forks of a process that has. It is started once a worker was used, and kept for a while.

Seen from a session, a forked worker is like any other: a process and a group of its own, the same scrubbed environment, limits and folder,
never used twice. What differs: forks of one process share its memory layout, as all forks do.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from podium.files import private_folder
from podium.workers.starting import BUFFER, Process, scrubbed

LOADING_SECONDS = 10.0


class Warm:
    """Keeps the fork server for `seconds` after a worker was last used; 0: there is never one. `folder` is where it works."""

    def __init__(self, *, seconds: float, folder: Path) -> None:
        self._seconds, self._folder = seconds, folder
        self._server: _Server | None = None
        self._retiring: asyncio.TimerHandle | None = None

    async def worker(self, place: Path, *, log: int) -> Process | None:
        """A fork that works in `place`; None where there is none to be had."""
        server = self._server
        if server is None:
            return None
        self._keep()
        return await server.fork(place, log=log)

    def used(self) -> None:
        """A worker was used: another is likely to be wanted soon."""
        if self._seconds and sys.platform == "linux":  # elsewhere libraries may start threads that a fork would lose
            if self._server is None or self._server.gone:
                self._server = _Server(private_folder(self._folder))
            self._keep()

    def close(self) -> None:
        """End the server, and any worker of it."""
        if self._retiring is not None:
            self._retiring.cancel()
        if self._server is not None:
            self._server.close()
            self._server = None

    def _keep(self) -> None:
        if self._retiring is not None:
            self._retiring.cancel()
        self._retiring = asyncio.get_running_loop().call_later(self._seconds, self._retire)

    def _retire(self) -> None:
        if self._server is not None and self._server.busy:
            self._keep()
        else:
            self.close()


class _Forked:
    """A worker that is not our own child: the server tells when it has ended."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.stdout: asyncio.StreamReader | None = None
        self.stdin: asyncio.StreamWriter | None = None
        self._status: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def returncode(self) -> int | None:
        return self._status.result() if self._status.done() else None

    def ended(self, status: int) -> None:
        if not self._status.done():
            self._status.set_result(status)

    async def wait(self) -> int:
        return await asyncio.shield(self._status)


class _Server:
    """The process, and its workers by pid."""

    def __init__(self, folder: Path) -> None:
        self._control, theirs = socket.socketpair()
        self._control.setblocking(False)
        log = os.open(folder / "worker.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "podium.workers.forkserver"],
            stdin=theirs.fileno(),
            stdout=log,
            stderr=log,
            cwd=folder,
            env=scrubbed(),
            start_new_session=True,
        )
        theirs.close()
        os.close(log)
        self._workers: dict[int, _Forked] = {}
        self._ready = asyncio.Event()
        self._asking = asyncio.Lock()
        self._answer: asyncio.Future[_Forked] | None = None
        self._listening = asyncio.create_task(self._listen())

    @property
    def gone(self) -> bool:
        """Whether it has ended, or does not listen any more."""
        return self._listening.done()

    @property
    def busy(self) -> bool:
        """Whether a worker of it is at work, or asked for."""
        return bool(self._workers) or self._asking.locked()

    async def fork(self, place: Path, *, log: int) -> _Forked | None:
        """A worker; None where the server is gone or takes too long."""
        ours, theirs = socket.socketpair()
        try:
            async with asyncio.timeout(LOADING_SECONDS), self._asking:
                await self._ready.wait()
                self._answer = asyncio.get_running_loop().create_future()
                socket.send_fds(self._control, [json.dumps({"place": str(place)}).encode()], [theirs.fileno(), log])
                worker = await self._answer
                worker.stdout, worker.stdin = await asyncio.open_connection(sock=ours, limit=BUFFER)
                return worker
        except (TimeoutError, OSError):
            ours.close()
            self.close()
            return None
        finally:
            theirs.close()

    def close(self) -> None:
        """End it and its workers."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        self._process.kill()
        self._process.wait()
        self._end_all()

    async def _listen(self) -> None:
        loop, rest = asyncio.get_running_loop(), b""
        try:
            while data := await loop.sock_recv(self._control, 4096):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._hear(json.loads(line))
        finally:
            self._control.close()
            self._ready.set()  # whoever waits finds that it is gone
            if self._answer is not None and not self._answer.done():
                self._answer.set_exception(ConnectionResetError())
            self._end_all()

    def _hear(self, said: dict[str, int]) -> None:
        if "ready" in said:
            self._ready.set()
        elif "status" in said:
            if worker := self._workers.pop(said["pid"], None):
                worker.ended(said["status"])
        elif self._answer is not None and not self._answer.done():
            self._workers[said["pid"]] = worker = _Forked(said["pid"])
            self._answer.set_result(worker)

    def _end_all(self) -> None:
        for worker in self._workers.values():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(worker.pid, signal.SIGKILL)
            worker.ended(-signal.SIGKILL)
        self._workers.clear()
