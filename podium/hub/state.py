"""What one running hub consists of, and the little upkeep it does for itself."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Connection, insert, select, update
from sqlmodel import col

from podium.files import private_folder, read_private, write_private
from podium.hub import mailbox, presence
from podium.hub.auth import Caller, Doorkeeper, digest
from podium.hub.bell import Bell
from podium.hub.quota import Quota, waiting
from podium.hub.settings import UPKEEP_SECONDS, HubSettings
from podium.hub.store import Store
from podium.hub.tables import Fact

log = logging.getLogger("podium.hub")


class Hub:
    """The parts, put together by `open` and taken apart by `close`."""

    door: Doorkeeper
    id: str

    def __init__(self, settings: HubSettings, *, clock: Callable[[], float] = time.time) -> None:
        self.settings, self.clock = settings, clock
        self.store, self.bell, self.presence = Store(settings.url), Bell(), presence.Presence()
        self.quota = Quota(per_sender=settings.sender_waiting, per_address=settings.address_waiting)
        self._upkeep: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Open the database, settle the admin key, begin the upkeep."""
        private_folder(self.settings.folder)
        admin_sha256 = digest(self._admin_key())
        self.store.open()
        self.id = await self.store.run(partial(_settle_facts, admin_sha256=admin_sha256))
        self.door = Doorkeeper(self.store, admin_sha256=admin_sha256, clock=self.clock)
        self.quota.set(await self.store.run(partial(waiting, now=self.clock())))
        self._upkeep = asyncio.create_task(self._keep_up())

    async def close(self) -> None:
        """Send every poll home, write down what is only in memory, let the database go."""
        self.bell.close()
        if self._upkeep:
            self._upkeep.cancel()
        await self.store.run(partial(presence.write_down, beats=self.presence.take()))
        await self.store.close()

    async def tidy(self) -> None:
        """Delete what is past its time, count what waits, write down who was heard of."""
        await self.store.run(partial(mailbox.prune, now=self.clock()))
        self.quota.set(await self.store.run(partial(waiting, now=self.clock())))
        await self.store.run(partial(presence.write_down, beats=self.presence.take()))

    def _admin_key(self) -> str:
        path = self.settings.folder / "admin.key"
        if not path.exists():
            write_private(path, f"ak_{secrets.token_hex(32)}\n", exclusive=True)
        return read_private(path).decode().strip()

    async def _keep_up(self) -> None:
        while True:
            try:
                await self.tidy()
            except Exception as error:  # noqa: BLE001 - the database may be away for a while; the next round tries again
                log.warning("upkeep failed: %s", type(error).__name__)
            await asyncio.sleep(UPKEEP_SECONDS)


async def _hub(request: Request) -> Hub:
    found: Hub = request.app.state.hub
    return found


ThisHub = Annotated[Hub, Depends(_hub)]


async def known(request: Request) -> tuple[Hub, Caller]:
    """The hub, and who asks it. Raises Refused."""
    hub: Hub = request.app.state.hub
    return hub, await hub.door.caller(request.headers.get("authorization", ""))


async def _caller(request: Request) -> Caller:
    return (await known(request))[1]


Known = Annotated[Caller, Depends(_caller)]


def _settle_facts(db: Connection, *, admin_sha256: str) -> str:
    """The hub's id, made on its first start; the admin key's digest is that of the file, which may have been replaced."""
    facts: dict[str, str] = {row.name: row.value for row in db.execute(select(Fact))}
    if "hub" not in facts:
        facts["hub"] = secrets.token_hex(16)
        db.execute(insert(Fact).values(name="hub", value=facts["hub"]))
    if "admin" not in facts:
        db.execute(insert(Fact).values(name="admin", value=admin_sha256))
    elif facts["admin"] != admin_sha256:
        db.execute(update(Fact).where(col(Fact.name) == "admin").values(value=admin_sha256))
    return facts["hub"]
