"""The hub as an ASGI application."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware import Middleware

from podium import __version__
from podium.hub import refusal
from podium.hub.body import BodyGuard
from podium.hub.routes import people, pods
from podium.hub.routes.mailbox import Mailroom
from podium.hub.settings import HubSettings
from podium.hub.state import Hub


def create_app(settings: HubSettings, *, clock: Callable[[], float] = time.time) -> FastAPI:
    """A hub over the settings' database; `app.state.hub` while it runs. Opens nothing before it is started."""
    hub = Hub(settings, clock=clock)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        await hub.open()
        try:
            yield
        finally:
            await hub.close()

    # No Swagger or ReDoc pages: they load their scripts from other hosts.
    middleware = [Middleware(BodyGuard, known=lambda key: hub.door.caller(key)), Middleware(Mailroom)]
    app = FastAPI(title="Podium hub", version=__version__, lifespan=life, docs_url=None, redoc_url=None, middleware=middleware)
    app.state.hub = hub
    refusal.install(app)
    for routes in (pods.routes, people.routes):
        app.include_router(routes, prefix="/v1")
    return app
