"""Slices of a text file, cut where a record ends, each with a digest of what lies in it.

A cut depends on nothing that comes after it, so a file that grows keeps its earlier slices. Quotes decide whether a line end ends a record:
every quote is checked to open or close a value, which makes counting them exact; from the first one that does neither, the rest of the file
is one slice. Blocks are read, not mapped: a file that is cut short meanwhile must be an error and not the end of the process.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, NamedTuple, Self

from podium.contracts import Part
from podium.datasources._engine import room
from podium.datasources._faults import changed, long_line

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

BLOCK = 1 << 20
SLICE = 64 << 20
LONGEST = 16  # blocks without a line end: see `_packed.LONGEST`
BOM = b"\xef\xbb\xbf"


class Slice(NamedTuple):
    """Bytes from `start` to `end`, and their digest. `sound`: whether every quote in it opens or closes a value."""

    start: int
    end: int
    digest: str
    sound: bool = False

    @classmethod
    def of(cls, part: Part) -> Slice:
        """The slice that a part says it is."""
        return cls(int(part.where["start"]), int(part.where["end"]), part.token.partition(":")[0], bool(part.where.get("sound")))

    def part(self, name: str, number: int) -> Part:
        """The slice as a part of the file of that name."""
        where = {"file": name, "start": self.start, "end": self.end, "sound": self.sound}
        return Part(id=f"{name}#{number}", token=self.digest, where=where)


class Quotes:
    """Follows the quotes of a text block by block. `sound`: whether all so far open or close a value."""

    def __init__(self, quote: str, delimiter: str) -> None:
        import numpy as np

        self._quote = ord(quote)
        # what may stand before an opening and after a closing quote
        self._signs = [np.uint8(ord(sign)) for sign in (delimiter, quote, "\n", "\r")]
        self._open = self._closed_last = False
        self.sound = True

    @property
    def closed(self) -> bool:
        """Whether they are sound, and none is left open."""
        return self.sound and not self._open

    def ends(self, block: npt.NDArray[np.uint8], *, start: int) -> npt.NDArray[np.int64]:
        """Where in the block records end (after the line end), from `start` on. The block's first byte is the one before it."""
        import numpy as np

        inside, text = self._open, block[1:]
        if not self.sound:
            return np.empty(0, dtype=np.int64)
        places = np.flatnonzero(text == self._quote)
        if self._closed_last and len(text):
            self.sound = self.sound and self._beside(text[:1])
        if len(places):
            opening, closing = places[int(inside) :: 2].copy(), places[int(not inside) :: 2] + 1
            self._closed_last = bool(len(closing) and closing[-1] == len(text))
            followed = closing[:-1] if self._closed_last else closing
            self.sound = self.sound and self._beside(block.take(opening)) and self._beside(text.take(followed))
            self._open = inside ^ bool(len(places) & 1)
        else:
            self._closed_last = False
        if not self.sound or start >= len(text):
            return np.empty(0, dtype=np.int64)
        lines = np.flatnonzero(text[start:] == 10) + start
        outside: npt.NDArray[np.int64] = lines[(np.searchsorted(places, lines) + int(inside)) & 1 == 0] + 1
        return outside

    def _beside(self, signs: npt.NDArray[np.uint8]) -> bool:
        """Whether each of these may stand outside a quote: by comparing, which takes half as long as looking up."""
        may = signs == self._signs[0]
        for sign in self._signs[1:]:
            may |= signs == sign
        return bool(may.all())


def slices(path: Path, *, quotes: Quotes | None, size: int = SLICE, unwanted: Event | None = None) -> list[Slice]:
    """The file in slices of about `size` bytes. Without `quotes` every line end ends a record. Raises DataSourceError.

    Nobody asks for those that are `unwanted`: it looks no further.
    """
    import numpy as np
    import xxhash

    found: list[Slice] = []
    start = at = lone = 0
    digest = xxhash.xxh3_128()
    room = bytearray(b"\n" + bytes(BLOCK))
    view = memoryview(room)
    with path.open("rb", buffering=0) as file:
        while (length := file.readinto(view[1:])) and not (unwanted and unwanted.is_set()):
            block = np.frombuffer(room, dtype=np.uint8, count=length + 1)
            lone = 0 if room.find(b"\n", 1, length + 1) > 0 or room.find(b"\r", 1, length + 1) > 0 else lone + 1
            if lone == LONGEST:
                raise long_line(path, _lines_before(path, at))
            done, bom = 0, at == 0 and room.startswith(BOM, 1)
            if bom:
                room[3] = 10  # so that a quote may follow it
            first = max(0, start + size - at - 1)
            ends = _line_ends(block, start=first) if quotes is None else quotes.ends(block, start=first)
            if bom:
                room[3] = BOM[2]
            while start + size <= at + length and len(ends := ends[ends >= start + size - at]):
                end = int(ends[0])
                digest.update(view[1 + done : 1 + end])
                found.append(Slice(start, at + end, digest.hexdigest(), quotes is not None))
                digest.reset()
                start, done = at + end, end
            digest.update(view[1 + done : 1 + length])
            at += length
            room[0] = room[length]
    rest = Slice(start, at, digest.hexdigest(), quotes is not None and quotes.closed)
    return [*found, rest] if at > start or not found else found


class Early:
    """Finds slices in a thread while something else is found out about the same files; left, it looks no further."""

    def __init__(self) -> None:
        self._pool, self._unwanted = ThreadPoolExecutor(1, thread_name_prefix="slices"), Event()
        self._found: dict[Path, Future[list[Slice]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._unwanted.set()
        self._pool.shutdown()

    def begin(self, path: Path, find: Callable[[Event], list[Slice]]) -> None:
        """Find those of this file, after those that were begun before. `find` is told when they are not wanted any more."""
        if path not in self._found:
            self._found[path] = self._pool.submit(find, self._unwanted)

    def slices(self, path: Path) -> list[Slice] | None:
        """Those of the file, None where it was not begun. Raises what `find` does."""
        return self._found[path].result() if path in self._found else None


@contextmanager
def copied(path: Path, piece: Slice, *, heading: bytes = b"") -> Iterator[Path]:
    """The slice in a private file of its own, below a heading. Raises DataSourceError where its digest is another."""
    import xxhash

    digest, left = xxhash.xxh3_128(), piece.end - piece.start
    with tempfile.NamedTemporaryFile(prefix="part-", suffix=path.suffix, dir=room()) as out:
        with path.open("rb", buffering=0) as file:
            file.seek(max(0, piece.start - 2))
            before = file.read(min(2, piece.start))
            if heading:
                out.write(heading + (b"\r\n" if before == b"\r\n" else b"\n"))
            while left and (block := file.read(min(left, BLOCK))):
                digest.update(block)
                out.write(block)
                left -= len(block)
        if left or digest.hexdigest() != piece.digest:
            raise changed(path)
        out.flush()
        yield Path(out.name)


def check_last_line(path: Path, size: int) -> None:
    """Raise DataSourceError where the file ends in a line that the engine would pass over."""
    with path.open("rb", buffering=0) as file:
        for length in (BLOCK, LONGEST * BLOCK):
            if size <= length:
                return
            file.seek(-length, 2)
            tail = file.read(length)[:-1]
            if b"\n" in tail or b"\r" in tail:
                return
    raise long_line(path, _lines_before(path, size - length))


def _line_ends(block: npt.NDArray[np.uint8], *, start: int) -> npt.NDArray[np.int64]:
    import numpy as np

    return np.flatnonzero(block[1 + start :] == 10) + start + 1


def _lines_before(path: Path, end: int) -> int:
    """The number of the line that the byte lies in."""
    lines, at = 1, 0
    with path.open("rb", buffering=0) as file:
        while at < end and (block := file.read(min(BLOCK, end - at))):
            lines += block.count(b"\n")
            at += len(block)
    return lines
