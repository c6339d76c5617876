"""The one thread through which the hub's database is reached."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time

import pytest
from sqlalchemy import delete, event, insert, text, update
from sqlmodel import col, func, select

from podium.errors import ConfigError, PodiumError
from podium.hub.store import Store, forget
from podium.hub.tables import Fact


@pytest.fixture
async def store(tmp_path):
    found = Store(f"sqlite:///{tmp_path / 'hub.db'}")
    found.open()
    yield found
    await found.close()


def add(name):
    return lambda db: db.execute(insert(Fact).values(name=name, value=""))


def names(db):
    return set(db.scalars(select(Fact.name))) - {"layout"}


async def test_one_job_that_fails_is_undone_alone(store):
    def half(db):
        add("half")(db)
        raise LookupError("half done")

    gate = threading.Event()
    blocked = asyncio.create_task(store.run(lambda _: gate.wait(10)))
    await asyncio.sleep(0.1)  # the thread is busy: the next three will share a commit
    waiting = [asyncio.create_task(store.run(job)) for job in (add("a"), half, add("b"))]
    await asyncio.sleep(0.05)
    gate.set()
    results = await asyncio.gather(blocked, *waiting, return_exceptions=True)
    assert isinstance(results[2], LookupError)
    assert await store.run(names) == {"a", "b"}


async def test_a_job_is_done_when_it_is_on_disk(store, tmp_path):
    await store.run(add("kept"))
    other = Store(f"sqlite:///{tmp_path / 'hub.db'}")
    with other._engine.connect() as db:
        assert "kept" in names(db)
        settings = {name: db.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "foreign_keys")}
    other._engine.dispose()
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


async def test_a_job_is_not_done_before_its_commit(store, tmp_path):
    """However long the disk takes."""
    event.listen(store._engine, "commit", lambda _: time.sleep(0.3))
    await asyncio.gather(*(store.run(add(f"n{number}")) for number in range(3)))
    with sqlite3.connect(tmp_path / "hub.db") as db:  # a plain reader: it waits for nobody
        assert {name for (name,) in db.execute("select name from hub_facts")} == {"layout", "n0", "n1", "n2"}


async def test_jobs_never_overlap(store):
    def step(db):
        seen = db.scalar(select(func.count()).select_from(Fact))
        db.execute(insert(Fact).values(name=f"n{seen}", value=""))
        return seen

    seen = await asyncio.gather(*(store.run(step) for _ in range(300)))
    assert sorted(seen) == list(range(1, 301))


async def test_what_was_handed_in_is_finished_at_the_close(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'hub.db'}")
    store.open()
    jobs = [asyncio.create_task(store.run(add(f"n{i}"))) for i in range(50)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*jobs)
    with pytest.raises(PodiumError):
        await store.run(names)


async def test_a_database_of_another_layout_is_refused(tmp_path):
    url = f"sqlite:///{tmp_path / 'hub.db'}"
    store = Store(url)
    store.open()
    await store.run(lambda db: db.execute(text("update hub_facts set value = '99' where name = 'layout'")))
    await store.close()
    with pytest.raises(ConfigError, match="layout 99"):
        Store(url).open()


def here(tmp_path):
    return b"".join(path.read_bytes() for path in tmp_path.glob("hub.db*"))


async def test_what_is_to_be_forgotten_is_in_no_file(store, tmp_path):
    def replaced(db):
        db.execute(update(Fact).where(col(Fact.name) == "card").values(value="another"))
        forget(db)

    await store.run(lambda db: db.execute(insert(Fact).values(name="card", value="canary" * 2000)))
    assert b"canary" in here(tmp_path)
    await store.run(replaced)
    assert b"canary" not in here(tmp_path)


async def test_what_somebody_still_reads_is_forgotten_with_the_next_write(store, tmp_path):
    def taken_out(db):
        db.execute(delete(Fact).where(col(Fact.name) == "card"))
        forget(db)

    await store.run(lambda db: db.execute(insert(Fact).values(name="card", value="canary" * 2000)))
    reader = sqlite3.connect(tmp_path / "hub.db", isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM hub_facts").fetchone()
    await store.run(taken_out)  # is not kept waiting
    assert b"canary" in here(tmp_path)
    reader.close()
    await store.run(add("next"))
    assert b"canary" not in here(tmp_path)
