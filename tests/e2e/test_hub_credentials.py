"""Signing in to a real hub: saved keys, codes, and the hub of one's own laptop."""

from __future__ import annotations

import inspect
import json
import stat

import pytest
from hub_process import HubProcess

from podium.crypto.keys import RSAKeyPair
from podium.errors import HubError, HubUnavailable
from podium.wire.credentials import saved_key, sign_in
from podium.wire.hub import AsyncHubClient, HubClient


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    found = HubProcess(tmp_path_factory.mktemp("home")).start()
    yield found
    found.close()


@pytest.fixture
def hub(started):
    """One for all; who stopped it need not start it again."""
    if started.process.poll() is not None:
        started.close()
        started.start()
    return started


@pytest.fixture
def me():
    return RSAKeyPair.generate(kind="ed25519")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("PODIUM_HOME", str(tmp_path / "mine"))
    monkeypatch.delenv("PODIUM_HUB_CODE", raising=False)


def test_a_code_is_used_and_the_key_is_kept_in_a_private_file(hub, me, tmp_path):
    client = HubClient(hub.url)
    code = client.invite("alice", admin_key=hub.admin_key)
    key = sign_in(client, me, "alice", code)
    assert client.pods() == []
    path = tmp_path / "mine" / "credentials.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_bytes()) == {hub.url: {me.fingerprint: {"owner": "alice", "api_key": key}}}
    assert sign_in(HubClient(hub.url), me, "alice") == key
    assert saved_key(hub.url, me.fingerprint, owner="bob") == ""


def test_the_environments_code_is_used(hub, me, monkeypatch):
    monkeypatch.setenv("PODIUM_HUB_CODE", HubClient(hub.url).invite("alice", admin_key=hub.admin_key))
    client = HubClient(hub.url)
    assert sign_in(client, me, "alice") == client.api_key


def test_without_a_code_the_remedy_says_whom_to_ask(hub, me):
    with pytest.raises(HubError) as error:
        sign_in(HubClient(hub.url), me, "alice")
    assert error.value.remedy == "Ask the operator for a code: podium hub invite alice"


def test_on_ones_own_hub_no_code_is_needed(hub, me, monkeypatch):
    monkeypatch.setenv("PODIUM_HOME", str(hub.home))
    client = HubClient(hub.url)
    sign_in(client, me, "alice")
    assert client.identity(me.fingerprint)["owner"] == "alice"
    # … but the admin key is shown to no other hub.
    elsewhere = HubClient(hub.url.replace("127.0.0.1", "localhost"))
    with pytest.raises(HubError, match="has not enrolled"):
        sign_in(elsewhere, me, "bob")


def test_a_saved_key_the_hub_has_forgotten_is_replaced(hub, me, monkeypatch):
    monkeypatch.setenv("PODIUM_HOME", str(hub.home))
    first = sign_in(HubClient(hub.url), me, "alice")
    port = hub.port
    hub.kill()
    hub.close()
    for path in (hub.home / "hub").glob("hub.db*"):
        path.unlink()
    hub.start(port=port)
    client = HubClient(hub.url)
    assert sign_in(client, me, "alice") != first
    assert client.pods() == []


def test_a_hub_that_is_away_is_called_unavailable(hub, me):
    client = HubClient(hub.url)
    hub.stop()
    with pytest.raises(HubUnavailable) as error:
        sign_in(client, me, "alice", "code")
    assert hub.url in error.value.remedy
    assert error.value.transient


async def test_the_async_client_says_and_raises_the_same(hub, me):
    waits = HubClient(hub.url)
    sign_in(waits, me, "alice", waits.invite("alice", admin_key=hub.admin_key))
    async with AsyncHubClient(hub.url, waits.api_key) as awaits:
        assert await awaits.health() == waits.health()
        assert await awaits.identity(me.fingerprint) == waits.identity(me.fingerprint)
        assert await awaits.lease("alice", wait=0) is None
        with pytest.raises(HubError) as error:
            await awaits.pod("demo/nobody")
        assert error.value.code == "unknown_pod"
        hub.stop()
        with pytest.raises(HubUnavailable):
            await awaits.health()


def test_both_clients_have_every_call():
    from podium.wire import calls

    names = {
        name for name, value in vars(calls).items() if inspect.isfunction(value) and value.__module__ == calls.__name__ and name[0] != "_"
    }
    names -= {"refusal", "not_a_hub"}
    assert len(names) == 17
    for client in (HubClient, AsyncHubClient):
        assert names <= set(vars(client))
