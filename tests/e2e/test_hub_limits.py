"""What a hub counts, how much it lets wait, and that it keeps what a newer pod tells of its data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import httpx
import pytest
from hub_process import HubProcess

from podium.contracts import Card, CardColumn
from podium.errors import HubError
from podium.hub.app import create_app
from podium.hub.settings import HubSettings
from podium.wire.hub import HubClient


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    found = HubProcess(tmp_path_factory.mktemp("home")).start()
    yield found
    found.close()


def test_a_newer_pods_card_is_kept_as_it_came(hub, tmp_path):
    pod = hub.pod("demo", "newer", tmp_path)
    column = {"name": "age", "type": "integer", "semantic": "continuous", "instrument": "scale"}
    card = {"datasource": "patients", "stage": "full", "columns": [column], "licence": {"name": "CC-BY"}}
    url = f"{hub.url}/v1/pods/{pod.address}/catalogue/patients"
    headers = {"Authorization": f"Bearer {pod.client.api_key}"}
    assert httpx.put(url, json=card, headers=headers).status_code == 200
    kept = httpx.get(url, headers=headers).json()
    assert (kept["licence"], kept["columns"][0]["instrument"]) == ({"name": "CC-BY"}, "scale")
    columns = (CardColumn(name="age", type="integer", semantic="continuous"),)
    assert pod.client.card(pod.address, "patients") == Card(datasource="patients", stage="full", columns=columns)  # what we know of it
    # Another version of the card is another matter, and so is nonsense.
    for wrong, field in [
        ({"v": 2}, "v"),
        ({"columns": [{"name": "x", "type": "x"}]}, "columns.0.type"),
        ({"x": json.loads("[" * 300 + "]" * 300)}, ""),
    ]:
        answer = httpx.put(url, json={**card, **wrong}, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")
        assert answer.json()["error"]["message"].startswith(field)
    assert httpx.get(url, headers=headers).json() == kept


def test_the_counters_balance_and_outlive_a_restart(tmp_path):
    hub = HubProcess(tmp_path / "home").start()
    try:
        alice, pod = hub.enrol("alice"), hub.pod("demo", "a", tmp_path)
        for life in (600, 600, 600, 1):
            alice.send(pod.address, life=life)
        first, _ = pod.take(), pod.take()
        pod.client.ack(first.mid, attempt=1)
        time.sleep(1.1)  # one expires
        counted = {"in": 4, "out": 1, "queued": 1, "leased": 1, "expired": 1}
        for _ in range(2):
            found = alice.client.counters(admin_key=hub.admin_key)
            assert (found["messages"], found["people"], found["pods"]) == (counted, 2, {"registered": 1, "online": 1})
            port = hub.port
            hub.kill()
            hub.close()
            hub.start(port=port)
        with pytest.raises(HubError) as error:
            alice.client.counters(admin_key=alice.client.api_key)
        assert error.value.code == "unauthorized"
        env = {**os.environ, "PODIUM_HOME": str(hub.home)}
        command = [sys.executable, "-P", "-c", "from podium.cli import main; main()", "hub", "status", "--json"]
        said = json.loads(subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout)
        assert (said["messages"], said["pods"]["online"], said["status"]) == (counted, 1, "ok")
        env["PODIUM_HOME"] = str(tmp_path / "elsewhere")  # no admin key: only that it answers
        said = json.loads(subprocess.run([*command, "--hub", hub.url], env=env, capture_output=True, text=True, check=True).stdout)
        assert ("messages" in said, said["status"]) == (False, "ok")
    finally:
        hub.close()


@pytest.fixture
async def small(tmp_path, monkeypatch):
    """A hub in this process, over HTTP's own shapes, that lets little wait; with three who know it."""
    now = [time.time()]
    app = create_app(HubSettings(folder=tmp_path / "hub", sender_waiting=3, address_waiting=5), clock=lambda: now[0])
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub") as http:
        yield app.state.hub, http, now


async def test_what_waits_is_limited_by_sender_and_by_address(small, tmp_path):
    hub, http, now = small
    people = {owner: await enrolled(http, hub, owner) for owner in ("alice", "bob", "carol")}

    async def post(owner, to="carol", raw=None, **fields):
        person = people[owner]
        raw = raw or person.message(to, **fields)
        sent = {"Authorization": f"Bearer {person.client.api_key}", "Content-Type": "application/octet-stream"}
        answer = await http.post("/v1/messages", content=raw, headers=sent)
        return answer.status_code, answer.json()["error"]["code"] if answer.status_code >= 400 else "", answer.headers.get("retry-after")

    known = people["alice"].message("carol")
    assert await post("alice", raw=known) == (201, "", None)
    assert [(await post("alice", life=100))[0] for _ in range(2)] == [201, 201]
    assert await post("alice") == (429, "too_many_waiting", "60")
    assert await post("alice", to="bob") == (429, "too_many_waiting", "60")  # whoever it is for
    assert await post("alice", raw=known) == (200, "", None)  # it is here already
    assert [(await post("bob"))[0] for _ in range(2)] == [201, 201]
    assert await post("bob") == (429, "mailbox_full", "60")
    assert (await post("bob", to="alice"))[0] == 201
    # Acknowledged: one more.
    headers = {"Authorization": f"Bearer {people['carol'].client.api_key}"}
    leased = await http.post("/v1/mailbox/carol/lease?wait=0", headers=headers)
    for _ in range(2):  # the second time changes nothing
        acked = await http.post(f"/v1/messages/{leased.headers['x-message-id']}/ack", json={"attempt": 1}, headers=headers)
        assert acked.status_code == 200
    assert [(await post("alice"))[0] for _ in range(2)] == [201, 429]
    # Two have expired: the next count finds it.
    now[0] += 200
    await hub.tidy()
    assert [(await post("alice"))[0] for _ in range(3)] == [201, 201, 429]


async def enrolled(http, hub, owner):
    """Someone who has enrolled, over this connection."""
    import base64

    from hub_process import Person

    from podium.crypto.keys import RSAKeyPair, public_pem
    from podium.wire.calls import ENROL

    identity = RSAKeyPair.generate(kind="ed25519")
    admin = (hub.settings.folder / "admin.key").read_text().strip()
    code = (await http.post("/v1/invites", json={"owner": owner}, headers={"Authorization": f"Bearer {admin}"})).json()["code"]
    proof = {"public_key": public_pem(identity.public_key), "signature": base64.b64encode(identity.sign(ENROL + code.encode())).decode()}
    key = (await http.post("/v1/enrol", json={"code": code, "owner": owner, **proof})).json()["api_key"]
    return Person(owner, identity, HubClient("http://hub", key))
