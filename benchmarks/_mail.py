"""A hub's load: someone with a key, sealed messages, and connections that post and take them as fast as the hub answers."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks._http import Connection, request

ADDRESS, SENDERS, TAKERS = "demo/clinic", 32, 16


@dataclass
class Desk:
    """Someone with a key at the hub, and what she needs to seal messages."""

    url: str
    key: str
    pod: bytes  # the body that registers a pod with her key

    def post(self, message: bytes) -> bytes:
        return request(self.url, "POST", "/v1/messages", key=self.key, body=message, kind="application/octet-stream")

    def lease(self, address: str, *, wait: int) -> bytes:
        return request(self.url, "POST", f"/v1/mailbox/{address}/lease?wait={wait}", key=self.key)

    def ack(self, mid: str) -> bytes:
        return request(self.url, "POST", f"/v1/messages/{mid}/ack", key=self.key, body=b'{"attempt": 1}')

    def heartbeat(self, address: str) -> bytes:
        return request(self.url, "POST", f"/v1/pods/{address}/heartbeat", key=self.key)

    def register(self, address: str) -> bytes:
        return request(self.url, "PUT", f"/v1/pods/{address}", key=self.key, body=self.pod)


def enrol(url: str, folder: Path, messages: int) -> tuple[Desk, dict[str, bytes]]:
    """An owner, and so many sealed messages of about 1 KB from her to her pod."""
    from podium.crypto.encryption import KeyRing, encode_public
    from podium.crypto.envelope import seal
    from podium.crypto.keys import RSAKeyPair
    from podium.wire.credentials import sign_in
    from podium.wire.hub import HubClient

    identity, now = RSAKeyPair.generate(kind="ed25519"), int(time.time())
    ring = KeyRing(folder / "ring", identity)
    with HubClient(url) as client:
        key = sign_in(client, identity, "demo", "")
    public = ring.current(now).public
    parties: dict[str, Any] = {
        "sender": "demo",
        "to": ADDRESS,
        "recipient": public,
        "identity": identity,
        "reply_key": encode_public(public),
    }
    life: dict[str, Any] = {"iat": now, "exp": now + 3600, "task": secrets.token_hex(16), "body": bytes(200)}
    mids = [secrets.token_hex(16) for _ in range(messages)]
    statement = json.dumps({"statement": ring.statement(now).model_dump(mode="json")}).encode()
    return Desk(url, key, statement), {mid: seal(typ="task", mid=mid, **parties, **life) for mid in mids}


async def rate(url: str, requests: list[bytes], *, expected: int) -> float:
    """Requests a second, many at once, each answered as expected."""
    count, waiting = len(requests), list(requests)

    async def send() -> None:
        async with await Connection.to(url) as connection:
            while waiting:
                status, _ = await connection.send(waiting.pop())
                assert status == expected, status

    began = time.perf_counter()
    await asyncio.gather(*(send() for _ in range(SENDERS)))
    return count / (time.perf_counter() - began)


async def drained(desk: Desk) -> list[str]:
    """Every message that waits: leased, acknowledged, once."""
    taken: list[str] = []

    async def take() -> None:
        async with await Connection.to(desk.url) as connection:
            while (answer := await connection.send(desk.lease(ADDRESS, wait=0)))[0] == 200:
                taken.append(mid := answer[1]["x-message-id"])
                assert (await connection.send(desk.ack(mid)))[0] == 200

    await asyncio.gather(*(take() for _ in range(TAKERS)))
    assert len(set(taken)) == len(taken), "a message was given out twice"
    return taken
