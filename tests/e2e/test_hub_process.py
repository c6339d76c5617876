"""The hub as a process: ports, ends, and what it loads."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import os
import socket
import subprocess
import sys
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hub_process import HubProcess, databases, until

from podium.errors import HubUnavailable
from podium.wire.hub import HubClient


@pytest.fixture
def hub(tmp_path):
    found = HubProcess(tmp_path / "home").start()
    yield found
    found.close()


def test_a_taken_port_gives_the_next_free_one_and_says_so(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        hub = HubProcess(tmp_path / "home").start(port=port)
        try:
            assert hub.port > port
            assert json.loads((tmp_path / "home" / "hub" / "hub.json").read_text()) == {"url": hub.url, "pid": hub.process.pid}
            assert HubClient(hub.url).health()["status"] == "ok"
            hub.stop()
            said = hub.process.stderr.read()
            assert f"Port {port} is taken: the hub listens on {hub.port}." in said
        finally:
            hub.close()


def test_a_second_hub_of_the_same_home_is_refused(hub):
    code, said = ended(hub.home)
    assert (code, "running already" in said) == (5, True)
    assert HubClient(hub.url).health()["status"] == "ok"


def ended(home, *extra, database=""):
    """The exit code and what is said on stderr by a hub that does not start."""
    command = [sys.executable, "-P", "-m", "podium.hub", "--port", "0", *extra]
    env = {**os.environ, "PODIUM_HOME": str(home), "PODIUM_HUB_DB": database}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=30)
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_two_hubs_do_not_share_a_database(tmp_path):
    made = databases(tmp_path)
    database = next(made)()
    hub = HubProcess(tmp_path / "home", database).start()
    try:
        code, said = ended(tmp_path / "other", database=database)
        assert (code, "another hub uses this database" in said, "Traceback" in said) == (2, True, False)
        hub.kill()  # the database itself notices that the hub is gone
        hub.close()
        hub.start()
    finally:
        hub.close()
        assert next(made, None) is None


@pytest.mark.parametrize("database", ["nonsense", "oracle://x/y", "sqlite:////nowhere/hub.db", "postgresql+psycopg://127.0.0.1:1/x"])
def test_a_database_that_cannot_be_opened_is_said_plainly(tmp_path, database):
    code, said = ended(tmp_path / "home", database=database)
    assert (code, said.startswith("error: database: "), "Traceback" in said) == (2, True, False)


def test_it_speaks_tls(tmp_path, monkeypatch):
    cert, key = self_signed(tmp_path)
    hub = HubProcess(tmp_path / "home").start("--tls-cert", str(cert), "--tls-key", str(key))
    try:
        assert hub.url.startswith("https://127.0.0.1:")
        with pytest.raises(HubUnavailable):
            HubClient(hub.url).health()
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        assert HubClient(hub.url).health()["status"] == "ok"
    finally:
        hub.close()


def self_signed(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hub")]), dt.datetime.now(dt.UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    cert = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + dt.timedelta(days=1)).add_extension(here, False)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(private)
    (folder / "cert.pem").write_bytes(cert.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return folder / "cert.pem", folder / "key.pem"


def test_listening_beyond_this_machine_without_tls_is_warned_of(tmp_path):
    hub = HubProcess(tmp_path / "home").start("--host", "0.0.0.0")
    try:
        assert hub.stop() == 0
        assert "WARNING" in hub.process.stderr.read()
    finally:
        hub.close()


def test_sigterm_ends_it_within_five_seconds_with_polls_open(hub, tmp_path):
    alice = hub.enrol("alice")
    polls, answers = [threading.Thread(target=lambda: answers.append(alice.take(wait=30))) for _ in range(5)], []
    for poll in polls:
        poll.start()
    time.sleep(0.7)
    assert answers == []
    start = time.monotonic()
    assert hub.stop() == 0
    assert time.monotonic() - start < 5
    for poll in polls:
        poll.join(5)
    assert answers == [None] * 5
    assert not (hub.home / "hub" / "hub.json").exists()
    assert "Traceback" not in hub.process.stderr.read()


def test_the_lifeline_takes_it_along(tmp_path):
    hub = HubProcess(tmp_path / "home").start("--lifeline")
    try:
        time.sleep(0.3)
        assert hub.process.poll() is None
        hub.process.stdin.close()
        assert hub.process.wait(5) == 0
    finally:
        hub.close()


def test_without_a_lifeline_the_end_of_input_means_nothing(hub):
    hub.process.stdin.close()
    time.sleep(1)
    assert HubClient(hub.url).health()["status"] == "ok"


def test_a_pod_is_offline_after_half_a_minute_without_a_heartbeat(hub, tmp_path, monkeypatch):
    pod = hub.pod("demo", "clinic-a", tmp_path)
    until(lambda: _last_seen(hub) > 0)
    hub.kill()
    hub.close()
    _turn_back(hub, 31)
    hub.start(port=hub.port)
    assert pod.client.pod(pod.address)["status"] == "offline"
    pod.client.heartbeat(pod.address)
    assert pod.client.pod(pod.address)["status"] == "online"


def test_it_loads_nothing_that_touches_data(tmp_path):
    banned = "pandas pandera duckdb polars pyarrow prefect podium.datasources podium.algorithms podium.client rich typer"
    code = f"import sys, podium.hub.__main__; print([m for m in {banned.split()} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_the_command_line_starts_it_invites_and_tells(tmp_path):
    env = {**os.environ, "PODIUM_HOME": str(tmp_path / "home")}
    podium = [sys.executable, "-P", "-c", "from podium.cli import main; main()", "hub"]
    start = [*podium, "start", "--port", "0", "--json", "--lifeline"]
    with subprocess.Popen(start, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as hub:
        try:
            known = json.loads(hub.stdout.readline())
            assert known["pid"] == hub.pid

            def say(*words):
                return json.loads(subprocess.run([*podium, *words, "--json"], env=env, capture_output=True, text=True, check=True).stdout)

            assert say("status")["url"] == known["url"]
            invited = say("invite", "alice")
            assert (invited["owner"], len(invited["code"])) == ("alice", 40)
            hub.stdin.close()
            assert hub.wait(5) == 0
            late = subprocess.run([*podium, "invite", "bob", "--json"], env=env, capture_output=True, text=True)
            assert (late.returncode, json.loads(late.stdout)["error"]["code"]) == (5, "no_hub_here")
        finally:
            hub.kill()


def _last_seen(hub):
    import sqlite3

    with sqlite3.connect(hub.home / "hub" / "hub.db") as db:
        return db.execute("select last_seen from hub_pods").fetchone()[0]


def _turn_back(hub, seconds):
    import sqlite3

    with sqlite3.connect(hub.home / "hub" / "hub.db") as db:
        db.execute("update hub_pods set last_seen = last_seen - ?", (seconds,))
