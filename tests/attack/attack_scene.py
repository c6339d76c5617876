"""One analyst, one pod and one stranger, each with real keys; every attack starts from a message that the pod would accept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from podium.crypto.encryption import EncryptionKey, encode_public
from podium.crypto.envelope import Opened, new_id, open_sealed, seal
from podium.crypto.keys import RSAKeyPair
from podium.crypto.replay import MemoryReplayStore
from podium.errors import MessageRefused

NOW = 1_900_000_000
BODY = b'{"secret":"canary-of-the-question"}'


@dataclass
class Scene:
    analyst: RSAKeyPair
    stranger: RSAKeyPair
    pod_key: EncryptionKey = field(default_factory=EncryptionKey.generate)
    replay: MemoryReplayStore = field(default_factory=MemoryReplayStore)

    def seal(self, **changes: Any) -> bytes:
        fields: dict[str, Any] = {
            "typ": "task",
            "mid": new_id(),
            "task": new_id(),
            "sender": "ann",
            "to": "demo/clinic-a",
            "iat": NOW,
            "exp": NOW + 3600,
            "body": BODY,
            "recipient": self.pod_key.public,
            "identity": self.analyst,
            "reply_key": encode_public(EncryptionKey.generate().public),
        }
        return seal(**{**fields, **changes})

    def open(self, raw: bytes, **changes: Any) -> Opened:
        people = {key.fingerprint: key.public_key for key in (self.analyst,)}
        fields: dict[str, Any] = {
            "me": "demo/clinic-a",
            "identity_of": people.get,
            "key_of": {self.pod_key.fingerprint: self.pod_key}.get,
            "replay": self.replay,
            "exchange": None,
            "now": NOW,
            "run": "run-1",
        }
        return open_sealed(raw, **{**fields, **changes})

    def refusal(self, raw: bytes, **changes: Any) -> str:
        with pytest.raises(MessageRefused) as caught:
            self.open(raw, **changes)
        return caught.value.rule
