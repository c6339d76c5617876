"""Files that only their owner may read: folders 0700, files 0600, written whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from podium.errors import ConfigError


def private_folder(path: Path) -> Path:
    """Make the folder, and each missing one above it, with mode 0700, and return it."""
    for folder in (*reversed(path.parents), path):
        if not folder.is_dir():
            folder.mkdir(mode=0o700, exist_ok=True)
    return path


def write_private(path: Path, data: bytes | str, *, exclusive: bool = False) -> Path:
    """Write the file with mode 0600 in one atomic step; `exclusive` raises FileExistsError instead of replacing one."""
    private_folder(path.parent)
    with in_the_making(path, exclusive=exclusive) as temporary:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


@contextmanager
def in_the_making(path: Path, *, exclusive: bool = False) -> Iterator[Path]:
    """An empty file with mode 0600 beside `path`, for somebody to write; it takes that place at the end, and is gone after an error."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        yield temporary
        os.fsync(handle)
        if exclusive:
            os.link(temporary, path)
            temporary.unlink()
        else:
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)


def close_folder(path: Path, *, what: str) -> Path:
    """Let nobody else enter the folder, and return it. Raises ConfigError, naming `what`, where that is not ours to decide."""
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid != os.getuid():
        raise ConfigError(f"{path} belongs to someone else.", field=what, remedy=f"Set {what} to a folder of your own.")
    if mode & 0o077:
        if mode & stat.S_ISVTX or Path.home().is_relative_to(path):  # /tmp, or what the person's own folder lies in
            raise ConfigError(
                f"{path} is for more than Podium, and others may enter it.", field=what, remedy=f"Set {what} to a folder in it."
            )
        path.chmod(0o700)
    return path


def private_opener(path: str, flags: int) -> int:
    """For `open(…, opener=private_opener)`: a file that is made has mode 0600, whatever the umask."""
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def read_private(path: Path) -> bytes:
    """The file's bytes. Raises ConfigError when others may read it or it belongs to someone else."""
    found = path.stat()
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise ConfigError(f"{path} must belong to you and be readable by you alone.", field=path.name, remedy=f"Run: chmod 600 {path}")
    return path.read_bytes()
