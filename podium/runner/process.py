"""The server's process: a port, a start, a wait, an end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from podium.errors import PrefectUnavailable
from podium.runner.holders import alive

HOST = "127.0.0.1"
PORTS_TRIED = 100
CLOSING_SECONDS = 2.0
_children: list[subprocess.Popen[bytes]] = []  # started here; polled, so that a dead one does not linger as a zombie


def listen(wanted: int, *, again: int = 0) -> socket.socket:
    """A bound socket on `again` if it can be had, else on the first free port from `wanted` (0: any).

    It is bound here and handed on, so that nobody takes the port while Python starts. `again` is the port of a server that died;
    the system may need a moment to close its sockets.
    """
    deadline = time.monotonic() + CLOSING_SECONDS
    while again and time.monotonic() < deadline:
        if (bound := _bind(again)) is not None:
            return bound
        time.sleep(0.05)
    for port in range(wanted, min(wanted + PORTS_TRIED, 65536)) if wanted else [0]:
        if (bound := _bind(port)) is not None:
            return bound
    raise PrefectUnavailable(
        f"no port is free between {wanted} and {wanted + PORTS_TRIED - 1}.",
        field="PODIUM_PREFECT_PORT",
        remedy="Set it to a free port, or to 0 for any.",
    )


def _bind(port: int) -> socket.socket | None:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that have just ended do not count
    try:
        listening.bind((HOST, port))
        listening.listen(2048)  # until then, SO_REUSEADDR would let another server bind the same port
    except OSError:
        listening.close()
        return None
    return listening


def spawn(listening: socket.socket, *, environment: Mapping[str, str], folder: Path) -> int:
    """Start the launcher on that socket, detached, its output in `server.log`; the pid."""
    log = folder / "server.log"
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    with open_private(log) as output:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "podium.runner.launch", str(listening.fileno())],
            env=dict(environment),
            cwd=folder,  # Prefect reads settings from files of the folder that it starts in
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(listening.fileno(),),
            start_new_session=True,  # Ctrl-C in the terminal that started it is not for it
        )
    _children.append(child)
    return child.pid


def runs(pid: int, born: float) -> bool:
    """True while that very process lives."""
    _reap()
    return alive(pid, born)


def wait_ready(url: str, timeout: float, *, going_on: Callable[[], bool] = lambda: True) -> bool:
    """True as soon as `url` (the API's address) answers, False after `timeout` seconds or when `going_on()` says no.

    A busy server may take a while to answer: a supervisor should restart it when its process is gone, never because this is False.
    """
    import httpx

    loopback = urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
    deadline = time.monotonic() + timeout
    with httpx.Client(timeout=max(0.5, min(timeout, 1.0)), trust_env=not loopback) as client:
        while True:
            try:
                if client.get(f"{url}/health").status_code == httpx.codes.OK:
                    return True
            except httpx.TransportError:
                pass
            if time.monotonic() >= deadline or not going_on():
                return False
            time.sleep(0.05)


def end(pid: int, born: float, *, seconds: float) -> None:
    """SIGTERM, and SIGKILL when it is still there after `seconds`."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if not runs(pid, born):
            return
        try:
            os.kill(pid, sign)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + seconds
        while runs(pid, born) and time.monotonic() < deadline:
            time.sleep(0.02)
        for child in _children:
            if child.pid == pid:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(seconds)  # its threads may end after it: until then it cannot be reaped
        _reap()


def last_error(log: Path) -> str:
    """The last line of the log that names an error, else its last line."""
    lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines()[-200:] if line.strip()]
    errors = [line for line in lines if "Error" in line or "Exception" in line]
    return (errors or lines or ["its log is empty"])[-1].removeprefix("Error: ").rstrip(".")


def open_private(path: Path) -> BinaryIO:
    """The file, to append to; made with mode 0600."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")


def _reap() -> None:
    _children[:] = [child for child in _children if child.poll() is None]
