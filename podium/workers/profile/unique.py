"""Proof that no value is there twice: sorted runs of 64-bit hashes, kept on disk, merged one range after another.

Equal values have equal hashes, so hashes that are all different prove it.
"""

from __future__ import annotations

import bisect
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

AT_ONCE = 1_000_000
MOST_KEPT = 20_000_000  # hashes of one source, over all columns and parts
WIDTH = 8


@dataclass(frozen=True)
class Run:
    """Sorted hashes, each once: `count` of them in a file from a byte on, or here in `held`."""

    path: Path = Path()
    offset: int = 0
    count: int = 0
    held: NDArray[np.uint64] | None = None

    @classmethod
    def of(cls, hashes: NDArray[np.uint64]) -> Run:
        """A short run that stays in memory."""
        return cls(count=len(hashes), held=hashes)


def all_different(runs: Sequence[Run]) -> bool:
    """Whether no hash is in two runs. Raises OSError for a file that is gone."""
    ranges = 1 + sum(run.count for run in runs) // AT_ONCE
    files = {path: os.open(path, os.O_RDONLY) for path in {run.path for run in runs if run.held is None}}
    try:
        starts = [0] * len(runs)
        for number in range(1, ranges + 1):
            ends = [run.count if number == ranges else _below(run, files, number * 2**64 // ranges) for run in runs]
            part = np.concatenate([_read(run, files, start, end) for run, start, end in zip(runs, starts, ends, strict=True)])
            part.sort(kind="stable")  # sorted runs: they are merged
            if (part[1:] == part[:-1]).any():
                return False
            starts = ends
        return True
    finally:
        for file in files.values():
            os.close(file)


def _below(run: Run, files: dict[Path, int], bound: int) -> int:
    """How many hashes of the run are under the bound."""
    return bisect.bisect_left(range(run.count), bound, key=lambda place: int(_read(run, files, place, place + 1)[0]))


def _read(run: Run, files: dict[Path, int], start: int, end: int) -> NDArray[np.uint64]:
    if run.held is not None:
        return run.held[start:end]
    found = os.pread(files[run.path], WIDTH * (end - start), run.offset + WIDTH * start)
    if len(found) != WIDTH * (end - start):
        raise OSError("a file of hashes is cut short")
    return np.frombuffer(found, np.uint64)
