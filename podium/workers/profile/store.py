"""What was seen of each part, on disk, so that it is read once: one file a part, and one for the whole source.

Under the source's private folder, or in a temporary one that goes with the scan. Files are 0600, and written whole or not at all; one
that is cut short, of another layout or of another version counts as not there.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from podium.contracts import ColumnType, Part
from podium.files import private_folder, private_opener
from podium.workers.profile.seen import Seen, Write
from podium.workers.profile.unique import WIDTH, Run

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = 1  # of the figures and their layout on disk
_PLAIN = ("values", "finite", "length", "low", "high", "mean", "square", "whole", "counted", "repeated", "keeps", "proved", "shape")


@contextmanager
def kept_in(cache: Path | None) -> Iterator[Path]:
    """The folder for states."""
    if cache is not None:
        yield private_folder(cache / "profile")
    else:
        with tempfile.TemporaryDirectory(prefix="profile-") as name:
            yield Path(name)


class Store:
    """States of the parts of one source with these columns."""

    def __init__(self, folder: Path, types: dict[str, ColumnType], *, size: int) -> None:
        self._all, self._folder = folder, folder / f"parts-{_digest([_engine_version(), VERSION, size, list(types.items())])}"
        self._types, self._size = types, size

    def has(self, part: Part) -> bool:
        """Whether there is something of that part, which may turn out to be torn."""
        return self._path(part).exists()

    def load(self, part: Part) -> tuple[int, list[Seen]] | None:
        """Rows and columns of that part, exactly as it is now, if they are here."""
        found = _read(self._path(part))
        if found is None or [one["name"] for one in found[0]["columns"]] != list(self._types):
            return None
        return found[0]["rows"], _columns(*found, size=self._size, hashes=self._hashes(part))

    def save(self, part: Part, rows: int, seen: Sequence[Seen]) -> None:
        """Keep them."""
        _write(self._path(part), {"rows": rows, "columns": _plain(self._types, seen)}, seen)

    @contextmanager
    def writing(self, part: Part) -> Iterator[Write]:
        """A function that keeps sorted hashes of the part; a part that is begun again begins with none."""
        path = self._hashes(part)
        private_folder(path.parent)
        with open(path, "wb", opener=private_opener) as file:

            def write(hashes: NDArray[np.uint64]) -> Run:
                offset = file.tell()
                file.write(hashes.tobytes())
                return Run(path, offset, len(hashes))

            yield write

    def tidy(self, parts: Collection[Part]) -> None:
        """Drop what belongs to parts that are gone, or to another shape of the source."""
        wanted = {path.name for part in parts for path in (self._path(part), self._hashes(part))}
        for folder in self._all.glob("parts-*"):
            for path in folder.iterdir():
                if folder != self._folder or path.name not in wanted:
                    path.unlink(missing_ok=True)
            if folder != self._folder:
                folder.rmdir()

    def _path(self, part: Part) -> Path:
        return self._folder / f"{_digest([part.id, part.token])}.state"

    def _hashes(self, part: Part) -> Path:
        return self._path(part).with_suffix(".hashes")


def whole(folder: Path, stamp: Sequence[Any]) -> tuple[int, dict[str, Seen]] | None:
    """What was seen of the whole source when it was as the stamp says."""
    found = _read(folder / "whole.state")
    if found is None or found[0]["stamp"] != _digest([_engine_version(), VERSION, *stamp]):
        return None
    seen = _columns(*found, size=found[0]["size"], hashes=Path())
    return found[0]["rows"], {one["name"]: each for one, each in zip(found[0]["columns"], seen, strict=True)}


def save_whole(folder: Path, stamp: Sequence[Any], rows: int, seen: dict[str, Seen]) -> None:
    """Keep what was seen of the whole source."""
    types = {name: each.kind for name, each in seen.items()}
    size = max((each.sketch.size for each in seen.values()), default=0)
    header = {"stamp": _digest([_engine_version(), VERSION, *stamp]), "rows": rows, "size": size, "columns": _plain(types, seen.values())}
    _write(folder / "whole.state", header, list(seen.values()))


def _plain(types: dict[str, ColumnType], seen: Collection[Seen]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "kind": kind,
            **{field: getattr(one, field) for field in _PLAIN},
            "levels": None if one.levels is None else list(one.levels.items()),
            "runs": [(run.offset, run.count) for run in one.runs if run.held is None],
            "sizes": [len(one.sketch.kept), len(one.spread.points)],
        }
        for (name, kind), one in zip(types.items(), seen, strict=True)
    ]


def _columns(header: dict[str, Any], body: bytes, *, size: int, hashes: Path) -> list[Seen]:
    found, at = [], 0
    for fields in header["columns"]:
        one = Seen(fields["kind"], size=size)
        for name in _PLAIN:
            setattr(one, name, fields[name])
        one.levels = None if fields["levels"] is None else dict(fields["levels"])
        one.runs = [Run(hashes, offset, count) for offset, count in fields["runs"]]
        kept, points = fields["sizes"]
        one.sketch.kept = np.frombuffer(body, np.uint64, kept, at)
        one.spread.points = np.frombuffer(body, np.float64, points, at + WIDTH * kept)
        one.spread.weights = np.frombuffer(body, np.float64, points, at + WIDTH * (kept + points))
        at += WIDTH * (kept + 2 * points)
        found.append(one)
    return found


def _write(path: Path, header: dict[str, Any], seen: Sequence[Seen]) -> None:
    """No fsync: a file that a power cut leaves torn is found by its sum."""
    body = b"".join(array.tobytes() for one in seen for array in (one.sketch.kept, one.spread.points, one.spread.weights))
    text = json.dumps(header).encode()
    temporary = private_folder(path.parent) / f".{path.name}.{os.getpid()}"
    with open(temporary, "wb", opener=private_opener) as file:
        file.write(b"%d %d\n" % (len(text), zlib.crc32(body, zlib.crc32(text))))
        file.writelines([text, body])
    temporary.replace(path)


def _read(path: Path) -> tuple[dict[str, Any], bytes] | None:
    try:
        first, _, rest = path.read_bytes().partition(b"\n")
        length, check = map(int, first.split())
    except (FileNotFoundError, ValueError):
        return None
    return (json.loads(rest[:length]), rest[length:]) if zlib.crc32(rest) == check else None


def _digest(what: Any) -> str:
    return hashlib.sha256(json.dumps(what, default=str, sort_keys=True).encode()).hexdigest()[:32]


def _engine_version() -> str:
    from importlib.metadata import version

    return version("duckdb")
