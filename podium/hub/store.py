"""The hub's database: one engine, and one thread through which everything goes.

- A job is a plain function of a connection. It is done when `run` returns: committed, and on disk.
- Jobs that wait together share one commit. One that raises is undone alone; the others stand. (So a job may be run again, after
  what it did the first time was undone: it must touch nothing but the connection.)
- Jobs never overlap, so that a job may look and then write without another in between.
- What SQLite deletes it overwrites. A job that says `forget` has the write-ahead log emptied as well, before it is done.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, insert, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from podium.errors import ConfigError, PodiumError
from podium.hub.tables import LAYOUT, Fact, HubTable

T = TypeVar("T")
_Job = Callable[[Connection], Any]
GROUP = 256
BUSY_MS = 10_000


def forget(db: Connection) -> None:
    """For a job: what it has replaced or deleted must be gone from the files when it is done."""
    db.info["forget"] = True


class Store:
    """Call `open` (or `prepare`, then `open`) first, `close` last; `run` in between, from the event loop that `open` was called on."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self._jobs: SimpleQueue[tuple[_Job, asyncio.Future[Any]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="hub-store", daemon=True)
        self._prepared = self._closed = False
        self._guard: Connection | None = None
        self._stale = False  # the write-ahead log holds what is to be forgotten

    def prepare(self) -> None:
        """Make the tables where they are missing. Raises ConfigError on a database out of reach, in use or of another version."""
        try:
            self._claim()
            HubTable.metadata.create_all(self._engine)
            with self._engine.begin() as db:
                layout = db.scalar(select(col(Fact.value)).where(col(Fact.name) == "layout"))
                if layout is None:
                    db.execute(insert(Fact).values(name="layout", value=LAYOUT))
        except SQLAlchemyError as error:
            raise ConfigError(f"the hub's database cannot be opened ({type(error).__name__}).", field="database") from None
        if layout not in (None, LAYOUT):
            raise ConfigError(f"the hub's database has layout {layout}; this Podium knows layout {LAYOUT}.", field="database")
        self._prepared = True

    def open(self) -> None:
        """Prepare the database, if that was not done, and start the thread. Raises ConfigError."""
        if not self._prepared:
            self.prepare()
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def run(self, job: Callable[[Connection], T]) -> T:
        """The job's result, once it is committed. Raises what the job raised."""
        if self._closed:
            raise PodiumError("the hub is closing.", code="closing")
        done: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put((job, done))
        return await done

    async def close(self) -> None:
        """Finish what was handed in, then let the database go."""
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        if self._guard:
            self._guard.close()
        self._engine.dispose()

    def _claim(self) -> None:
        if self._engine.dialect.name == "postgresql":
            self._guard = self._engine.connect()  # keeps the lock as long as it is open
            if not self._guard.scalar(text("SELECT pg_try_advisory_lock(hashtext('podium hub'))")):
                raise ConfigError("another hub uses this database.", field="database", remedy="Give each hub a database of its own.")
            self._guard.commit()

    def _work(self) -> None:
        while True:
            group = [self._jobs.get()]
            try:
                while group[-1] is not None and len(group) < GROUP:
                    group.append(self._jobs.get_nowait())
            except Empty:
                pass
            jobs = [job for job in group if job is not None]
            if jobs:
                results = self._commit([job for job, _ in jobs])
                self._loop.call_soon_threadsafe(_settle, [done for _, done in jobs], results)
            if group[-1] is None:
                return

    def _commit(self, jobs: list[_Job]) -> list[Any]:
        try:
            try:
                return self._together(jobs)
            except Exception:
                if len(jobs) == 1:
                    raise
                return self._together([partial(_attempt, job) for job in jobs])  # savepoints cost more than a job: only where one is needed
        except Exception as error:  # noqa: BLE001 - each waiting job is told
            return [_Failure(error)] * len(jobs)

    def _together(self, jobs: list[_Job]) -> list[Any]:
        with self._engine.begin() as db:
            results = [job(db) for job in jobs]
            self._stale |= db.info.pop("forget", False)
        if self._stale:
            self._stale = not self._emptied()
        return results

    def _emptied(self) -> bool:
        """Empty the write-ahead log. False while somebody else reads the database: then after one of the next commits."""
        if self._engine.dialect.name != "sqlite":
            return True
        with closing(self._engine.raw_connection()) as raw:
            cursor = raw.cursor()
            cursor.execute("PRAGMA busy_timeout=0")
            (busy, *_) = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
            cursor.close()
        return not busy


class _Failure:
    def __init__(self, error: Exception) -> None:
        self.error = error


def _attempt(job: _Job, db: Connection) -> Any:
    # Said in plain SQL: SQLAlchemy's own savepoint objects cost more than a job does.
    db.exec_driver_sql("SAVEPOINT job")
    try:
        result = job(db)
    except Exception as error:  # noqa: BLE001 - the job's own caller is told
        db.exec_driver_sql("ROLLBACK TO SAVEPOINT job")
        result = _Failure(error)
    db.exec_driver_sql("RELEASE SAVEPOINT job")
    return result


def _settle(waiting: list[asyncio.Future[Any]], results: list[Any]) -> None:
    for done, result in zip(waiting, results, strict=True):
        if done.cancelled():
            continue
        if isinstance(result, _Failure):
            done.set_exception(result.error)
        else:
            done.set_result(result)


def _engine(url: str) -> Engine:
    local: dict[str, Any] = {"connect_args": {"check_same_thread": False}}
    try:
        engine = create_engine(url, hide_parameters=True, **(local if url.startswith("sqlite") else {"pool_pre_ping": True}))
    except (SQLAlchemyError, ImportError):
        raise ConfigError("not a database URL that can be used here.", field="database", remedy="Is its driver installed?") from None
    if engine.dialect.name != "sqlite":
        return engine

    @event.listens_for(engine, "connect")
    def durable(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_MS}", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def immediate(db: Connection) -> None:
        db.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
