"""How far a scan is, as a worker tells it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Scanned(NamedTuple):
    """Rows read by this scan, and how many of the source's parts are done."""

    rows: int
    parts: int
    of: int

    def __str__(self) -> str:
        return f"{100 * self.parts // self.of} %" if self.of > 1 else f"{self.rows:,} rows"


Progress = Callable[[Scanned], None]
