"""The hub as a process: one per PODIUM_HOME, gone within five seconds of SIGTERM, or with its parent where that is asked."""

from __future__ import annotations

import fcntl
import gc
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from podium.config import home
from podium.errors import ConfigError, HubError
from podium.files import private_folder, write_private
from podium.hub.app import create_app
from podium.hub.heads import HeadGuard
from podium.hub.listen import address, listening
from podium.hub.settings import HubSettings
from podium.wire.loopback import is_loopback

GRACE_SECONDS = 3
GC_EVERY = 20_000  # new objects
KEEP_ALIVE_SECONDS = 75  # longer than clients keep theirs, so that none is closed under a request


@dataclass(frozen=True, kw_only=True)
class Options:
    """How the process is started."""

    host: str
    port: int
    database: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    lifeline: bool = False
    as_json: bool = False


def serve(options: Options) -> None:
    """Run the hub until it is told to end. Raises HubError when this PODIUM_HOME has one already or no port is free."""
    os.umask(0o077)
    for path in (options.tls_cert, options.tls_key):
        if path and not Path(path).is_file():
            raise ConfigError(f"there is no file {path}.", field="tls")
    folder = private_folder(home() / "hub")
    with _alone(folder):
        app = create_app(HubSettings(folder=folder, database=options.database))
        app.state.hub.store.prepare()
        sock = listening(options.host, options.port)
        url = address(sock, options.host, tls=bool(options.tls_cert))
        server = _Server(_config(app, options))
        _warn(options, sock)
        server.announce = lambda: _announce(folder, url, as_json=options.as_json)
        if options.lifeline:
            threading.Thread(target=_end_with_parent, args=(server,), daemon=True).start()
        # Before uvicorn listens to signals these count; after it, it raises the one that ended it again, to no effect.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(server, "should_exit", True))
        try:
            server.run(sockets=[sock])
        finally:
            _retract(folder)
    if not server.started:
        raise HubError("the hub did not start; its log says why.")


class _Server(uvicorn.Server):
    """uvicorn, which says when it answers and sends long polls home before it closes."""

    announce = staticmethod(lambda: None)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # Every full collection would look through all that waits: thousands of polls, which end by themselves.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_EVERY, 20, 100)
        if self.started:
            self.announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.config.app.state.hub.bell.close()  # type: ignore[union-attr]
        await super().shutdown(sockets)


def _config(app: FastAPI, options: Options) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=HeadGuard,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody asks where a request came from
        ws="none",
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        ssl_certfile=options.tls_cert or None,
        ssl_keyfile=options.tls_key or None,
    )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two hubs on one database would not hear of each other's messages; the kernel drops this lock with the process."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HubError("a hub of this PODIUM_HOME is running already.", remedy="See: podium hub status", code="hub_running") from None
        yield


def _warn(options: Options, sock: socket.socket) -> None:
    port = sock.getsockname()[1]
    if options.port and port != options.port:
        print(f"Port {options.port} is taken: the hub listens on {port}.", file=sys.stderr)
    if not is_loopback(options.host) and not options.tls_cert:
        warning = f"WARNING: the hub answers on {options.host} WITHOUT TLS. API keys can be read on the way."
        print(warning, "Give --tls-cert and --tls-key, or put a TLS proxy in front.", file=sys.stderr, sep="\n")


def _announce(folder: Path, url: str, *, as_json: bool) -> None:
    known = {"url": url, "pid": os.getpid()}
    write_private(folder / "hub.json", json.dumps(known))
    print(json.dumps(known) if as_json else f"The hub is at {url} (Ctrl-C ends it).", flush=True)


def _retract(folder: Path) -> None:
    with suppress(OSError, ValueError):
        if json.loads((folder / "hub.json").read_bytes())["pid"] == os.getpid():
            (folder / "hub.json").unlink()


def _end_with_parent(server: uvicorn.Server) -> None:
    while os.read(0, 4096):  # not sys.stdin: its lock would be held when the interpreter ends
        pass
    server.should_exit = True
