"""Files that only their owner may read: folders 0700, files 0600, written whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from podium.errors import ConfigError


def private_folder(path: Path) -> Path:
    """Make the folder, and each missing one above it, with mode 0700, and return it."""
    for folder in (*reversed(path.parents), path):
        if not folder.exists():
            folder.mkdir(mode=0o700, exist_ok=True)
    return path


def write_private(path: Path, data: bytes | str, *, exclusive: bool = False) -> Path:
    """Write the file with mode 0600 in one atomic step; `exclusive` raises FileExistsError instead of replacing one."""
    private_folder(path.parent)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data.encode() if isinstance(data, str) else data)
            out.flush()
            os.fsync(out.fileno())
        if exclusive:
            os.link(temporary, path)
            Path(temporary).unlink()
        else:
            Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def read_private(path: Path) -> bytes:
    """The file's bytes. Raises ConfigError when others may read it or it belongs to someone else."""
    found = path.stat()
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise ConfigError(f"{path} must belong to you and be readable by you alone.", field=path.name, remedy=f"Run: chmod 600 {path}")
    return path.read_bytes()
