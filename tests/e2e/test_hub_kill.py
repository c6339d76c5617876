"""A hub that is killed with SIGKILL in mid-load, again and again: every message that it took in goes out, and none comes again."""

from __future__ import annotations

import random
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import pytest
from hub_process import HubProcess, Person, databases, until

from podium.errors import HubError, HubUnavailable
from podium.wire.hub import HubClient, Leased

T = TypeVar("T")
WRITERS, READERS = 4, 4
LEASE = 3.0  # seconds; what a reader held when the hub died comes back after it


class Ledger:
    """What the writers were told, what the readers got, and everything that should not have happened."""

    def __init__(self) -> None:
        self.lock, self.writing, self.reading = threading.Lock(), threading.Event(), threading.Event()
        self.trap: Callable[[], object] | None = None  # called at the very next 201
        self.taken_in: set[str] = set()
        self.acked: dict[str, int] = {}
        self.faults: list[str] = []

    def took_in(self, mid: str) -> None:
        with self.lock:
            self.taken_in.add(mid)

    def delivered(self, leased: Leased) -> None:
        with self.lock:
            if leased.mid in self.acked:
                self.faults.append(f"{leased.mid} came again after its ack")

    def acknowledged(self, leased: Leased) -> None:
        with self.lock:
            if leased.mid in self.acked:
                self.faults.append(f"{leased.mid} was acknowledged as attempt {self.acked[leased.mid]} and as {leased.attempt}")
            self.acked[leased.mid] = leased.attempt

    def write(self, writer: Person, to: str) -> None:
        """One message after another. What was not answered is posted again, with the same bytes."""
        client = HubClient(writer.client.url, writer.client.api_key)
        while not self.writing.is_set():
            mid = secrets.token_hex(16)
            raw = writer.message(to, mid=mid)
            insist(lambda raw=raw: client.post(raw))
            if trap := self.trap:
                trap()
            self.took_in(mid)
            if new_again(client, raw):
                self.faults.append(f"{mid} was taken in twice")

    def read(self, reader: Person) -> None:
        """Lease, acknowledge. An ack that was not answered is said again; one that is refused belongs to another attempt."""
        client = HubClient(reader.client.url, reader.client.api_key)
        while not self.reading.is_set():
            leased = insist(lambda: client.lease(reader.address, wait=0.5, seconds=LEASE))
            if leased is None:
                continue
            self.delivered(leased)
            try:
                insist(lambda leased=leased: client.ack(leased.mid, attempt=leased.attempt))
            except HubError as error:
                if error.code != "lease_lost":
                    self.faults.append(f"ack: {error.code}")
            else:
                self.acknowledged(leased)


def new_again(client: HubClient, raw: bytes) -> bool:
    """Now and then: whether the hub takes a message for new that it has said it has."""
    return secrets.randbelow(10) == 0 and insist(lambda: client.post(raw))


def insist(ask: Callable[[], T]) -> T:
    """Until the hub answers, whatever it answers."""
    while True:
        with suppress(HubUnavailable):
            return ask()
        time.sleep(0.1)  # eight of them ask: more often, and the hub would have to start beside them


def quiet_port() -> int:
    """A free port from where the kernel takes none for outgoing connections: nobody may have it while the hub is away."""
    while True:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as sock, suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port


def torment(hub: HubProcess, tmp_path, *, kills: int) -> None:
    """Load, kills at random moments of it, the rest drained; then the books."""
    ledger, port, seed = Ledger(), quiet_port(), secrets.randbits(32)
    rng = random.Random(seed)
    hub.start(port=port)
    pods = [hub.pod("demo", name, tmp_path) for name in ("a", "b")]
    writers = [hub.enrol(f"writer-{number}") for number in range(WRITERS)]
    work = [threading.Thread(target=ledger.write, args=(writer, pods[i % 2].address), daemon=True) for i, writer in enumerate(writers)]
    work += [threading.Thread(target=ledger.read, args=(pods[i % 2],), daemon=True) for i in range(READERS)]
    for thread in work:
        thread.start()
    for _ in range(kills):
        goal = len(ledger.taken_in) + rng.randint(5, 80)
        until(lambda goal=goal: len(ledger.taken_in) >= goal, seconds=120)
        if rng.random() < 0.5:  # as soon as it has said yes to one: what it said must be on disk by then
            ledger.trap = hub.process.kill
            hub.process.wait(60)
            ledger.trap = None
        else:
            hub.kill()
        hub.close()
        hub.start(port=port)
        assert hub.port == port
    ledger.writing.set()
    for thread in work[:WRITERS]:
        thread.join(60)
    with suppress(AssertionError):  # the books below say more
        until(lambda: ledger.acked.keys() >= ledger.taken_in, seconds=30)
    ledger.reading.set()
    for thread in work[WRITERS:]:
        thread.join(60)
    assert not any(thread.is_alive() for thread in work)
    lost, unknown = ledger.taken_in - ledger.acked.keys(), ledger.acked.keys() - ledger.taken_in
    assert (ledger.faults, len(lost), len(unknown)) == ([], 0, 0), f"seed {seed}, {len(ledger.taken_in)} messages"
    assert len(ledger.taken_in) >= 5 * kills
    counted = pods[0].client.counters(admin_key=hub.admin_key)["messages"]
    assert counted == {"in": len(ledger.taken_in), "out": len(ledger.taken_in), "queued": 0, "leased": 0, "expired": 0}


def test_a_hub_killed_under_load_loses_nothing_and_repeats_nothing(tmp_path):
    hub = HubProcess(tmp_path / "home")
    try:
        torment(hub, tmp_path, kills=5)
    finally:
        hub.close()


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_hub_killed_a_hundred_times(tmp_path, kind):
    made = databases(tmp_path) if kind == "postgresql" else None
    hub = HubProcess(tmp_path / "home", next(made)() if made else "")
    try:
        torment(hub, tmp_path, kills=100)
    finally:
        hub.close()
        assert made is None or next(made, None) is None
