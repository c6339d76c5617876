"""A pod in a few lines: real keys, real sealed messages, a real hub; only what it answers is scripted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from podium.contracts import Card, CardColumn, Released, ReleasedCell, Reply, Status, Suppression, Task
from podium.crypto.encryption import KeyRing, decode_public
from podium.crypto.envelope import Opened, new_id, open_sealed, run_id, seal
from podium.crypto.keys import RSAKeyPair, load_public
from podium.crypto.replay import MemoryReplayStore
from podium.wire.credentials import sign_in
from podium.wire.hub import HubClient

CARD = Card(
    datasource="patients",
    stage="full",
    columns=(
        CardColumn(name="age", type="integer", semantic="continuous"),
        CardColumn(name="sex", type="text", semantic="categorical"),
        CardColumn(name="note", type="text", semantic="text"),
    ),
    algorithms=("count", "mean"),
)


def table(cells: dict[Any, int], *, by: Sequence[str] = ("sex",), rules: Sequence[str] = ()) -> Released:
    """Released counts by level."""
    return Released(
        by=tuple(by),
        rows=sum(cells.values()),
        cells=tuple(ReleasedCell(key=(level,) if by else (), values={"count": n}) for level, n in cells.items()),
        suppressed=tuple(Suppression(rule=rule, scope="cells") for rule in rules),
    )


def nothing(rule: str = "min_rows", *, by: Sequence[str] = ("sex",)) -> Released:
    return Released(by=tuple(by), suppressed=(Suppression(rule=rule, scope="result"),))


class ScriptedPod:
    def __init__(self, url: str, folder: Path, name: str, owner: str = "demo") -> None:
        self.identifier = f"{owner}/{name}"
        self.identity = RSAKeyPair.generate(kind="ed25519")
        self.ring = KeyRing(folder / name, self.identity)
        self.hub = HubClient(url)
        self.replay = MemoryReplayStore()
        sign_in(self.hub, self.identity, owner)
        self.hub.register_pod(self.identifier, statement=self.ring.statement(int(time.time())))
        self.hub.publish_card(self.identifier, CARD)

    def take(self, wait: float = 5.0) -> tuple[Opened, bytes]:
        """Lease and open one task message, by the reading rules, and acknowledge it."""
        leased = self.hub.lease(self.identifier, wait=wait)
        assert leased is not None, "no task came"
        opened = open_sealed(
            leased.raw,
            me=self.identifier,
            identity_of=lambda fp: load_public(self.hub.identity(fp)["public_key"]),
            key_of=self.ring.private_for,
            replay=self.replay,
            exchange=None,
            now=int(time.time()),
            run=run_id(leased.raw),
        )
        self.hub.ack(leased.mid, attempt=leased.attempt)
        return opened, leased.raw

    def sealed_reply(self, opened: Opened, raw: bytes, **changes: Any) -> bytes:
        now = int(time.time())
        reply = changes.pop("reply", None) or Reply(run=run_id(raw), status=Status.RELEASED, released=table({"F": 20, "M": 10}))
        fields: dict[str, Any] = {
            "typ": {Status.REJECTED: "reject"}.get(reply.status, "result" if reply.status.final else "accept"),
            "mid": new_id(),
            "task": opened.header.task,
            "run": run_id(raw),
            "sender": self.identifier,
            "to": opened.header.from_,
            "iat": now,
            "exp": now + 3600,
            "body": reply.model_dump_json().encode(),
            "recipient": decode_public(opened.header.reply_key),
            "identity": self.identity,
            "re": opened.reference,
        }
        return seal(**{**fields, **changes})

    def answer(self, released: Released | None = None, *, status: Status | None = None, **reply: Any) -> Task:
        """Take one task and answer it; the task as it was read."""
        opened, raw = self.take()
        end = status or (released.status if released else Status.FAILED)
        self.hub.post(self.sealed_reply(opened, raw, reply=Reply(run=run_id(raw), status=end, released=released, **reply)))
        return Task.model_validate_json(opened.body)
