"""The one Prefect server of a PODIUM_HOME: started when needed, shared by all pods there, stopped by the last to leave.

`PREFECT_API_URL` in the environment names another server, which is used and never started or stopped. Otherwise everything lies
in `PODIUM_HOME/prefect` (0700): the database, its log, the password (`auth`), `server.json` while it runs, and `holders/`. Every
change happens under one file lock, so two pods that start together get the same server.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from podium import __version__, config
from podium.errors import PrefectUnavailable
from podium.files import private_folder, read_private, write_private
from podium.runner.holders import Holders, birth
from podium.runner.process import HOST, end, last_error, listen, open_private, runs, spawn, wait_ready
from podium.runner.settings import OWN_URL, client_environment, server_environment

START_SECONDS, STOP_SECONDS, EXTERNAL_SECONDS = 120.0, 5.0, 15.0
_RESTART = "Run: podium prefect stop, then podium prefect start"

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Server:
    """A Prefect server that answers. `own` is False for one that `PREFECT_API_URL` names."""

    url: str
    folder: Path
    own: bool = True
    port: int = 0
    pid: int = 0
    born: float = 0.0
    started: str = ""
    podium: str = __version__
    notes: tuple[str, ...] = ()

    @property
    def ui(self) -> str:
        """Where a person opens it."""
        return self.url.removesuffix("/api")

    @property
    def auth(self) -> str:
        """`user:password`, from a file that only its owner may read."""
        return read_private(self.folder / "auth").decode() if self.own else os.environ.get("PREFECT_API_AUTH_STRING", "")


def ensure(
    *,
    holder: int = 0,
    progress: Progress | None = None,
    unless: Callable[[], bool] = lambda: False,
    meanwhile: Callable[[Server], object] = id,
) -> Server:
    """A server that answers, started where there is none. Idempotent. Raises PrefectUnavailable.

    `holder` is registered in the same step (see `hold`), so that nobody else's leaving stops the server in between. `meanwhile` is
    given the server as soon as its address is known: from then on it is only waited for, and no longer once `unless()` becomes true.
    """
    if (url := _external()) is not None:
        meanwhile(found := Server(url=url, folder=_folder(), own=False))
        if not wait_ready(url, EXTERNAL_SECONDS):
            raise PrefectUnavailable(
                f"no Prefect server answers at {url}.",
                field="PREFECT_API_URL",
                remedy="Start it, or unset the variable to have Podium run one.",
            )
        return found
    with _locked() as folder:
        known = _known(folder)
        server = known if known and _runs(known) else _start(folder, before=known, tell=progress or (lambda _: None))
        if holder:
            Holders(folder / "holders").add(holder)
    meanwhile(server)
    _await(server, unless)
    return server


def hold(pid: int) -> None:
    """Note that this process needs the server."""
    with _locked() as folder:
        Holders(folder / "holders").add(pid)


def leave(pid: int) -> bool:
    """Note that it no longer does. True when it was the last one and the server was stopped."""
    if _external() is not None:
        return False
    with _locked() as folder:
        holders = Holders(folder / "holders")
        holders.remove(pid)
        return not holders.pids() and not holders.kept and _stop(folder)


def keep() -> None:
    """Leave the server running when no pod needs it, until `stop`."""
    with _locked() as folder:
        Holders(folder / "holders").keep()


def stop() -> bool:
    """Stop the server that Podium started, whoever holds it. False when none ran, or `PREFECT_API_URL` names another."""
    if _external() is not None:
        return False
    with _locked() as folder:
        Holders(folder / "holders").clear()
        return _stop(folder)


def status() -> dict[str, Any]:
    """`state` (external, running, silent, died, stopped), the address, and who holds it. Starts nothing."""
    if (url := _external()) is not None:
        return {"state": "external" if wait_ready(url, 2.0) else "silent", "url": url, "ui": url.removesuffix("/api")}
    folder = _folder()
    found = _known(folder)
    if found is None:
        return {"state": "stopped"}
    state = "died" if not _runs(found) else "running" if wait_ready(found.url, 2.0) else "silent"
    holders = Holders(folder / "holders")
    return {
        "state": state,
        "url": found.url,
        "ui": found.ui,
        "port": found.port,
        "pid": found.pid,
        "started": found.started,
        "podium": found.podium,
        "holders": holders.pids(),
        "kept": holders.kept,
        "log": str(folder / "server.log"),
    }


def current() -> Server:
    """The server that runs now, without starting one. Raises PrefectUnavailable."""
    if (url := _external()) is not None:
        return Server(url=url, folder=_folder(), own=False)
    found = _known(_folder())
    if found is None or not _runs(found):
        raise PrefectUnavailable("no Prefect server runs here.", remedy="Run: podium prefect start")
    return found


def environment(server: Server) -> dict[str, str]:
    """Everything that a client process needs; each variable's reason is in `podium.runner.settings`."""
    return client_environment(url=server.url, auth=server.auth, home=server.folder / "home", own=server.own)


def _external(environ: Mapping[str, str] = os.environ) -> str | None:
    url = environ.get("PREFECT_API_URL", "").rstrip("/")
    return url if url and url != environ.get(OWN_URL) else None


def _folder() -> Path:
    return private_folder(config.home() / "prefect")


@contextmanager
def _locked() -> Iterator[Path]:
    folder = _folder()
    deadline = time.monotonic() + START_SECONDS + STOP_SECONDS
    with open_private(folder / "lock") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise PrefectUnavailable("another process has been starting Prefect's server for too long.", remedy=_RESTART) from None
                time.sleep(0.05)
        yield folder


def _known(folder: Path) -> Server | None:
    try:
        fields = json.loads((folder / "server.json").read_bytes())
        return Server(**fields, folder=folder)
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _runs(server: Server) -> bool:
    return runs(server.pid, server.born)


def _start(folder: Path, *, before: Server | None, tell: Progress) -> Server:
    wanted = int(os.environ.get("PODIUM_PREFECT_PORT") or config.PREFECT_PORT)
    # One that died is started on its old port: its clients know that address.
    with listen(wanted, again=before.port if before else 0) as listening:
        port = int(listening.getsockname()[1])
        notes = (f"Port {wanted} is taken: Prefect is on port {port}.",) if wanted and not before and port != wanted else ()
        for line in (f"Starting Prefect's server on http://{HOST}:{port}", *notes):
            tell(line)
        if not (folder / "auth").exists():
            write_private(folder / "auth", f"podium:{secrets.token_urlsafe(32)}")
        private_folder(folder / "home")
        auth = read_private(folder / "auth").decode()
        pid = spawn(listening, environment=server_environment(host=HOST, port=port, auth=auth, folder=folder), folder=folder)
    server = Server(
        url=f"http://{HOST}:{port}/api",
        folder=folder,
        port=port,
        pid=pid,
        born=birth(pid) or time.time(),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    fields = {name: value for name, value in asdict(server).items() if name not in ("folder", "own", "notes")}
    write_private(folder / "server.json", json.dumps(fields, indent=1))
    return replace(server, notes=notes)


def _await(server: Server, unless: Callable[[], bool]) -> None:
    if wait_ready(server.url, START_SECONDS, going_on=lambda: _runs(server) and not unless()) or unless():
        return
    if _runs(server):
        raise PrefectUnavailable(f"Prefect's server (pid {server.pid}) runs but does not answer.", remedy=_RESTART)
    with _locked() as folder:
        if (known := _known(folder)) is not None and known.pid == server.pid:  # not that of whoever has tried again meanwhile
            (folder / "server.json").unlink()
    log = server.folder / "server.log"
    raise PrefectUnavailable(f"Prefect's server ended while it started: {last_error(log)}.", remedy=f"See {log}")


def _stop(folder: Path) -> bool:
    found = _known(folder)
    running = found is not None and _runs(found)
    if found is not None and running:
        end(found.pid, found.born, seconds=STOP_SECONDS)
    (folder / "server.json").unlink(missing_ok=True)
    return running
