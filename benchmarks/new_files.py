"""100,000 small pictures as datapoints: all, then nothing new, then 100 new and 100 changed, half of these with their time set back.

A pass is what a worker does: list, compare the token, read the digests of the contents, key them, and compare with what is known.
"""

from __future__ import annotations

import os
import struct
import sys
import time
import zlib
from pathlib import Path
from typing import Any

from benchmarks._measure import Bar, arguments, emit, figures, fresh, median, part, prove, ran, timed

BARS = (
    Bar(figure="value", most=5, what="CPU seconds to find 100 new and 100 changed among 100,000 files"),
    Bar(figure="unchanged_ratio", most=1.5, what="CPU seconds over those of find, where nothing changed"),
)
FOLDERS, NEW = 100, 100
SECRET = bytes(range(32))
OLD = 1_700_000_000


def main(files: int, rounds: int) -> None:
    with fresh() as folder:
        (folder / "cache").mkdir(mode=0o700)
        for number in range(FOLDERS):
            (folder / "pictures" / f"patient{number:03}").mkdir(parents=True)
        for number in range(files):
            written(folder / "pictures" / f"patient{number % FOLDERS:03}" / f"scan{number:06}.png", number)
        time.sleep(2.5)  # what is younger is looked at again
        first = part("new_files", folder, "all")
        listed = folder / "find"
        find = ["sh", "-c", f"find {folder / 'pictures'} -type f -printf '%P\\t%s\\t%T@\\t%i\\n' > {listed}"]
        idle = [(part("new_files", folder, "unchanged"), ran(find)) for _ in range(2 * rounds + 1)]
        found = []
        for number in range(rounds):
            change(folder / "pictures", files, number)
            found.append(part("new_files", folder, "changed"))
    checks: dict[str, Any] = {"files": first["new"], "read_where_unchanged": max(one["read"] for one, _ in idle)}
    checks |= {"new": {one["new"] for one in found} == {NEW}, "changed": {one["changed"] for one in found} == {NEW}}
    checks["unchanged_ratio"] = median([one["cpu"] / rival.cpu for one, rival in idle])
    checks |= {"unchanged_cpu": median([one["cpu"] for one, _ in idle]), "first_cpu": first["cpu"]}
    checks["peak_mb"] = max(one["peak_mb"] for one in found)
    prove(checks, files=files, read_where_unchanged=0, new=True, changed=True)
    floor = median([rival.cpu for _, rival in idle])
    emit("new_files", value=median([one["cpu"] for one in found]), unit="CPU s", floor=floor, checks=checks)


def once(folder: Path, kind: str) -> None:
    """One pass, in a process that has loaded what it needs."""
    import numpy as np
    import pyarrow as pa

    from podium.datasources import Images
    from podium.history.fingerprints import digests

    digests(pa.record_batch({"a": ["b"]}), secret=SECRET, purpose="key")
    source = Images(name="x", path=folder / "pictures").caching(folder / "cache")
    kept, before = folder / "known.npy", folder / "token"
    out = {"new": 0, "changed": 0, "read": 0}

    def look() -> None:
        token = source.token()
        if before.exists() and before.read_text() == token:
            return
        columns, packed = source.fingerprinted(), []
        for batch in source.read([*source.key, *columns]):
            key = digests(batch, secret=SECRET, purpose="key", columns=source.key)
            packed.append(np.stack([as_16(key), as_16(digests(batch, secret=SECRET, purpose="row", columns=columns))], axis=1))
        now = np.concatenate(packed)
        now = now[np.argsort(now[:, 0])]
        known = np.load(kept).view("S16").reshape(-1, 2) if kept.exists() else now[:0]
        places = np.minimum(np.searchsorted(known[:, 0], now[:, 0]), max(len(known) - 1, 0))
        there = known[places, 0] == now[:, 0] if len(known) else np.zeros(len(now), dtype=bool)
        out.update(new=int((~there).sum()), changed=int((known[places, 1] != now[:, 1])[there].sum()) if len(known) else 0, read=len(now))
        np.save(kept, np.ascontiguousarray(now).view(np.uint8))
        before.write_text(token)

    def as_16(packed: bytes) -> Any:
        return np.frombuffer(packed, "S16")

    figures(timed(look), kind=kind, **out)


def change(folder: Path, files: int, number: int) -> None:
    """100 new ones; 100 with another pixel and no other size, every second with the time that it had."""
    for place in range(NEW):
        written(folder / f"patient{place % FOLDERS:03}" / f"new{number}_{place}.png", place)
        other = files * place // NEW
        path = folder / f"patient{other % FOLDERS:03}" / f"scan{other:06}.png"
        about = path.stat()
        written(path, files + number * NEW + place)
        if place % 2:
            os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    time.sleep(2.5)


def written(path: Path, number: int) -> None:
    """A picture of one pixel, a whole PNG by the bytes. None is like another, and all are of one size."""
    colour = zlib.compress(b"\0" + struct.pack(">Q", number), level=0)
    chunks = (b"IHDR" + struct.pack(">IIBBBBB", 1, 1, 16, 6, 0, 0, 0), b"IDAT" + colour, b"IEND")
    made = b"".join(struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one)) for one in chunks)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        os.write(handle, b"\x89PNG\r\n\x1a\n" + made)
        os.utime(handle, (OLD, OLD))
    finally:
        os.close(handle)


if __name__ == "__main__":
    given = arguments(files=100_000, rounds=2)
    if given.part:
        once(Path(given.part[0]), given.part[1])
        sys.exit()
    main(given.files, given.rounds)
