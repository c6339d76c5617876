"""A worker session, seen from the pod: a child process that alone reads rows, driven by commands over its pipes.

The worker is not trusted: whatever it answers is held to a size and checked against a type. It has no key, no hub, no environment of
ours; it works in an empty private folder, in a process group of its own, and ends with the session, with the pod, and at its limits.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ValidationError

from podium.contracts import DatasourceSchema, Partial, PartReport, Reported, Survey, ValidationReport
from podium.errors import PodiumError, WorkerError
from podium.files import private_folder
from podium.workers.answers import checked_report, checked_survey, nonsense
from podium.workers.faults import error_of
from podium.workers.frames import MAX_PARTS, MAX_PIECES, PIECE, encode, read_async
from podium.workers.limits import OVER_MEMORY, Limits
from podium.workers.progress import Progress, Scanned
from podium.workers.starting import Process, started
from podium.workers.warm import Warm

__all__ = ["Limits", "WorkerSession"]

CLOSING_SECONDS = 2.0
M = TypeVar("M", bound=BaseModel)


class WorkerSession:
    """`async with WorkerSession.open(source.dump(), limits=…, folder=…) as worker:`. One command at a time.

    Every command raises the error that the worker reported (DataSourceError, ConfigError, TaskError), or WorkerError with the code
    `worker_died`, `worker_timeout`, `worker_memory`, `worker_nonsense` or `worker_error`. After `worker_died`, `worker_timeout` or a
    cancelled command the session is over.
    """

    def __init__(self, source: dict[str, Any], *, limits: Limits, folder: Path, log: Path, warm: Warm | None, cache: Path | None) -> None:
        self._source, self._limits, self._folder, self._log, self._warm, self._cache = source, limits, folder, log, warm, cache
        self._lock = asyncio.Lock()
        self._process: Process | None = None
        self._place: Path | None = None
        self._opened: PodiumError | bool = False
        self._number = 0
        self._digests = self._new_only = self._results = False

    @classmethod
    def open(
        cls,
        source: dict[str, Any],
        *,
        limits: Limits,
        folder: Path,
        log: Path | None = None,
        warm: Warm | None = None,
        cache: Path | None = None,
    ) -> Self:
        """A session for one datasource's `dump()`. `folder` takes its private working folder; `log` its stderr, for the custodian.

        With `warm` the process is a fork of one that has loaded everything, where there is one. `cache`: where the worker may keep what
        was costly to read of this datasource, for the next session.
        """
        return cls(source, limits=limits, folder=folder, log=log or folder / "worker.log", warm=warm, cache=cache)

    @property
    def pid(self) -> int | None:
        """The worker's process, while it is there."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def __aenter__(self) -> Self:
        """Start the process; it loads what it needs while the pod goes on."""
        self._place = Path(tempfile.mkdtemp(prefix="worker-", dir=private_folder(self._folder.absolute())))
        handle = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._process = await self._started(handle)
        except BaseException:
            shutil.rmtree(self._place, ignore_errors=True)
            raise
        finally:
            os.close(handle)
        with contextlib.suppress(ConnectionError):  # a worker that died at once is reported by the first command
            cache = str(private_folder(self._cache.absolute())) if self._cache else None
            await self._post({"do": "open", "source": self._source, "limits": self._limits.model_dump(), "cache": cache})
        return self

    async def _started(self, log: int) -> Process:
        assert self._place is not None
        if self._warm is not None and (forked := await self._warm.worker(self._place, log=log)):
            return forked
        return await started(self._place, log=log)

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def profile(self, stage: Literal["partial", "full"], *, on_progress: Progress | None = None) -> DatasourceSchema:
        """What the datasource looks like, from its head or from one complete pass."""
        return (await self._command({"do": "profile", "stage": stage}, DatasourceSchema, on_progress=on_progress))[0]

    async def write_contract(self, schema: DatasourceSchema, path: Path) -> Path:
        """Derive the pandera contract and write it. Returns the file written: `NAME.yaml.new` where a person has edited `path`."""
        fields = {"do": "write_contract", "schema": schema.model_dump(mode="json"), "path": _absolute(path)}
        answer, _ = await self._command(fields, _Written)
        return path if answer.path == _absolute(path) else path.with_name(f"{path.name}.new")

    async def validate(self, contract: Path, *, on_progress: Progress | None = None) -> ValidationReport:
        """All rows held against a contract: rules and counts. No run, and nothing is kept. Raises ConfigError for one that is broken."""
        return (await self._command({"do": "validate", "contract": _absolute(contract)}, ValidationReport, on_progress=on_progress))[0]

    async def survey(self, unless: str, *, contract: Path, by_parts: bool) -> Survey:
        """What the source is made of now. Its token is `unless`: no part is listed, and nothing is read.

        One part `all` where parts are not wanted, or a unique rule of the contract goes beyond the key. Raises ConfigError for a
        contract that is broken.
        """
        fields = {"do": "survey", "unless": unless, "contract": _absolute(contract), "by_parts": by_parts}
        return checked_survey((await self._command(fields, Survey))[0])

    async def begin(
        self,
        parts: Sequence[str],
        *,
        secret: bytes,
        known: Iterable[bytes],
        lost: bytes,
        new_only: bool,
        contract: Path,
        algorithm: dict[str, Any] | None,
        results: bool = False,
    ) -> None:
        """Announce a run over these parts of the last survey, which will be read in that order.

        `known`: packed records of 36 bytes as the history yields them, a stretch of keys in each chunk. `lost`: packed keys of records
        that stand as elsewhere and are in no part any more; one that this run has written since is not among them. An empty `secret`
        takes no digests, and every row is new. With an `algorithm` each part comes to its state; without, the rows of the last part are
        kept for `compute`. With `results` it also comes to what the algorithm, which is a `Scoring` one, gives each datapoint.
        """
        chunks = iter(known)
        while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:  # the history may take its time
            await self._command({"do": "history", "of": "known"}, _Done, [chunk])
        for start in range(0, len(lost), PIECE):
            await self._command({"do": "history", "of": "lost"}, _Done, [lost[start : start + PIECE]])
        fields = {"do": "begin", "ids": list(parts), "new_only": new_only, "contract": _absolute(contract), "algorithm": algorithm}
        await self._command({**fields, "results": results}, _Done, [secret])
        self._digests, self._new_only, self._results = bool(secret), new_only, results

    async def part(self, place: int, *, on_progress: Progress | None = None) -> PartReport:
        """Read one part. In `failures` what begins with `!` is not about single rows: a type, a missing column, a value there twice.

        The contract's word is told, not acted upon: that the run must stop is for the pod to say.
        """
        report, parts = await self._command({"do": "part", "place": place}, PartReport, on_progress=on_progress)
        told = {"digests": self._digests, "new_only": self._new_only, "results": self._results}
        return await asyncio.to_thread(partial(checked_report, report, parts, **told))

    async def unseen(self) -> bytes:
        """After the last part: packed keys, in their order, that are in no part any more."""
        _, parts = await self._command({"do": "unseen"}, _Done)
        if len(parts) != 1 or len(parts[0]) % 16:
            raise nonsense()
        return parts[0]

    async def merged(self, algorithm: dict[str, Any], states: Sequence[dict[str, Any]]) -> Partial:
        """What the states of parts come to together."""
        for chunk in _listed(states):
            await self._command({"do": "states"}, _Done, [chunk])
        return (await self._command({"do": "merged", "algorithm": algorithm}, Partial))[0]

    async def compute(self, algorithm: dict[str, Any]) -> Partial:
        """The algorithm's local half on the chosen rows; it is given its own columns and no others."""
        return (await self._command({"do": "compute", "algorithm": algorithm}, Partial))[0]

    async def report(self, path: Path, records: Iterable[bytes], *, secret: bytes, on_progress: Progress | None = None) -> Reported:
        """Write what rows of the source were given into a file that is there, as CSV. `records`: packed, of 24 bytes each."""
        pieces = _pieces(records)
        while chunk := await asyncio.to_thread(next, pieces, b""):
            await self._command({"do": "results"}, _Done, [chunk])
        return (await self._command({"do": "report", "path": _absolute(path)}, Reported, [secret], on_progress=on_progress))[0]

    async def close(self) -> None:
        """Ask the worker to end, end it if it does not, and remove its folder. Never raises for a worker that is gone."""
        process = self._process
        try:
            if process is not None and process.returncode is None:
                if process.stdin is not None:
                    process.stdin.close()  # the worker ends when its stdin does
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), CLOSING_SECONDS)
        finally:
            self._kill()
            if process is not None:
                await process.wait()
            if self._place is not None:
                shutil.rmtree(self._place, ignore_errors=True)
            if self._warm is not None:
                self._warm.used()

    async def _command(
        self, fields: dict[str, Any], answer: type[M], parts: Sequence[bytes] = (), *, on_progress: Progress | None = None
    ) -> tuple[M, list[bytes]]:
        async with self._lock:
            try:
                async with asyncio.timeout(self._limits.seconds):
                    await self._until_open()
                    await self._post(fields, parts)
                    return await self._answer(answer, on_progress)
            except TimeoutError:
                self._kill()
                message = f"the worker timed out: {fields['do']} took longer than {self._limits.seconds:g} s."
                remedy = "Does the disk or the database answer, and does the view or query come to an end?"
                raise WorkerError(message, remedy=remedy, code="worker_timeout") from None
            except (asyncio.IncompleteReadError, ConnectionError):
                raise await self._died() from None
            except WorkerError as error:
                if error.code == "worker_nonsense":  # what it says next cannot be trusted to belong to anything
                    self._kill()
                raise
            except asyncio.CancelledError:
                self._kill()
                raise

    async def _until_open(self) -> None:
        """The answer to `open` is read by the first command; a source that cannot be built fails every command alike."""
        if self._opened is False:
            try:
                await self._answer(_Opened, None)
                self._opened = True
            except PodiumError as error:
                self._opened = error
        if isinstance(self._opened, PodiumError):
            raise self._opened

    async def _post(self, fields: dict[str, Any], parts: Sequence[bytes] = ()) -> None:
        self._number += 1
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing():
            raise ConnectionResetError
        process.stdin.writelines(encode({"id": self._number, **fields}, parts))
        await process.stdin.drain()

    async def _answer(self, answer: type[M], on_progress: Progress | None) -> tuple[M, list[bytes]]:
        if self._process is None or self._process.stdout is None:
            raise ConnectionResetError
        pieces, size = [bytearray() for _ in range(MAX_PARTS)], 0
        while True:
            header, parts = await read_async(self._process.stdout)
            if (said := header.get("progress")) is not None:
                if on_progress is not None:
                    on_progress(_scanned(said))
                continue
            if (place := header.get("piece")) is not None:
                size += sum(map(len, parts))
                if type(place) is not int or not 0 <= place < MAX_PARTS or len(parts) != 1 or size > MAX_PIECES:
                    raise nonsense()
                pieces[place] += parts[0]
                continue
            if "error" in header:
                raise error_of(header["error"], log=self._log)
            try:
                said = answer.model_validate_json(_text(header.get("ok")))
                return said, [bytes(pieces[place]) or part for place, part in enumerate(parts)] if size else parts
            except ValidationError:
                raise nonsense() from None

    async def _died(self) -> WorkerError:
        process = self._process
        if process is None:
            return WorkerError("the session is not open.", code="worker_died")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), CLOSING_SECONDS)
        self._kill()
        code = await process.wait()
        if code == OVER_MEMORY:
            message = f"the worker used more than its {self._limits.memory_mb} MiB of memory."
            remedy = "Do the data unpack to far more than they are? Else raise `worker_memory_mb` under limits."
            return WorkerError(message, remedy=remedy, code="worker_memory")
        how = f"by signal {_signal_name(-code)}" if code < 0 else f"with exit status {code}"
        error = WorkerError(f"the worker ended {how} before it answered; its log is {self._log}.", code="worker_died")
        error.transient = code == -signal.SIGKILL
        return error

    def _kill(self) -> None:
        """The worker and all that it started: they share a group that nobody else is in."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)


def _scanned(said: Any) -> Scanned:
    if isinstance(said, list) and len(said) == len(Scanned._fields) and all(type(one) is int for one in said):
        return Scanned(*said)
    raise nonsense()


class _Opened(BaseModel):
    opened: Literal[True]


class _Done(BaseModel):
    done: Literal[True]


class _Written(BaseModel):
    path: str


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in frames of at most PIECE, none of which cuts a record of 24 bytes in two."""
    most = PIECE // 24 * 24
    held = bytearray()
    for chunk in chunks:
        held += chunk
        while len(held) >= most:
            yield bytes(held[:most])
            del held[:most]
    if held:
        yield bytes(held)


def _listed(states: Sequence[dict[str, Any]]) -> Iterator[bytes]:
    """The states as lists of JSON, each of a size that a frame takes."""
    held: list[str] = []
    size = 0
    for state in states:
        held.append(json.dumps(state, allow_nan=False))
        size += len(held[-1])
        if size >= PIECE:
            yield f"[{','.join(held)}]".encode()
            held, size = [], 0
    yield f"[{','.join(held)}]".encode()


def _absolute(path: Path) -> str:
    return str(path.absolute())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
