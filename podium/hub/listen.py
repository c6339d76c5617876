"""The socket that the hub answers on."""

from __future__ import annotations

import socket

from podium.errors import HubError

TRIES = 100


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens on this port, or on the next free one (0: any). Raises HubError."""
    last = OSError("no port left")
    for candidate in range(port, min(port + TRIES, 65536)) if port else (0,):
        try:
            return _bind(host, candidate)
        except OSError as error:
            last = error
    raise HubError(f"cannot listen on {host}, port {port} or any of the next {TRIES}: {last.strerror}.", remedy="Choose another --port.")


def address(sock: socket.socket, host: str, *, tls: bool) -> str:
    """The URL that reaches this socket, from this machine where it listens everywhere."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"{'https' if tls else 'http'}://{reachable}:{sock.getsockname()[1]}"


def _bind(host: str, port: int) -> socket.socket:
    family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(where)
        sock.listen(2048)  # here, and not later: only listening shows that the port is free
    except OSError:
        sock.close()
        raise
    return sock
