"""This machine: PODIUM_HOME, its private files, room on the disk, ports."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import stat
from collections.abc import Iterator

from podium import config
from podium.cli._doctor import Finding
from podium.errors import ConfigError

PRIVATE = ("*.pem", "*.key", "auth", "credentials.json")
LITTLE, TOO_LITTLE = 5 << 30, 1 << 30
MOST_NAMED = 3


def home() -> Finding:
    """PODIUM_HOME as it is found: `config.home()` would close it to others on the way."""
    try:
        place = config.Settings().home.expanduser().absolute()
        before = stat.S_IMODE(place.stat().st_mode) if place.is_dir() else 0o700
        place = config.home()
    except (ConfigError, OSError, RuntimeError) as error:
        remedy = getattr(error, "remedy", "") or "Set PODIUM_HOME to a folder of your own."
        return Finding("PODIUM_HOME", "fail", getattr(error, "message", str(error)), remedy)
    if not os.access(place, os.W_OK | os.X_OK):
        return Finding("PODIUM_HOME", "fail", f"{place} cannot be written to.", f"Run: chmod u+rwx {place}")
    if before & 0o077:
        return Finding("PODIUM_HOME", "warn", f"{place} was open to others (mode {before:o}); it is closed now.", "Were its files copied?")
    return Finding("PODIUM_HOME", "ok", f"{place}, for you alone")


def keys() -> Iterator[Finding]:
    """Private files that others may read, which Podium refuses to use."""
    place = config.home()
    found = [path for pattern in PRIVATE for path in sorted(place.rglob(pattern)) if path.is_file() and not path.is_symlink()]
    loose = [path for path in found if (mine := path.stat()).st_mode & 0o077 or mine.st_uid != os.getuid()]
    if loose:
        more = f" and {len(loose) - MOST_NAMED} more" if len(loose) > MOST_NAMED else ""
        named = [str(path) for path in loose[:MOST_NAMED]]
        said = f"{', '.join(named)}{more}: others may read them."
        yield Finding("private files", "fail", said, f"Run: chmod 600 {shlex.join(named)}")
    else:
        yield Finding("private files", "ok", f"{len(found)}, each readable by you alone")


def disk() -> Iterator[Finding]:
    """Room for databases, logs and what a worker spills."""
    free = shutil.disk_usage(config.home()).free
    said = f"{free / (1 << 30):.1f} GiB free at {config.home()}"
    if free >= LITTLE:
        yield Finding("disk", "ok", said)
    else:
        yield Finding("disk", "fail" if free < TOO_LITTLE else "warn", said, "Make room, or set PODIUM_HOME to a larger disk.")


def ports() -> Iterator[Finding]:
    """Whether the usual ports are free, or taken by what belongs there."""
    from podium.wire.credentials import local_hub

    written = os.environ.get("PODIUM_PREFECT_PORT") or str(config.PREFECT_PORT)
    if not (written.isdecimal() and int(written) < 65536):
        yield Finding("PODIUM_PREFECT_PORT", "fail", "must be a port's number.", "Set it to a free port, or to 0 for any.")
        return
    prefect = int(written)
    ours = {config.HUB_PORT: _port(str(local_hub().get("url", ""))), prefect: _port(_prefect_url())}
    for name, port in (("hub", config.HUB_PORT), ("Prefect", prefect)):
        if port == 0 or not _taken(port):
            yield Finding(f"port {port}", "ok", f"free, for {name}")
        elif ours[port] == port:
            yield Finding(f"port {port}", "ok", f"{name} of this PODIUM_HOME is there")
        else:
            yield Finding(f"port {port}", "warn", "taken by another program.", f"{name} would take the next free one, and say so.")


def _taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as asking:
        asking.settimeout(1)
        return asking.connect_ex(("127.0.0.1", port)) == 0


def _prefect_url() -> str:
    import json

    try:
        return str(json.loads((config.home() / "prefect" / "server.json").read_bytes())["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _port(url: str) -> int:
    from urllib.parse import urlsplit

    try:
        return urlsplit(url).port or 0
    except ValueError:
        return 0
