"""Who may end a standing task between two repeats, and whose yes a repeat goes on under; with real messages and a pod's real tables."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from podium import project
from podium.contracts import Cancel, Repeat, Status, Task
from podium.crypto.encryption import EncryptionKey, encode_public
from podium.crypto.envelope import new_id, peek, reference, run_id, seal
from podium.crypto.keys import RSAKeyPair
from podium.errors import MessageRefused, TaskError
from podium.policy.grants import Grant

project.activate()

from schemas.approvals import ApprovalStore  # noqa: E402
from schemas.cancels import CancelStore  # noqa: E402
from schemas.runs import RunStore  # noqa: E402
from schemas.standing import StandingStore  # noqa: E402
from schemas.standing_record import StandingRecord  # noqa: E402
from schemas.stores import PodDatabase, SqlReplayStore  # noqa: E402
from tasks.approve import approved  # noqa: E402
from tasks.desk import Desk  # noqa: E402
from tasks.heed import _heed  # noqa: E402
from tasks.step import StepFailed  # noqa: E402

NOW = int(time.time())
ANA, EVE, CUSTODIAN = (RSAKeyPair.generate(kind="ed25519") for _ in range(3))
TASK = Task(protocol={}, algorithm={}, datasource="p", new_data_only=True, repeat=Repeat(grown_by=5, until=NOW + 10**6))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Any]:
    """What of a desk is needed: a task of Ana's that stands, whose message is gone."""
    database, key = PodDatabase(f"sqlite:///{tmp_path / 'pod.db'}"), EncryptionKey.generate()
    made: Any = SimpleNamespace(
        runs=RunStore(database),
        standings=StandingStore(database),
        cancels=CancelStore(database),
        approvals=ApprovalStore(database),
        replay=SqlReplayStore(database),
        ring=SimpleNamespace(private_for=lambda _: key),
        key=key,
        custodian=CUSTODIAN.public_key,
        config=SimpleNamespace(identifier="demo/a"),
    )

    async def identity_of(fp: str) -> Any:
        return next((one.public_key for one in (ANA, EVE) if one.fingerprint == fp), None)

    made.identity_of, made.header_of = identity_of, partial(Desk.header_of, made)
    made.raw = sealed(made, typ="task", reply_key=encode_public(EncryptionKey.generate().public), body=TASK.model_dump_json().encode())
    made.run = run_id(made.raw)
    made.runs.receive(made.run, mid=peek(made.raw).mid, attempt=1, envelope=made.raw)
    header = peek(made.raw).encode()
    record = StandingRecord(run=made.run, header=header, reference="", task_json=TASK.model_dump_json(), until=NOW + 10**6)
    made.standings.accept(record)
    yield made
    database.close()


def sealed(desk: Any, *, by: RSAKeyPair = ANA, **fields: Any) -> bytes:
    fixed = {"mid": new_id(), "task": "7" * 32, "sender": "ana", "to": "demo/a", "iat": int(time.time()), "exp": int(time.time()) + 60}
    return seal(**{**fixed, "recipient": desk.key.public, "identity": by, **fields})


def cancel(desk: Any, **changes: Any) -> bytes:
    about = {"run": desk.run, "re": reference(peek(desk.raw).mid, desk.raw), "seq": 33, "body": Cancel().model_dump_json().encode()}
    return sealed(desk, **{"typ": "cancel", **about, **changes})


def stand(desk: Any) -> None:
    desk.runs.finish(desk.run, Status.RELEASED, reply=b"r")
    assert len(desk.standings.standing()) == 1


async def test_its_analyst_ends_it_between_two_repeats(desk: Any):
    stand(desk)
    await _heed(desk, cancel(desk))
    assert [(one.run, one.ended_by) for one in desk.standings.untold()] == [(desk.run, "analyst")]
    await _heed(desk, cancel(desk))  # again changes nothing
    assert desk.runs.get(desk.run).status is Status.RELEASED


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"by": EVE}, "reply_to"),
        ({"task": "8" * 32}, "reply_to"),
        ({"re": "another message of this run"}, "reply_to"),
        ({"recipient": EncryptionKey.generate().public}, "key_retired"),
        ({"body": b"{}x"}, "body"),
    ],
    ids=["by another", "about another task", "in answer to another message", "to another key", "in other words"],
)
async def test_nobody_else_does(desk: Any, changes: dict[str, Any], rule: str):
    stand(desk)
    if "re" in changes:
        changes = {"re": f"{'9' * 32}.{desk.run}{'0' * 32}"}
    with pytest.raises(MessageRefused) as told:
        await _heed(desk, cancel(desk, **changes))
    assert told.value.rule == rule
    assert len(desk.standings.standing()) == 1


GRANT = Grant(
    id="g1", pod="demo/a", analyst=ANA.fingerprint, alias="Ana", datasources=("*",), algorithms=("*",), columns=("*",), not_before=0,
    expires=NOW + 10**6, approval="every_run",
)  # fmt: skip


@pytest.mark.parametrize(
    ("said", "digest", "grant", "goes_on"),
    [
        ("yes", TASK.digest, "g1", True),
        ("no", TASK.digest, "g1", False),
        ("", TASK.digest, "g1", False),
        ("yes", "0" * 64, "g1", False),
        ("yes", TASK.digest, "g2", False),
    ],
    ids=["yes", "no", "unanswered", "of another task", "under another grant"],
)
async def test_a_repeat_goes_on_under_the_yes_to_its_first_run(
    desk: Any, monkeypatch: pytest.MonkeyPatch, said: str, digest: str, grant: str, goes_on: bool
):
    granted = GRANT.model_copy(update={"id": grant})
    desk.runs.start(desk.run)
    desk.approvals.ask(desk.run, task_digest=digest, grant=granted, expires=NOW + 60, notice=None, now=NOW)
    if said:
        desk.approvals.decide(desk.run, said, by="ui", now=NOW)
    stand(desk)
    repeat = desk.standings.ask(desk.run, token="2", now=NOW)
    case: Any = SimpleNamespace(desk=desk, run=repeat.id, id8="r", record=repeat, first=desk.run, task=TASK, approval=None)
    monkeypatch.setattr("tasks.approve.still_granted", lambda _: GRANT)
    if goes_on:
        assert await approved(case)
    else:
        with pytest.raises((StepFailed, TaskError), match="refused"):
            await approved(case)
    assert desk.approvals.get(repeat.id) is None  # nobody is asked again
