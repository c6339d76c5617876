"""DICOM heads a second, first pass and cache included, beside pydicom reading the same attributes one file after the other.

The second pass opens no file: each opening is counted by the interpreter itself.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks._measure import Bar, arguments, emit, fresh, median, prove, timed

BARS = (
    Bar(figure="ratio", least=1.5, what="files a CPU second over pydicom's"),
    Bar(figure="second_opens", most=0, what="files opened by a second pass"),
)


def main(files: int, rounds: int) -> None:
    import pydicom

    from podium.datasources import Dicom
    from podium.datasources._headers import RACY

    with fresh() as folder:
        scans = _written(folder / "scans", files)
        time.sleep(RACY / 1e9)  # a file as young as that is read again by the next pass, for it might have changed unseen
        opened: list[str] = []
        sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" and _below(scans, args[0]) else None)
        found: dict[str, Any] = {}

        def ours(cache: str) -> None:
            source = Dicom(name="x", path=scans).caching(folder / cache)
            names = [name for name, _ in source.columns()]
            found[cache] = [row for batch in source.read(names) for row in batch.to_pylist()]

        def theirs() -> None:
            found["pydicom"] = []
            for path in sorted(path for path in scans.rglob("*") if path.is_file()):
                head = pydicom.dcmread(path, stop_before_pixels=True)
                found["pydicom"].append((head.get("SliceThickness"), [head.get(name) for name in Dicom.model_fields["fields"].default]))

        (folder / "warm").mkdir()
        ours("warm")
        rates, rivals, again, opens = [], [], [], 0
        for number in range(rounds):
            cache = f"cache{number}"
            (folder / cache).mkdir()
            rates.append(files / timed(lambda cache=cache: ours(cache)).cpu)
            rivals.append(files / timed(theirs).cpu)
            opened.clear()
            again.append(files / timed(lambda cache=cache: ours(cache)).cpu)
            opens += len(opened)
        same = [row["SliceThickness"] for row in found[cache]] == [float(thickness) for thickness, _ in found["pydicom"]]
    checks = {"rows": len(found[cache]), "same": same, "second_opens": opens, "second_files_a_second": median(again)}
    prove(checks, rows=files, same=True)
    emit("dicom_headers", value=median(rates), unit="files/CPU s", floor=median(rivals), checks=checks)


def _written(folder: Path, files: int) -> Path:
    """Copies of a small CT of pydicom's own, 39 KB with some 260 attributes, each with a slice thickness of its own."""
    import pydicom
    from pydicom.data import get_testdata_file

    content = Path(str(get_testdata_file("CT_small.dcm", download=False))).read_bytes()
    assert content.count(b"5.000000") >= 1, f"not the file that it was in pydicom {pydicom.__version__}"
    for number in range(files):
        path = folder / f"study{number // 100:03}" / f"IM{number % 100:06}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.replace(b"5.000000", f"{number:08}".encode()))
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return folder


def _below(folder: Path, path: object) -> bool:
    return isinstance(path, str) and path.startswith(str(folder)) and not Path(path).is_dir()


if __name__ == "__main__":
    given = arguments(files=2_000, rounds=3)
    main(given.files, given.rounds)
