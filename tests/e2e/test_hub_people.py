"""Enrolment, keys, registration and the catalogue, over HTTP, on SQLite and on PostgreSQL."""

from __future__ import annotations

import base64
import sqlite3
import time

import httpx
import pytest
from hub_process import HubProcess, databases, statement

from podium.contracts import Card, CardColumn
from podium.crypto.keys import RSAKeyPair, public_pem
from podium.errors import HubError
from podium.wire.hub import HubClient


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    yield from databases(tmp_path_factory.mktemp("pg"))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def hub(request, tmp_path_factory):
    """For each database one, of which every test takes names of its own."""
    database = request.getfixturevalue("postgres")() if request.param == "postgresql" else ""
    found = HubProcess(tmp_path_factory.mktemp("home"), database).start()
    yield found
    found.close()


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A hub for requests that change nothing, and an API key for it."""
    found = HubProcess(tmp_path_factory.mktemp("plain")).start()
    yield found, found.enrol("alice").client.api_key
    found.close()


def refused(code, call, *args, **kwargs):
    with pytest.raises(HubError) as error:
        call(*args, **kwargs)
    assert error.value.code == code
    return error.value


def test_a_code_enrols_one_key_once(hub):
    client = HubClient(hub.url)
    code = client.invite("alice", admin_key=hub.admin_key)
    assert len(bytes.fromhex(code)) == 20
    me, other = RSAKeyPair.generate(kind="ed25519"), RSAKeyPair.generate(kind="ed25519")
    refused("bad_code", client.enrol, code, owner="mallory", identity=other)  # made for somebody else: not spent by it
    enrolled = client.enrol(code, owner="alice", identity=me)
    assert enrolled["owner"] == "alice"
    assert enrolled["api_key"].startswith(f"pk_{enrolled['key_id']}_")
    again = refused("bad_code", client.enrol, code, owner="alice", identity=other)
    never = refused("bad_code", client.enrol, "0" * 40, owner="alice", identity=other)
    assert str(again) == str(never)
    client.api_key = enrolled["api_key"]
    assert client.identity(me.fingerprint) == {"fingerprint": me.fingerprint, "owner": "alice", "public_key": public_pem(me.public_key)}
    refused("unknown_identity", client.identity, other.fingerprint)


def test_a_wrong_signature_enrols_nobody_and_spends_nothing(hub):
    client = HubClient(hub.url)
    code = client.invite("alice", admin_key=hub.admin_key)
    me, other = RSAKeyPair.generate(), RSAKeyPair.generate(kind="ed25519")
    for signed in (f"podium-enrol/1\n{code}x".encode(), code.encode()):
        signature = base64.b64encode(me.sign(signed)).decode()
        body = {"code": code, "owner": "alice", "public_key": public_pem(me.public_key), "signature": signature}
        answer = httpx.post(f"{hub.url}/v1/enrol", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "bad_signature")
    swapped = {**body, "signature": base64.b64encode(other.sign(f"podium-enrol/1\n{code}".encode())).decode()}
    assert httpx.post(f"{hub.url}/v1/enrol", json=swapped).json()["error"]["code"] == "bad_signature"
    assert client.enrol(code, owner="alice", identity=me)["owner"] == "alice"


def test_a_key_belongs_to_one_owner(hub):
    alice = hub.enrol("alice")
    assert hub.enrol("alice", identity=alice.identity).client.api_key != alice.client.api_key
    with pytest.raises(HubError) as error:
        hub.enrol("bob", identity=alice.identity)
    assert error.value.code == "key_taken"


def test_invites_need_the_admin_key(hub):
    alice = hub.enrol("alice")
    for key in ("", "ak_" + "0" * 64, alice.client.api_key):
        refused("unauthorized", alice.client.invite, "bob", admin_key=key)
    refused("unauthorized", HubClient(hub.url, hub.admin_key).pods)  # and it opens nothing else


def test_an_unknown_id_and_a_wrong_secret_get_the_same_answer(hub):
    right = hub.enrol("alice").client.api_key
    _, key_id, secret = right.split("_")
    answers = []
    for key in (f"pk_{key_id}_{'0' * 64}", f"pk_{'0' * 16}_{secret}", f"xx_{key_id}_{secret}", f"pk_{key_id}_", key_id):
        answer = httpx.get(f"{hub.url}/v1/pods", headers={"Authorization": f"Bearer {key}"})
        date = answer.headers.pop("date")
        assert date
        answers.append((answer.status_code, answer.content, dict(answer.headers)))
    assert answers[0][0] == 401
    assert all(answer == answers[0] for answer in answers)
    assert httpx.get(f"{hub.url}/v1/pods", headers={"Authorization": f"Bearer {right}"}).status_code == 200


def test_a_pods_name_belongs_to_the_key_that_took_it(hub, tmp_path):
    pod, mallory = hub.pod("demo", "named-a", tmp_path), hub.enrol("mallory")
    same_owner = hub.enrol("demo")
    fields = {"statement": statement(same_owner.identity, tmp_path)}
    assert refused("name_taken", same_owner.client.register_pod, "demo/named-a", **fields).remedy
    refused("not_yours", mallory.client.register_pod, "demo/named-b", statement=statement(mallory.identity, tmp_path))
    refused("not_yours", same_owner.client.heartbeat, "demo/named-a")
    refused("not_yours", same_owner.client.unpublish, "demo/named-a", "patients")
    refused("unknown_pod", same_owner.client.heartbeat, "demo/named-z")
    refused("bad_statement", pod.client.register_pod, "demo/named-a", **fields)  # another key's statement
    entry = pod.client.register_pod("demo/named-a", statement=statement(pod.identity, tmp_path), display_name="A", version="2")
    assert (entry["display_name"], entry["version"], entry["identity"]) == ("A", "2", pod.identity.fingerprint)


def test_the_catalogue_tells_what_pods_published(hub, tmp_path):
    pod, alice = hub.pod("demo", "told-a", tmp_path), hub.enrol("alice")
    card = Card(datasource="patients", stage="full", columns=(CardColumn(name="age", type="integer", semantic="continuous"),))
    pod.client.publish_card(pod.address, card.model_copy(update={"stage": "partial"}))
    pod.client.publish_card(pod.address, card)
    assert alice.client.card(pod.address, "patients") == card
    (entry,) = [entry for entry in alice.client.pods() if entry["identifier"] == pod.address]
    assert entry == alice.client.pod(pod.address)
    assert (entry["identifier"], entry["status"], entry["datasources"]) == ("demo/told-a", "online", ["patients"])
    assert entry["statement"] == statement(pod.identity, tmp_path).model_dump(mode="json")
    assert pod.client.heartbeat(pod.address) <= 15
    refused("not_yours", alice.client.publish_card, pod.address, card)
    pod.client.unpublish(pod.address, "patients")
    pod.client.unpublish(pod.address, "patients")
    refused("unknown_datasource", alice.client.card, pod.address, "patients")
    refused("unknown_pod", alice.client.pod, "demo/told-b")


def test_everything_is_known_after_a_restart(hub, tmp_path):
    pod, alice = hub.pod("demo", "kept", tmp_path), hub.enrol("alice")
    before, admin, port = hub.enrol("x").client.health(), hub.admin_key, hub.port
    hub.kill()
    hub.close()
    hub.start(port=port)
    assert hub.admin_key == admin
    assert alice.client.health() == before
    assert "demo/kept" in [entry["identifier"] for entry in alice.client.pods()]
    assert pod.client.heartbeat(pod.address)
    assert hub.enrol("bob").client.pods()


@pytest.mark.parametrize(
    ("method", "path", "send", "status", "code", "names"),
    [
        ("POST", "/v1/invites", {"json": {"owner": "bob", "hour": 3}}, 422, "unknown_field", "hour"),
        ("POST", "/v1/invites", {"json": {"owner": "Bob!"}}, 422, "invalid", "owner"),
        ("POST", "/v1/invites", {"json": {"hours": 3}}, 422, "invalid", "owner"),
        ("POST", "/v1/invites", {"content": b"[" * 60_000}, 400, "bad_request", ""),
        ("POST", "/v1/invites", {"content": b'{"owner": '}, 422, "invalid", ""),
        ("POST", "/v1/invites", {"content": b" " * 65_537}, 413, "too_large", "65536"),
        ("POST", "/v1/messages", {"content": b"x" * 262_145}, 413, "too_large", "262144"),
        ("POST", "/v1/messages", {"content": iter([b"x" * 200_000] * 2)}, 413, "too_large", "262144"),
        ("POST", "/v1/messages", {"content": b"x", "headers": {"Content-Encoding": "gzip"}}, 415, "content_encoding", ""),
        ("POST", "/v1/messages", {"content": b"PODM\x01nonsense"}, 400, "message_refused", "frame"),
        ("PUT", "/v1/pods/alice/a..b", {"json": {}}, 422, "invalid", "name"),
        ("PUT", "/v1/pods/alice/A", {"json": {}}, 422, "invalid", "name"),
        ("POST", "/v1/mailbox/alice/lease?wait=1000", {}, 422, "invalid", "wait"),
        ("GET", "/v1/nothing", {}, 404, "not_found", ""),
        ("GET", "/docs", {}, 404, "not_found", ""),
        ("GET", "/redoc", {}, 404, "not_found", ""),
        ("DELETE", "/v1/pods", {}, 405, "method_not_allowed", ""),
    ],
)
def test_what_is_malformed_is_refused_by_name(plain, method, path, send, status, code, names):
    hub, api_key = plain
    octets = "application/octet-stream" if "messages" in path else "application/json"
    headers = {"Authorization": f"Bearer {hub.admin_key if path == '/v1/invites' else api_key}", "Content-Type": octets}
    send = {**send, "headers": {**headers, **send.get("headers", {})}}
    answer = httpx.request(method, hub.url + path, **send)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code), error
    assert set(error) == {"code", "message", "remedy"}
    assert names in error["message"]
    assert httpx.get(f"{hub.url}/v1/health").json()["status"] == "ok"


def test_the_database_holds_no_secret_and_no_body(tmp_path):
    hub = HubProcess(tmp_path / "home").start()
    try:
        alice, pod = hub.enrol("alice"), hub.pod("demo", "clinic-a", tmp_path)
        code = alice.client.invite("bob", admin_key=hub.admin_key)
        mid = alice.send(pod.address, body=b'{"canary":"CANARY-7f3a"}')
        kept, done = alice.message(pod.address, mid=mid, body=b"CANARY-7f3a"), pod.take()
        assert b"CANARY-7f3a" not in kept
        files = [path for path in (tmp_path / "home" / "hub").iterdir() if path.name.startswith("hub.db")]
        assert {path.name for path in files} >= {"hub.db", "hub.db-wal"}
        stored = b"".join(path.read_bytes() for path in files)
        assert mid.encode() in stored  # the message is there …
        assert done.raw[-64:] in stored  # … with its sealed bytes
        secrets = [b"CANARY-7f3a", code.encode(), hub.admin_key.encode(), hub.admin_key[3:].encode()]
        secrets += [person.client.api_key.split("_")[2].encode() for person in (alice, pod)]
        assert [secret for secret in secrets if secret in stored] == []
        pod.client.ack(mid, attempt=done.attempt)
        with sqlite3.connect(tmp_path / "home" / "hub" / "hub.db") as db:
            assert db.execute("select body, acked from hub_messages").fetchall() == [(None, 1)]
        assert {oct(path.stat().st_mode & 0o777) for path in (tmp_path / "home" / "hub").iterdir()} == {"0o600"}
    finally:
        hub.close()


def test_an_expired_code_and_an_expired_key_are_refused(tmp_path):
    hub = HubProcess(tmp_path / "home").start()
    try:
        alice, client = hub.enrol("alice"), HubClient(hub.url)
        code = client.invite("bob", admin_key=hub.admin_key, hours=1)
        hub.kill()  # the hub forgets what it had looked up; then the clock is turned by hand
        hub.close()
        with sqlite3.connect(tmp_path / "home" / "hub" / "hub.db") as db:
            for table in ("hub_invites", "hub_api_keys"):
                assert db.execute(f"update {table} set expires = ?", (int(time.time()) - 1,)).rowcount > 0
        hub.start(port=hub.port)
        refused("bad_code", client.enrol, code, owner="bob", identity=RSAKeyPair.generate(kind="ed25519"))
        refused("key_expired", alice.client.pods)
        wrong = alice.client.api_key[:-1] + ("0" if alice.client.api_key[-1] != "0" else "1")
        refused("unauthorized", HubClient(hub.url, wrong).pods)
    finally:
        hub.close()


def test_proxies_in_the_environment_are_not_asked_for_this_machine(tmp_path, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    hub = HubProcess(tmp_path / "home").start()
    try:
        assert HubClient(hub.url).health()["status"] == "ok"
    finally:
        hub.close()
