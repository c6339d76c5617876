"""The desk: what all steps of one pod share in one process. Opened once; plain objects, so that Prefect never looks inside."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from podium.config import PodConfig, from_prefect_name, prefect_name, saved_pod
from podium.contracts import DatasourceSchema
from podium.crypto.custodian import trusted_custodian
from podium.crypto.encryption import KeyRing
from podium.crypto.envelope import peek
from podium.crypto.header import MAX_LIFE, Header, parse_header
from podium.crypto.keys import PublicKey, RSAKeyPair, fingerprint, load_public, public_pem
from podium.datasources import Datasource, load_source
from podium.datasources._given import fitted, given_schema
from podium.errors import DataSourceError, HubError, HubUnavailable, MessageRefused, TrustError
from podium.files import private_folder, write_private
from podium.history.secret import pod_secret
from podium.local_log import served_log
from podium.policy.access import TaskView
from podium.state import StateFile, read_state
from podium.wire.credentials import saved_key
from podium.wire.hub import AsyncHubClient
from podium.workers.warm import Warm
from schemas.approvals import ApprovalStore
from schemas.cancels import CancelStore
from schemas.changes import ChangeStore
from schemas.history import HistoryStore
from schemas.records import RunRecord
from schemas.rounds import RoundStore
from schemas.runs import RunStore
from schemas.standing import StandingStore
from schemas.stores import GrantStore, PodDatabase, SchemaStore, SqlReplayStore
from tasks.step import coded
from tasks.stops import Stops

R = TypeVar("R")


class Seat(Protocol):
    """A run's place among those that work at once."""

    async def take(self) -> None:
        """Wait for a place and hold it."""

    async def give(self) -> None:
        """Give the place back, if it is held."""


class Access(Protocol):
    """Asks the pod's access manager: empty for a yes, else the reason of the no."""

    def refusal(self, task: TaskView) -> str: ...


class Desk:
    """One pod's configuration, keys, stores, hub client and queue of runs."""

    def __init__(self, config: PodConfig) -> None:
        self.config = config
        self.folder: Path = private_folder(config.folder)
        self.identity = RSAKeyPair.load_or_create(self.folder / "keys" / "identity.pem")
        self.ring = KeyRing(self.folder / "keys" / "encryption", self.identity)
        self.secret = pod_secret(self.folder / "keys" / "history.key")
        self.custodian: PublicKey = trusted_custodian(config, self.folder)
        self.database = PodDatabase.of(folder=self.folder, url=config.history.url, pod=config.identifier)
        self.runs = RunStore(self.database)
        self.rounds = RoundStore(self.database)
        self.history = HistoryStore(self.database)
        self.cancels = CancelStore(self.database)
        self.standings = StandingStore(self.database)
        self.grants = GrantStore(self.database)
        self.approvals = ApprovalStore(self.database)
        self.replay = SqlReplayStore(self.database)
        self.schemas = SchemaStore(self.database)
        self.changes = ChangeStore(self.database)
        self.state = StateFile(self.folder)
        self.hub = AsyncHubClient(config.hub.url, saved_key(config.hub.url, self.identity.fingerprint, owner=config.pod.owner))
        self.warm = Warm(seconds=config.limits.warm_seconds, folder=self.folder / "work")
        self.mail = AsyncHubClient(config.message_service.url, self.hub.api_key) if config.message_service.url else self.hub
        self.access: Access | None = None
        self.queue: asyncio.Queue[str] = asyncio.Queue()
        self.closing = asyncio.Event()
        self.active: set[str] = set()
        self.seats: dict[str, Seat] = {}
        self.stops = Stops()
        self._bells: dict[str, asyncio.Event] = {}
        self.heard_until = 0.0  # by time.monotonic: until then the hub hears of this pod without a heartbeat

    @property
    def tag(self) -> str:
        """`name@owner`: the pod as Prefect knows it."""
        return prefect_name(self.config.identifier)

    @property
    def names(self) -> list[str]:
        """The datasources' names, in the order of the pod file."""
        return [str(fields["name"]) for fields in self.config.datasources]

    def source(self, name: str) -> Datasource:
        """The datasource of that name. Raises DataSourceError or ConfigError."""
        for fields in self.config.datasources:
            if fields["name"] == name:
                return load_source(fields)
        raise DataSourceError(f"this pod has no datasource {name!r}.", field="datasource", code="unknown_datasource")

    def has_given(self, name: str) -> bool:
        """Whether a schema was given for that datasource and is to be used."""
        return not self.config.prefect.update_schema and any(f.get("schema") for f in self.config.datasources if f["name"] == name)

    def given(self, name: str, found: DatasourceSchema) -> DatasourceSchema:
        """The given schema of that datasource, which looks as `found`. Raises ConfigError or DataSourceError."""
        (schema,) = [given_schema(fields) for fields in self.config.datasources if fields["name"] == name]
        return fitted(schema or found, found, self.source(name))

    def cache(self, name: str) -> Path:
        """Where workers keep what was costly to read of that datasource. It can be removed at any time."""
        return self.folder / "cache" / name

    def contract(self, name: str) -> Path:
        """Where that datasource's pandera contract lies, for people to edit."""
        return self.folder / "contracts" / f"{name}.yaml"

    def schema(self, name: str) -> DatasourceSchema | None:
        """The newest schema."""
        return self.schemas.latest(name)

    def broken(self, name: str) -> bool:
        """Whether that datasource was found not to be servable."""
        return self._stands(name).startswith("broken")

    def profiled(self, name: str) -> bool:
        """Whether this pod has taken a schema of that datasource since it started."""
        return self._stands(name) in ("partial", "full")

    def _stands(self, name: str) -> str:
        state = read_state(self.folder)
        return state.datasources.get(name, "") if state else ""

    def header_of(self, record: RunRecord) -> Header:
        """Who asked for this run, from its message; where that is gone, from what its standing task keeps. Raises MessageRefused."""
        if record.envelope:
            return peek(record.envelope)
        kept = self.standings.of(record.standing or record.id)
        if kept is None:
            raise MessageRefused("frame")
        return parse_header(kept.header).model_copy(update={"exp": record.received_at + MAX_LIFE})

    def enqueue(self, run: str) -> None:
        """Hand a run to whoever carries runs out; one that is in hand already is left alone."""
        if run not in self.active:
            self.active.add(run)
            self.queue.put_nowait(run)

    def bell(self, run: str) -> asyncio.Event:
        """Rings when the analyst has written to this run."""
        return self._bells.setdefault(run, asyncio.Event())

    @asynccontextmanager
    async def away(self, run: str) -> AsyncIterator[None]:
        """A run that waits gives its place to another, and takes one again when it goes on."""
        seat = self.seats.get(run)
        if seat is not None:
            await seat.give()
        try:
            yield
        finally:
            self._bells.pop(run, None)
        if seat is not None:
            await seat.take()

    async def identity_of(self, fp: str) -> PublicKey | None:
        """The identity key with that fingerprint: from the pod's own folder, else from the hub, whose word is checked by the hash."""
        kept = self.folder / "peers" / f"{fp}.pem"
        if kept.is_file():
            return load_public(kept.read_bytes())
        try:
            known = await self.hub.identity(fp)
        except HubUnavailable:
            raise
        except HubError:
            return None
        public = load_public(known["public_key"])
        if fingerprint(public) != fp:
            raise TrustError("the hub sent another key than was asked for.")
        write_private(kept, public_pem(public))
        return public

    async def unless_closing(self, work: Awaitable[R]) -> R | None:
        """The work's result, or None as soon as the pod closes."""
        doing, closing = asyncio.ensure_future(work), asyncio.ensure_future(self.closing.wait())
        try:
            await asyncio.wait({doing, closing}, return_when=asyncio.FIRST_COMPLETED)
            return doing.result() if doing.done() else None
        finally:
            doing.cancel()
            closing.cancel()

    async def close(self) -> None:
        """Give back what is open."""
        self.warm.close()
        await self.hub.close()
        if self.mail is not self.hub:
            await self.mail.close()
        self.database.close()


_DESKS: dict[str, Desk] = {}


def open_desk(pod: str) -> Desk:
    """The desk of the pod `name@owner` in this process, from the configuration that the pod was started with."""
    if pod not in _DESKS:
        config = saved_pod(from_prefect_name(pod))
        served_log(config.folder)
        _DESKS[pod] = Desk(config)
    return _DESKS[pod]


@coded
async def desk_of(pod: str) -> Desk:
    """`open_desk` for a flow: what goes wrong is told in the log, and Prefect gets a code."""
    return open_desk(pod)


def now() -> int:
    """Whole seconds since 1970."""
    return int(time.time())
