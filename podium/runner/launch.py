"""The process that runs Prefect's server: `python -P -m podium.runner.launch SOCKET`, started by `podium.runner.server`.

Prefect on SQLite stalls as it ships. It opens a deferred transaction, reads, then writes; if another commit came in between,
SQLite refuses the write at once, the client gets a 503 and sleeps for seconds. The cure: every transaction takes the write lock at
its start (BEGIN IMMEDIATE), behind one fair lock, so that none is refused and none waits in SQLite's unfair busy handler.

A second stall comes with CSRF protection: every request for a token replaces the client's last one, so a pod that starts several
runs at once (or whose token has just expired) refuses itself, again with seconds of sleep. The cure: a token that is still good is
prolonged, not replaced.

This leans on Prefect's internals. What it leans on is checked before anything starts (`CURED`), and a test puts twenty flows at
once on a server started this way.
"""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import signal
import socket
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

CURED = "3.8.8"  # the version whose internals this was written for
SCHEMA = Path(__file__).with_name("prefect_schema.sql")
STOP_SECONDS = 4.0  # the promise is five


def main(argv: list[str]) -> None:
    """Serve on the inherited listening socket whose number is given, until SIGTERM."""
    os.umask(0o077)
    gc.disable()  # thousands of modules, none of them garbage: a sixth of the import time
    import uvicorn
    from prefect.server.api.server import create_app
    from prefect.settings import get_current_settings

    settings = get_current_settings().server
    url = str(settings.database.connection_url.get_secret_value())  # type: ignore[union-attr]
    if url.startswith("sqlite"):
        cure(url)
        seed(Path(url.partition("///")[2]))
    share_tokens()
    close_v2()
    app = create_app(final=True)
    if (ui := settings.ui.static_directory) is not None:
        close_tree(Path(ui))
    gc.enable()
    gc.freeze()
    config = uvicorn.Config(
        app, log_level=settings.logging_level.lower(), timeout_keep_alive=settings.api.keepalive_timeout, timeout_graceful_shutdown=2
    )
    _leave_in_time()
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(argv[0]))])


def cure(url: str) -> None:
    """Make Prefect's server use serial, immediate transactions. Exits with the reason when its internals are not as expected."""
    try:
        from prefect.server.database import provide_database_interface
        from prefect.server.database.configurations import SQLITE_BEGIN_MODE, AioSqliteConfiguration
        from prefect.server.database.dependencies import set_database_config

        missing = {"begin_transaction", "setup_sqlite", "begin_sqlite_stmt"} - set(vars(AioSqliteConfiguration))
        if missing or SQLITE_BEGIN_MODE.get() is not None:
            raise ImportError(f"{', '.join(sorted(missing)) or 'another SQLITE_BEGIN_MODE'}")
    except ImportError as error:
        _refuse(f"its SQLite internals changed ({error})")

    holder: ContextVar[object] = ContextVar("holder", default=None)
    locks: dict[asyncio.AbstractEventLoop, asyncio.Lock] = {}  # first come, first served; the server has one loop

    class SerialSqlite(AioSqliteConfiguration):
        @asynccontextmanager
        async def begin_transaction(self, session: Any, with_for_update: bool = False) -> AsyncIterator[Any]:
            me = asyncio.current_task()
            if holder.get() is me:  # a transaction within a transaction of the same task: the lock is ours already
                async with super().begin_transaction(session, with_for_update) as transaction:
                    yield transaction
                return
            async with locks.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
                mine = holder.set(me)
                try:
                    async with super().begin_transaction(session, with_for_update=True) as transaction:
                        yield transaction
                finally:
                    holder.reset(mine)

        def setup_sqlite(self, conn: Any, record: Any) -> None:
            super().setup_sqlite(conn, record)
            cursor = conn.cursor()
            cursor.execute("PRAGMA busy_timeout = 10000")  # Prefect's own 60 s can freeze the event loop for as long
            cursor.close()

    set_database_config(SerialSqlite(connection_url=url))
    if not isinstance(provide_database_interface().database_config, SerialSqlite):
        _refuse("it ignores set_database_config")


def seed(database: Path) -> None:
    """Give a new database the tables that Prefect's migrations end with: 0.1 s instead of 7 s.

    The file carries its migration's revision, so Prefect goes on from there. One that this Prefect does not know is left alone.
    """
    import prefect.server.database as place

    script = SCHEMA.read_text("utf-8")
    revision = script.partition('INSERT INTO "alembic_version" VALUES(\'')[2].partition("'")[0]
    versions = Path(place.__file__).parent / "_migrations" / "versions" / "sqlite"
    if database.exists() or not revision or not any(versions.glob(f"*{revision}*.py")):
        return
    unfinished = database.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with sqlite3.connect(unfinished) as connection:
        connection.executescript(script)
    connection.close()
    unfinished.replace(database)


def share_tokens() -> None:
    """Give all requests of one client the same CSRF token while it lasts."""
    import sqlalchemy
    from prefect.server import models
    from prefect.server.database import provide_database_interface
    from prefect.settings import get_current_settings

    module = getattr(models, "csrf_token", None)
    if not hasattr(module, "create_or_update_csrf_token") or not hasattr(module, "read_token_for_client"):
        _refuse("its CSRF tokens are made elsewhere")

    async def create_or_update_csrf_token(*, session: Any, client: str) -> Any:
        db, now = provide_database_interface(), datetime.now(UTC)
        table, expiration = db.CsrfToken, now + get_current_settings().server.api.csrf_token_expiration
        new = secrets.token_hex(32)
        kept = sqlalchemy.case((table.expiration > now, table.token), else_=new)
        fresh = db.queries.insert(table).values(client=client, token=new, expiration=expiration)
        await session.execute(fresh.on_conflict_do_update(index_elements=[table.client], set_={"token": kept, "expiration": expiration}))
        return await models.csrf_token.read_token_for_client(session=session, client=client)  # type: ignore[attr-defined]

    models.csrf_token.create_or_update_csrf_token = create_or_update_csrf_token


def close_v2() -> None:
    """Do not serve the second UI: it calls an analytics host from the custodian's browser, and no setting stops that."""
    import prefect

    if not hasattr(prefect, "__ui_v2_static_path__"):
        _refuse("its second UI moved")
    prefect.__ui_v2_static_path__ = Path(os.devnull) / "closed"


def close_tree(folder: Path) -> None:
    """Only for our eyes: Prefect copies its UI with the modes that it has in site-packages."""
    for path in (folder, *folder.rglob("*")):
        if path.exists() and not path.is_symlink():
            path.chmod(0o700 if path.is_dir() else 0o600)


def _leave_in_time() -> None:
    """After SIGTERM uvicorn waits for connections and Prefect's services; whatever still hangs then is cut off."""
    import uvicorn

    gently = uvicorn.Server.handle_exit

    def handle_exit(self: uvicorn.Server, sig: int, frame: Any) -> None:
        timer = threading.Timer(STOP_SECONDS, os._exit, [128 + signal.SIGTERM])
        timer.daemon = True
        timer.start()
        gently(self, sig, frame)

    uvicorn.Server.handle_exit = handle_exit  # type: ignore[method-assign]


def _refuse(reason: str) -> None:
    import prefect

    sys.exit(f"Error: Prefect {prefect.__version__} cannot be run: {reason}. Podium knows {CURED}: pip install 'prefect=={CURED}'")


if __name__ == "__main__":
    main(sys.argv[1:])
