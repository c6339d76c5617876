"""Messages through a real hub over HTTP, on SQLite and on PostgreSQL."""

from __future__ import annotations

import secrets
import threading
import time

import pytest
from hub_process import HubProcess, databases, until

from podium.errors import HubError, HubUnavailable


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    yield from databases(tmp_path_factory.mktemp("pg"))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def hub(request, tmp_path_factory):
    database = request.getfixturevalue("postgres")() if request.param == "postgresql" else ""
    found = HubProcess(tmp_path_factory.mktemp("home"), database).start()
    yield found
    found.close()


@pytest.fixture
def alice(hub):
    return hub.enrol(f"alice-{secrets.token_hex(4)}")


@pytest.fixture
def pod(hub, tmp_path):
    return hub.pod("demo", f"clinic-{secrets.token_hex(4)}", tmp_path)


def refused(code, call, *args, **kwargs):
    with pytest.raises(HubError) as error:
        call(*args, **kwargs)
    assert error.value.code == code


def test_a_message_is_delivered_once_and_as_it_was_sent(alice, pod):
    mid = secrets.token_hex(16)
    raw = alice.message(pod.address, mid=mid)
    assert alice.client.post(raw) is True
    assert alice.client.message_state(mid) == "queued"
    leased = pod.take()
    assert (leased.mid, leased.attempt, leased.raw) == (mid, 1, raw)
    assert leased.until > time.time() + 50
    assert alice.client.message_state(leased.mid) == pod.client.message_state(leased.mid) == "leased"
    assert pod.take() is None
    pod.client.ack(leased.mid, attempt=1)
    pod.client.ack(leased.mid, attempt=1)
    assert alice.client.message_state(leased.mid) == "acked"
    assert pod.take() is None


def test_messages_keep_their_order_and_tasks_can_be_picked(alice, pod):
    wanted = secrets.token_hex(16)
    first, second, third = alice.send(pod.address), alice.send(pod.address, task=wanted), alice.send(pod.address)
    assert pod.take(task=wanted).mid == second
    assert [pod.take().mid, pod.take().mid] == [first, third]


def test_posting_again_changes_nothing_and_other_bytes_are_refused(alice, pod):
    mid = secrets.token_hex(16)
    raw = alice.message(pod.address, mid=mid)
    assert [alice.client.post(raw), alice.client.post(raw)] == [True, False]
    refused("mid_taken", alice.client.post, alice.message(pod.address, mid=mid, body=b'{"other":1}'))
    leased = pod.take()
    pod.client.ack(mid, attempt=leased.attempt)
    assert alice.client.post(raw) is False
    assert pod.take() is None


def test_a_lease_that_ends_gives_the_message_to_another_attempt(alice, pod):
    mid = alice.send(pod.address)
    first = pod.take(seconds=0.3)
    assert pod.take() is None
    second = pod.take(wait=10)
    assert (second.mid, second.attempt, second.raw) == (mid, 2, first.raw)
    refused("lease_lost", pod.client.ack, mid, attempt=1)
    refused("lease_lost", pod.client.extend, mid, attempt=1, seconds=60)
    pod.client.ack(mid, attempt=2)
    refused("lease_lost", pod.client.ack, mid, attempt=1)
    refused("acked", pod.client.extend, mid, attempt=2, seconds=60)


def test_a_late_ack_counts_while_nobody_else_was_given_the_message(alice, pod):
    mid = alice.send(pod.address)
    leased = pod.take(seconds=0.1)
    time.sleep(0.2)
    assert alice.client.message_state(mid) == "queued"
    pod.client.ack(mid, attempt=leased.attempt)
    assert pod.take() is None


def test_an_extended_lease_lasts(alice, pod):
    mid = alice.send(pod.address)
    leased = pod.take(seconds=0.5)
    assert pod.client.extend(mid, attempt=leased.attempt, seconds=60) > time.time() + 50
    time.sleep(0.7)
    assert pod.take() is None


def test_a_lease_given_back_wakes_a_waiting_poll(alice, pod):
    mid = alice.send(pod.address)
    leased = pod.take(seconds=60)
    got = []
    thread = threading.Thread(target=lambda: got.append(pod.take(wait=20)))
    thread.start()
    time.sleep(0.5)
    assert pod.client.extend(mid, attempt=leased.attempt, seconds=0) <= time.time() + 1
    thread.join(5)
    assert [(found.mid, found.attempt) for found in got] == [(mid, 2)]


def test_a_waiting_poll_gets_a_message_at_once_and_an_expired_lease_within_a_second(alice, pod):
    arrived = []

    def poll():
        found = pod.take(wait=30, seconds=1.0)
        arrived.append((time.monotonic(), found))

    for _ in range(2):  # the first poll gets the message, the second gets it again when the lease has ended
        thread = threading.Thread(target=poll)
        thread.start()
        if not arrived:
            time.sleep(0.3)
            sent, mid = time.monotonic(), alice.send(pod.address)
        thread.join(10)
    (first_at, first), (second_at, second) = arrived
    assert first.mid == second.mid == mid
    assert first_at - sent < 1.0
    assert 0.9 < second_at - first_at < 2.0


def test_a_poll_ends_empty_when_its_time_is_over(pod):
    start = time.monotonic()
    assert pod.take(wait=0.5) is None
    assert 0.4 < time.monotonic() - start < 3


def test_a_poll_whose_caller_has_left_takes_nothing(hub, alice, pod):
    import socket

    with socket.create_connection(("127.0.0.1", hub.port)) as sock:
        head = f"POST /v1/mailbox/{pod.address}/lease?wait=30 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n"
        sock.sendall(f"{head}Authorization: Bearer {pod.client.api_key}\r\n\r\n".encode())
        time.sleep(0.4)
    time.sleep(0.4)
    alice.send(pod.address)
    assert pod.take(wait=5).attempt == 1


def test_many_senders_and_many_takers_lose_and_double_nothing(hub, alice, pod):
    sent, taken, lock = [], [], threading.Lock()

    def send():
        mine = [alice.send(pod.address) for _ in range(25)]
        with lock:
            sent.extend(mine)

    def take():
        while leased := pod.take(wait=2.0):
            pod.client.ack(leased.mid, attempt=leased.attempt)
            with lock:
                taken.append(leased.mid)

    threads = [threading.Thread(target=work) for work in (send, send, send, take, take, take)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(sent) == 75
    assert sorted(taken) == sorted(sent)


def test_only_the_owner_of_an_address_reads_it_or_writes_from_it(hub, alice, pod, tmp_path):
    other = hub.pod("demo", f"clinic-{secrets.token_hex(4)}", tmp_path)  # the same owner, another key
    mallory = hub.enrol(f"mallory-{secrets.token_hex(4)}")
    mid = alice.send(pod.address)
    for stranger in (other, mallory, alice):
        refused("not_yours", stranger.client.lease, pod.address, wait=0)
        refused("unknown_message", stranger.client.ack, mid, attempt=1)
        refused("unknown_message", stranger.client.extend, mid, attempt=1, seconds=1)
    refused("unknown_message", mallory.client.message_state, mid)
    refused("not_yours", mallory.client.lease, alice.address, wait=0)
    # As somebody else's key, and from somebody else's address.
    refused("not_yours", mallory.client.post, alice.message(pod.address))
    refused("not_yours", mallory.client.post, alice.message(pod.address, sender=mallory.address))
    refused("not_yours", mallory.client.post, mallory.message(pod.address, sender=alice.address))
    refused("not_yours", other.client.post, other.message(alice.address, sender=pod.address))
    refused("unknown_address", alice.client.post, alice.message("nobody/here"))
    refused("unknown_address", alice.client.post, alice.message("nobody"))
    assert pod.take().mid == mid


def test_an_expired_message_is_refused_and_one_that_expires_is_not_delivered(alice, pod):
    refused("expired", alice.client.post, alice.message(pod.address, life=-1))
    mid = alice.send(pod.address, life=2)
    until(lambda: alice.client.message_state(mid) == "expired")
    assert pod.take() is None


@pytest.mark.parametrize("hub", [pytest.param("sqlite", marks=pytest.mark.soak), "postgresql"], indirect=True)
def test_a_killed_hub_loses_and_repeats_nothing(hub, alice, pod):
    """Senders and a taker go on through three kills; whatever was answered with 201 arrives, whatever was acked stays away.

    On SQLite `test_hub_kill` does the same, and more, each time.
    """
    accepted, acked, stop, taken = [], set(), threading.Event(), []
    lock = threading.Lock()

    def send():
        while not stop.is_set():
            mid = secrets.token_hex(16)
            raw = alice.message(pod.address, mid=mid)
            while not stop.is_set():
                try:
                    alice.client.post(raw)
                except HubUnavailable:
                    time.sleep(0.05)
                else:
                    accepted.append(mid)
                    break

    def take():
        while not stop.is_set():
            try:
                leased = pod.take(wait=1.0, seconds=3.0)
                if leased:
                    with lock:
                        assert leased.mid not in acked
                        taken.append(leased.mid)
                    pod.client.ack(leased.mid, attempt=leased.attempt)
                    with lock:
                        acked.add(leased.mid)
            except HubUnavailable:
                time.sleep(0.05)

    threads = [threading.Thread(target=send), threading.Thread(target=take)]
    for thread in threads:
        thread.start()
    port = hub.port
    for _ in range(3):
        time.sleep(1.0)
        hub.kill()
        hub.close()
        hub.start(port=port)
        assert hub.port == port
    time.sleep(1.0)
    stop.set()
    for thread in threads:
        thread.join(20)
    while leased := pod.take(wait=4.0):  # what is left, and what was leased when the hub died
        assert leased.mid not in acked
        taken.append(leased.mid)
        pod.client.ack(leased.mid, attempt=leased.attempt)
    assert len(accepted) > 20
    assert set(accepted) <= set(taken)
    assert all(alice.client.message_state(mid) == "acked" for mid in accepted)
