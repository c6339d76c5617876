"""Files compressed with gzip or zstd: their beginning, and one look through all of it before any engine unpacks it.

The look keeps a file out that would unpack to far more than it is: a bomb. It costs about a fifth of reading the rows, memory of one block,
and is taken once per process and version of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from podium.datasources._faults import broken_archive, fault, long_line

if TYPE_CHECKING:
    from podium.datasources._files import Found

CODECS = {".gz": "gzip", ".zst": "zstd"}
BLOCK = 1 << 20
HARMLESS = 1 << 30  # what unpacks to no more is read, whatever its ratio
LONGEST = 16 << 20  # the engine refuses a line of 2 MB, but passes over a last one that is longer than its buffer of 32 MB
_SOUND: set[tuple[str, str, int]] = set()


def is_packed(path: Path) -> bool:
    """Whether the name says that the file is compressed."""
    return path.suffix.lower() in CODECS


def head(path: Path, size: int) -> bytes:
    """The first bytes, unpacked where the file is compressed."""
    if not is_packed(path):
        with path.open("rb") as file:
            return file.read(size)
    out = bytearray()
    for block in _unpacked(path):
        out += block
        if len(out) >= size:
            break
    return bytes(out[:size])


def check_packed(path: Path, found: Found, *, max_ratio: int) -> None:
    """Raise DataSourceError for a bomb, for what is cut short, and for a line without an end."""
    if (str(path), found.token, max_ratio) in _SOUND:
        return
    size = line = 0
    for block in _unpacked(path):
        size += len(block)
        line = 0 if b"\n" in block or b"\r" in block else line + len(block)
        if line > LONGEST:
            raise long_line(path)
        if size > max(HARMLESS, max_ratio * found.size):
            message = f"it unpacks to more than {max_ratio} times its size."
            raise fault(path, message, remedy="Where that is right, set `max_ratio` for this datasource.", code="bomb")
    _SOUND.add((str(path), found.token, max_ratio))


def blocks(path: Path) -> Iterator[bytes]:
    """The whole file block by block, unpacked where it is compressed."""
    if is_packed(path):
        yield from _unpacked(path)
        return
    with path.open("rb", buffering=0) as file:
        while block := file.read(BLOCK):
            yield block


def _unpacked(path: Path) -> Iterator[bytes]:
    import pyarrow as pa

    try:
        with pa.CompressedInputStream(pa.OSFile(str(path)), CODECS[path.suffix.lower()]) as stream:
            while block := stream.read(BLOCK):
                yield block
    except (PermissionError, FileNotFoundError):
        raise
    except OSError:
        raise broken_archive(path) from None
