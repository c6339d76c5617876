"""A pod without a hub and without Prefect: real keys, tables, messages and worker processes, and the flow `computation` as it stands.

A script that takes one command a line as JSON and answers with one line. Nothing reaches a hub, so replies stay on disk; steps are plain
functions. In a pod that works `apart` each command runs in a child process: with `kill_at` it dies by SIGKILL just before its n-th commit,
with `kill_after` after so many seconds, wherever it is.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[3])]  # `-P` keeps it off

import tasks.step  # noqa: E402

tasks.step.step = lambda *_, **__: tasks.step.coded  # type: ignore[assignment]

import flows.computation  # noqa: E402
from podium.config import keep_pod, parse_pod, prefect_name  # noqa: E402
from podium.crypto.custodian import custodian_key  # noqa: E402
from podium.crypto.encryption import EncryptionKey, encode_public  # noqa: E402
from podium.crypto.envelope import new_id, run_id, seal  # noqa: E402
from podium.crypto.keys import RSAKeyPair, public_pem  # noqa: E402
from podium.files import write_private  # noqa: E402
from podium.policy.grants import Grant, sign_grant  # noqa: E402
from tasks.desk import Desk, now, open_desk  # noqa: E402
from tasks.keep import keep  # noqa: E402
from tasks.profile import _profiled  # noqa: E402
from tasks.standing import ask_again  # noqa: E402
from tasks.step import StepFailed  # noqa: E402


async def _unseen(_case: Any) -> None:
    """Artifacts are for Prefect, which is not here."""


flows.computation.show_run = _unseen
EVERY = ("*",)


class Lone:
    """One pod, one analyst who may ask it anything."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.config = parse_pod(fields)
        self.tag = prefect_name(self.config.identifier)
        self.analyst = RSAKeyPair.load_or_create(self.config.folder.parent / "analyst.pem")

    @property
    def desk(self) -> Desk:
        return open_desk(self.tag)

    async def prepare(self) -> None:
        """What a start does: configuration, keys, a grant, full schemas and contracts."""
        keep_pod(self.config)
        desk, key, fp = self.desk, custodian_key(), self.analyst.fingerprint
        desk.state.begin()
        write_private(desk.folder / "peers" / f"{fp}.pem", public_pem(self.analyst.public_key))
        grant = Grant(
            id="g",
            pod=self.config.identifier,
            analyst=fp,
            alias="Ana",
            datasources=EVERY,
            protocols=EVERY,
            algorithms=EVERY,
            columns=EVERY,
            not_before=0,
            expires=now() + 7 * 86_400,
        )
        desk.grants.add("g", sign_grant(grant, custodian=key.fingerprint, sign=key.sign), now=now())
        for name in desk.names:
            keep(desk, await _profiled(desk, name, "full"))

    def post(self, task: dict[str, Any]) -> str:
        """A sealed task on the pod's disk, as a lease leaves it; the run's id."""
        desk, at = self.desk, now()
        raw = seal(
            typ="task",
            mid=new_id(),
            task=new_id(),
            sender="ana",
            to=self.config.identifier,
            iat=at,
            exp=at + 86_400,  # a test that is long on a busy machine asks with one message for hours
            body=json.dumps({"v": 1, "protocol": {"kind": "one_round"}, **task}).encode(),
            recipient=desk.ring.current(at).public,
            identity=self.analyst,
            reply_key=encode_public(EncryptionKey.generate().public),
        )
        run = run_id(raw)
        desk.runs.receive(run, mid=new_id(), attempt=1, envelope=raw)
        return run

    async def carry_out(self, run: str) -> dict[str, Any]:
        """The flow, with its retries; how the run stands then."""
        self.desk.state.begin()
        for _ in range(3):
            try:
                await flows.computation.computation.fn(self.tag, run)
                break
            except StepFailed:
                continue
        return self.told(run)

    def told(self, run: str) -> dict[str, Any]:
        record = self.desk.runs.get(run)
        names = ("id", "no", "status", "code", "rows_read", "new", "changed", "unchanged", "quarantined", "gone", "counted", "tries")
        return {name: getattr(record, name) for name in names} | {"result": _result(self.desk, run)}


def _result(desk: Desk, run: str) -> Any:
    from schemas.records import ResultRecord

    with desk.database.transaction() as session:
        record = session.get(ResultRecord, run)
    return json.loads(record.released) if record else None


class Commits:
    """Counts the commits of this process's database; dies before the one it was told."""

    def __init__(self, desk: Desk, at: int | None) -> None:
        self.count, dialect = 0, desk.database.engine.dialect
        commit = dialect.do_commit

        def counted(connection: Any) -> None:
            self.count += 1
            if self.count == at:
                os.kill(os.getpid(), signal.SIGKILL)
            commit(connection)

        dialect.do_commit = counted  # type: ignore[method-assign]


async def do(lone: Lone, said: dict[str, Any]) -> Any:
    """One command."""
    match said["do"]:
        case "prepare":
            await lone.prepare()
            return {}
        case "ask":
            return await lone.carry_out(lone.post(said["task"]))
        case "post":
            return {"run": lone.post(said["task"])}
        case "carry_out":
            commits = Commits(lone.desk, said.get("kill_at"))
            return await lone.carry_out(said["run"]) | {"commits": commits.count}
        case "again":  # a standing task, by its first run, is due
            said = await ask_again(lone.tag, said["run"])
            repeat = lone.desk.standings.queued()
            return {"said": said, "run": await lone.carry_out(repeat[0]) if repeat else None}
        case "together":
            runs = [lone.post(task) for task in said["tasks"]]
            return await asyncio.gather(*(lone.carry_out(run) for run in runs))
    raise ValueError(said["do"])


def forked(lone: Lone, said: dict[str, Any]) -> Any:
    """The command in a child process of its own: its answer, or None when it was killed. This process opens nothing."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        answer = asyncio.run(do(lone, said))
        os.write(writing, json.dumps(answer).encode())
        os._exit(0)
    os.close(writing)
    if "kill_after" in said and not select.select([reading], [], [], said["kill_after"])[0]:
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return json.loads(answer) if answer else None


def main() -> None:
    first = json.loads(sys.stdin.readline())
    lone, apart = Lone(first["pod"]), bool(first.get("apart"))
    runner = None if apart else asyncio.Runner()
    for line in sys.stdin:
        said, began = json.loads(line), time.monotonic()
        answer = forked(lone, said) if runner is None else runner.run(do(lone, said))
        print(json.dumps({"answer": answer, "seconds": round(time.monotonic() - began, 3)}), flush=True)


if __name__ == "__main__":
    main()
