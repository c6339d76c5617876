"""A datasource's schema: partial from its first rows, full from a scan that reads each part of it once.

What a full scan saw is kept with the source: an unchanged source is not read again, of a changed one only the parts that changed.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, Literal

from podium.contracts import DatasourceSchema
from podium.datasources import Datasource
from podium.datasources._stamp import stamp
from podium.datasources._tables import Table
from podium.workers.profile.finished import finished
from podium.workers.profile.head import HEAD_ROWS, look, questions
from podium.workers.profile.scan import scan
from podium.workers.profile.store import kept_in, save_whole, whole
from podium.workers.progress import Progress

__all__ = ["HEAD_ROWS", "profile"]

SKETCH, LEAST_SKETCH, SKETCHED = 4096, 256, 1_000_000  # hashes kept of a column, and of all columns of a wide table


def profile(source: Datasource, stage: Literal["partial", "full"], progress: Progress = lambda _: None) -> DatasourceSchema:
    """The schema. `partial`: statistics of the first rows only, and no number of rows. Raises DataSourceError."""
    token = stamp(source)
    if stage == "partial":
        rows, seen = _first_look(source)
        return finished(source, rows=rows, seen=seen, full=False, token=token)
    with kept_in(source._cache) as folder:
        known = whole(folder, [token])
        if known is None:
            with source.surveying() if isinstance(source, Table) else nullcontext():
                _, head = _first_look(source)
                parts = source.partitions()
            size = max((one.sketch.size for one in head.values()), default=SKETCH)
            rows, scanned = scan(source, parts, questions(head), folder, size=size, progress=progress)
            for one, first in zip(scanned, head.values(), strict=True):
                one.repeated = one.repeated or first.unique() is False
                one.settle()
                one.shape = first.shape
            known = rows, dict(zip(head, scanned, strict=True))
            save_whole(folder, [token], *known)
    return finished(source, rows=known[0], seen=known[1], full=True, token=token)


def _first_look(source: Datasource) -> tuple[int, dict[str, Any]]:
    types = dict(source.columns())
    return look(source, types, size=max(LEAST_SKETCH, min(SKETCH, SKETCHED // max(1, len(types)))))
