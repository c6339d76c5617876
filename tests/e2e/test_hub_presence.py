"""Who is online: to the hub an open poll is a heartbeat, and a pod that polls sends no other."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace

import httpx
import pytest
from hub_process import HubProcess

from podium.errors import HubUnavailable
from podium.hub.app import create_app
from podium.hub.presence import Presence
from podium.hub.settings import HubSettings
from podium.runner.supervise import Supervisor
from podium.wire.calls import POLL_SECONDS
from podium.wire.hub import AsyncHubClient
from tasks.lease import lease


def test_one_who_waits_is_seen_now_and_last_seen_when_the_wait_is_over():
    presence, now = Presence(), [100.0]
    presence.beat("demo/a", 50.0)
    with presence.waiting("demo/a", lambda: now[0]), presence.waiting("demo/a", lambda: now[0]):
        now[0] = 200.0
        assert presence.last_seen("demo/a", 0.0, now[0]) == 200.0
    assert presence.last_seen("demo/a", 0.0, 500.0) == 200.0
    assert presence.last_seen("demo/a", 300.0, 500.0) == 300.0
    assert presence.take() == {"demo/a": 200.0}


async def test_only_a_poll_that_its_caller_may_make_makes_a_pod_online(tmp_path, monkeypatch):
    monkeypatch.setenv("PODIUM_HOME", str(tmp_path / "home"))
    hub = await asyncio.to_thread(HubProcess(tmp_path / "home").start)
    try:
        pod, mallory = await asyncio.to_thread(hub.pod, "demo", "a", tmp_path), await asyncio.to_thread(hub.enrol, "mallory")
    finally:
        await asyncio.to_thread(hub.stop)
        hub.close()
    now = [time.time() + 1000]
    app = create_app(HubSettings(folder=tmp_path / "home" / "hub"), clock=lambda: now[0])
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub") as http:

        def poll(person, wait):
            headers = {"Authorization": f"Bearer {person.client.api_key}"}
            return http.post(f"/v1/mailbox/demo/a/lease?wait={wait}", headers=headers)

        async def status():
            headers = {"Authorization": f"Bearer {pod.client.api_key}"}
            return (await http.get("/v1/pods/demo/a", headers=headers)).json()["status"]

        assert await status() == "offline"
        assert (await poll(mallory, 1)).status_code == 403
        assert await status() == "offline"
        waits = asyncio.create_task(poll(pod, 50))
        while not app.state.hub.presence._waiting:
            await asyncio.sleep(0.01)
        now[0] += 1000
        assert await status() == "online"
        app.state.hub.bell.close()  # the hub sends its polls home
        assert (await waits).status_code == 204
        assert await status() == "online"
        now[0] += 31
        assert await status() == "offline"


async def test_a_pod_that_polls_sends_no_heartbeat_until_a_poll_fails(tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")  # not asked here
    hub = HubProcess(tmp_path / "home").start()
    try:
        pod, alice = hub.pod("demo", "a", tmp_path), hub.enrol("alice")
        mid = alice.send(pod.address)
        received, state = [], {}
        async with AsyncHubClient(hub.url, pod.client.api_key) as client:
            runs, config = (
                SimpleNamespace(receive=lambda *_, **fields: received.append(fields["mid"])),
                SimpleNamespace(identifier=pod.address, message_service=SimpleNamespace(poll_seconds=POLL_SECONDS)),
            )
            desk = SimpleNamespace(
                hub=client, mail=client, runs=runs, config=config, state=SimpleNamespace(set=state.update), heard_until=0.0
            )
            beat = Supervisor(desk, SimpleNamespace(computation=None))._heartbeat
            await lease(desk)
            assert received == [mid]
            assert desk.heard_until > time.monotonic() + POLL_SECONDS
            await beat()
            assert state == {}  # it has nothing to say
            hub.kill()
            with pytest.raises(HubUnavailable):
                await lease(desk)
            await beat()
            assert "cannot be reached" in state["hub"]
    finally:
        hub.close()
