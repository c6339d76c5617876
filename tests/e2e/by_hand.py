"""Messages sealed by hand: what an analyst can send who does not use our client, and what comes back."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podium.contracts import Reply
from podium.crypto.encryption import EncryptionKey, KeyStatement, encode_public
from podium.crypto.envelope import new_id, open_sealed, peek, reference, run_id, seal
from podium.crypto.keys import RSAKeyPair, load_public
from podium.crypto.replay import MemoryReplayStore

COUNT = {"kind": "count"}


@dataclass(frozen=True)
class Posted:
    """A message that the hub has taken in, and the key of its answer."""

    run: str
    task: str
    key: EncryptionKey
    raw: bytes


class Hand:
    """An enrolled analyst without a client. `home` holds her identity, `session` her way to the hub."""

    def __init__(self, session: Any, home: Path, pod: str = "demo/a") -> None:
        self.session, self.hub, self.user, self.pod = session, session.hub, session.user, pod  # a session that is let go is closed
        self.identity = RSAKeyPair.load(home / "analyst" / "identity.pem")
        entry = self.hub.pod(pod)
        self.public = load_public(entry["public_key"])
        self.recipient = KeyStatement.model_validate(entry["statement"]).public_bytes

    def post(self, algorithm: dict[str, Any] = COUNT, *, body: bytes | None = None, **changes: Any) -> Posted:
        """`seal`, then send."""
        posted = self.seal(algorithm, body=body, **changes)
        self.hub.post(posted.raw)
        return posted

    def seal(self, algorithm: dict[str, Any] = COUNT, *, body: bytes | None = None, **changes: Any) -> Posted:
        """A task: a good one, but for what is changed. `datasource` and `protocol` go into the body, the rest into the envelope."""
        now, key, task = int(time.time()), EncryptionKey.generate(), new_id()
        asked = {"protocol": changes.pop("protocol", {"kind": "one_round"}), "datasource": changes.pop("datasource", "patients")}
        fields: dict[str, Any] = {
            "typ": "task",
            "mid": new_id(),
            "task": task,
            "sender": self.user,
            "to": self.pod,
            "iat": now,
            "exp": now + 600,
            "body": json.dumps({"v": 1, "algorithm": algorithm, **asked}).encode() if body is None else body,
            "recipient": self.recipient,
            "identity": self.identity,
            "reply_key": encode_public(key.public),
        }
        raw = seal(**{**fields, **changes})
        return Posted(run_id(raw), task, key, raw)

    def cancel(self, posted: Posted, **changes: Any) -> None:
        """Seal and send a cancel of somebody's run: a good one, but for what is changed."""
        now = int(time.time())
        fields: dict[str, Any] = {
            "typ": "cancel",
            "mid": new_id(),
            "task": posted.task,
            "run": posted.run,
            "seq": 9,
            "sender": self.user,
            "to": self.pod,
            "iat": now,
            "exp": now + 600,
            "re": reference(peek(posted.raw).mid, posted.raw),
            "body": b'{"v":1}',
            "recipient": self.recipient,
            "identity": self.identity,
        }
        self.hub.post(seal(**{**fields, **changes}))

    def reply(self, posted: Posted, *, wait: float = 30.0) -> Reply | None:
        """The pod's answer, opened; None when none came in time."""
        leased = self.hub.lease(self.user, wait=wait, task=posted.task)
        if leased is None:
            return None
        opened = open_sealed(
            leased.raw,
            me=self.user,
            identity_of=lambda _: self.public,
            key_of=lambda _: posted.key,
            replay=MemoryReplayStore(),
            exchange=lambda _: True,
            now=int(time.time()),
            run=posted.run,
        )
        self.hub.ack(leased.mid, attempt=leased.attempt)
        return Reply.model_validate_json(opened.body)

    def heard(self, posted: Posted) -> str:
        """The pod's reply to a round, as our next message must name it."""
        leased = self.hub.lease(self.user, wait=30.0, task=posted.task)
        assert leased is not None, "no reply came"
        self.hub.ack(leased.mid, attempt=leased.attempt)
        return reference(leased.mid, leased.raw)

    def say(self, posted: Posted, no: int, parameters: dict[str, Any] | None, *, re: str, seq: int = 2) -> None:
        """Seal and send a word on round `no` of somebody's run."""
        now = int(time.time())
        raw = seal(
            typ="share",
            mid=new_id(),
            task=posted.task,
            run=posted.run,
            seq=seq,
            sender=self.user,
            to=self.pod,
            iat=now,
            exp=now + 600,
            re=re,
            body=json.dumps({"v": 1, "no": no, "parameters": parameters}).encode(),
            recipient=self.recipient,
            identity=self.identity,
        )
        self.hub.post(raw)

    def ask(self, algorithm: dict[str, Any] = COUNT, *, wait: float = 30.0, **changes: Any) -> Reply | None:
        """`post`, then `reply`."""
        return self.reply(self.post(algorithm, **changes), wait=wait)
