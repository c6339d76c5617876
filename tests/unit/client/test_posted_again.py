"""A standing task's result that nobody fetched for as long as the hub keeps it: real messages, a real hub, a pod's real tables."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from scripted_pod import ScriptedPod, table

from podium import project
from podium.algorithms import Count
from podium.client import Session
from podium.contracts import Reply, Status
from podium.crypto.envelope import run_id
from podium.errors import HubError
from podium.repeating import repeat_id
from podium.wire.hub import AsyncHubClient

project.activate()

from schemas.approvals import ApprovalStore  # noqa: E402
from schemas.rounds import RoundStore  # noqa: E402
from schemas.runs import RunStore  # noqa: E402
from schemas.standing import StandingStore  # noqa: E402
from schemas.standing_record import StandingRecord  # noqa: E402
from schemas.stores import PodDatabase  # noqa: E402
from tasks.desk import Desk  # noqa: E402
from tasks.post_again import renew  # noqa: E402

NOW = int(time.time())
LONG_AGO = NOW - 8 * 86_400


async def test_what_nobody_fetched_is_posted_again_until_somebody_has(session: Session, pod: Callable[[str], ScriptedPod], tmp_path: Path):
    one = pod("one")
    repeat = {"grown_by": 5, "until": NOW + 10**7}
    answer = session.ask(Count(by="sex"), pods=[one.identifier], datasource="patients", wait=False, repeat=repeat)
    opened, raw = one.take()
    first, second = run_id(raw), repeat_id(run_id(raw), 2)
    database = PodDatabase(f"sqlite:///{tmp_path / 'pod.db'}")
    desk: Any = SimpleNamespace(
        runs=RunStore(database), rounds=RoundStore(database), standings=StandingStore(database), approvals=ApprovalStore(database),
        config=SimpleNamespace(identifier=one.identifier), identity=one.identity, mail=AsyncHubClient(session.hub.url, one.hub.api_key),
    )  # fmt: skip
    desk.header_of = partial(Desk.header_of, desk)
    record = StandingRecord(
        run=first, header=opened.header.encode(), reference=opened.reference, task_json=opened.body.decode(), until=NOW + 10**7
    )
    desk.runs.receive(first, mid=opened.header.mid, attempt=1, envelope=raw)
    desk.standings.accept(record)

    def told(run: str, released: Any, **changes: Any) -> None:
        """Released and posted, eight days ago as the pod's tables know; at the hub it waits for seconds."""
        reply = Reply(run=run, status=Status.RELEASED, released=released, stands=True)
        sealed = one.sealed_reply(opened, raw, reply=reply, run=run, exp=int(time.time()) + 2, **changes)
        one.hub.post(sealed)
        desk.runs.finish(run, Status.RELEASED, reply=sealed, released=released, keep=True)
        desk.runs.note(run, replied_at=LONG_AGO, acknowledged_at=LONG_AGO)

    async def resent() -> int:
        count = await renew(desk)
        for run in desk.runs.unsent():
            assert run.reply is not None
            one.hub.post(run.reply)
            desk.runs.note(run.id, replied_at=LONG_AGO)
        return count

    told(first, table({"F": 20, "M": 30}), seq=1)
    desk.standings.ask(first, token="2", now=NOW)
    told(second, table({"F": 25, "M": 35}), seq=3)
    deadline = time.monotonic() + 60
    while {one.hub.message_state(mid) for mid in mids(desk, first, second)} != {"expired"}:
        assert time.monotonic() < deadline
        time.sleep(0.2)

    assert await resent() == 2
    assert await resent() == 0  # they wait
    answer = answer.wait(10)
    assert answer.status is Status.RELEASED
    while not answer.repeats:
        assert time.monotonic() < deadline
        answer.refresh()
    assert [row.tolist() for row in answer.repeats[0].result[["sex", "count"]].to_numpy()] == [["F", 25], ["M", 35]]
    assert (await resent(), {desk.runs.get(run).fetched_at is not None for run in (first, second)}) == (0, {True})

    desk.runs.note(second, fetched_at=None, reply=one.sealed_reply(opened, raw))  # the hub knows of no such message
    with pytest.raises(HubError):
        one.hub.message_state(*mids(desk, second))
    desk.standings.end(first, by="custodian", now=NOW)
    assert await resent() == 0  # a task that has ended keeps no results waiting
    database.close()


def mids(desk: Any, *runs: str) -> list[str]:
    from podium.crypto.envelope import peek

    return [peek(desk.runs.get(run).reply).mid for run in runs]
