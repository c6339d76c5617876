"""Who needs the Prefect server: one file a process, with its start time, so that a recycled pid is not mistaken for the holder."""

from __future__ import annotations

from pathlib import Path

import psutil  # type: ignore[import-untyped, unused-ignore]

from podium.files import private_folder, write_private

SAME_START = 30.0  # seconds; the OS reckons start times from the clock, which may be set
KEPT = "kept"  # the file that stands for a person: `podium prefect start`


def birth(pid: int) -> float | None:
    """When that process started, or None when there is none (a zombie counts as none)."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def alive(pid: int, started: float) -> bool:
    """True while the process that started then is still the one with that pid."""
    found = birth(pid)
    return found is not None and abs(found - started) < SAME_START


class Holders:
    """The folder of holder files. Callers hold the server's lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, pid: int) -> None:
        started = birth(pid)
        if started is not None:
            write_private(self.folder / str(pid), repr(started))

    def remove(self, pid: int) -> None:
        (self.folder / str(pid)).unlink(missing_ok=True)

    def pids(self) -> list[int]:
        """Those that still run; the files of the others are removed."""
        found = []
        for file in private_folder(self.folder).glob("[0-9]*"):
            if alive(int(file.name), float(file.read_text())):
                found.append(int(file.name))
            else:
                file.unlink(missing_ok=True)
        return sorted(found)

    @property
    def kept(self) -> bool:
        """True when a person started the server: then it stays until she stops it."""
        return (self.folder / KEPT).exists()

    def keep(self) -> None:
        write_private(self.folder / KEPT, "")

    def clear(self) -> None:
        for file in private_folder(self.folder).iterdir():
            file.unlink(missing_ok=True)
