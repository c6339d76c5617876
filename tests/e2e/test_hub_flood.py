"""What one connection, with a key or without, can make a hub hold; and what it must be able to hold."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hub_process import HubProcess

from podium.contracts import Card, CardColumn

MIB = 1 << 20


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    made = HubProcess(tmp_path_factory.mktemp("home")).start()
    yield made
    made.close()


def test_a_card_of_five_thousand_columns_can_be_published(hub: HubProcess, tmp_path: Path):
    """Gene expression, claims, questionnaires: tables are wide. A schema may have 10,000 columns."""
    pod = hub.pod("demo", "a", tmp_path)
    columns = tuple(CardColumn(name=f"expression_of_gene_{i:05d}", type="number", semantic="continuous") for i in range(5_000))
    pod.client.publish_card("demo/a", Card(datasource="genes", stage="full", columns=columns))
    assert len(pod.client.card("demo/a", "genes").columns) == 5_000


@pytest.mark.parametrize("flood", [b"x" * 65_536, b"x-a: b\r\n" * 8_192], ids=["one endless header", "endless headers"])
def test_headers_without_end_cost_the_hub_nothing(hub: HubProcess, flood: bytes):
    process = psutil.Process(hub.process.pid)
    before = process.memory_info().rss
    with socket.create_connection(("127.0.0.1", hub.port), timeout=5) as line:
        line.sendall(b"GET /v1/health HTTP/1.1\r\nHost: hub\r\nX-Long: ")
        sent = 0
        try:
            while sent < 64 * MIB:
                line.sendall(flood)
                sent += len(flood)
        except OSError:
            pass  # closed on us: as it should be
        time.sleep(0.2)
        assert process.memory_info().rss - before < 16 * MIB, (
            f"{sent >> 20} MiB sent, {(process.memory_info().rss - before) >> 20} MiB held"
        )
    assert hub.enrol("ana").client.health()["status"] == "ok"


def test_connections_that_say_nothing_do_not_keep_others_out(hub: HubProcess):
    lines = [socket.create_connection(("127.0.0.1", hub.port), timeout=5) for _ in range(300)]
    try:
        for line in lines:
            line.sendall(b"POST /v1/messages HTTP/1.1\r\nHost: hub\r\n")
        assert hub.enrol("ana").client.health()["status"] == "ok"
    finally:
        for line in lines:
            line.close()
