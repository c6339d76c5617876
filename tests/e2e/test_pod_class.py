"""`podium.Pod`, argument by argument, on real processes. One pod that is given nearly everything serves most of these tests."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from hub_process import HubProcess
from town import Town, patients, until

import podium
from podium.config import home as podium_home
from podium.config import local_user, pod_folder
from podium.contracts import Column, Status
from podium.datasources import Csv, Frame, Parquet
from podium.state import read_state

ASK = {"pods": ["demo/a"], "datasource": "patients", "timeout": 60}


class Recorder:
    """Another address of the hub, which notes what is asked there."""

    def __init__(self, url: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        self.behind, self.asked = (host, int(port)), []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self.listening.accept()
            except OSError:
                return
            there = socket.create_connection(self.behind)
            threading.Thread(target=self._carry, args=(here, there, True), daemon=True).start()
            threading.Thread(target=self._carry, args=(there, here, False), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, noted: bool) -> None:
        try:
            while part := source.recv(1 << 16):
                if noted:
                    self.asked += [line for line in part.decode("latin-1").splitlines() if line.endswith("HTTP/1.1")]
                sink.sendall(part)
        except OSError:
            pass
        finally:
            sink.close()


class Manager:
    """Says what it is told to say, in the loop of whoever started the pod."""

    def __init__(self) -> None:
        self.says: Any = True
        self.seen: list[podium.TaskView] = []
        self.loops: set[object] = set()

    async def check(self, task: podium.TaskView) -> bool:
        self.seen.append(task)
        self.loops.add(asyncio.get_running_loop())
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


class Serving:
    """A pod that is awaited in a thread of this process."""

    def __init__(self, pod: podium.Pod) -> None:
        self.pod, self.failure = pod, None
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self.thread.start()

    async def _serve(self) -> None:
        self.loop, self.task = asyncio.get_running_loop(), asyncio.current_task()
        try:
            await self.pod.start_async()
        except asyncio.CancelledError:
            pass
        except Exception as error:  # noqa: BLE001 - told by ready()
            self.failure = error

    def ready(self) -> None:
        folder = pod_folder(self.pod.pod_identifier)

        def settled() -> bool:
            assert self.failure is None, self.failure
            state = read_state(folder)
            return state is not None and state.phase == "serving" and not {"checked", "partial"} & set(state.datasources.values())

        until(settled, seconds=120, why=lambda: str(read_state(folder)))

    def close(self) -> None:
        if self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.task.cancel)
            self.thread.join(30)
        assert not self.thread.is_alive()


def table(size: int) -> Any:
    return patients(size).assign(ward=[i % 3 for i in range(size)], remarks="canaryremark")


def api_keys(hub: HubProcess, keys: podium.RSAKeyPair) -> podium.APIKeys:
    """What somebody gets who enrols this identity as `demo`."""
    client = podium.wire.hub.HubClient(hub.url)
    code = client.invite("demo", admin_key=hub.admin_key)
    _, key_id, key = client.enrol(code, owner="demo", identity=keys)["api_key"].split("_")
    client.close()
    return podium.APIKeys(access_key_id=key_id, access_key=key)


@pytest.fixture(scope="module")
def stage(prefect_server: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A hub of somebody else's, a pod that is given everything, an analyst who has enrolled."""
    folder = tmp_path_factory.mktemp("pod-class")
    hub = HubProcess(folder / "operator").start()
    town, recorder, manager = Town(folder), Recorder(hub.url), Manager()
    town.url, keys = hub.url, podium.RSAKeyPair.generate(kind="ed25519")
    rows = table(200)
    rows.to_csv(folder / "patients.csv", index=False)
    rows[["age", "sex"]].to_parquet(folder / "visits.parquet", index=False)
    sex = Column(name="sex", type="text", semantic="text", description="as written down")
    given = podium.DatasourceSchema(
        datasource="any", stage="full", columns=(sex, Column(name="age", type="integer", semantic="continuous", nullable=False))
    )
    config = podium.PodDataConfig(ignore_columns=["remarks"], force_types={"ward": "text"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PODIUM_HOME", str(town.home))
        with pytest.warns(DeprecationWarning, match="pod_details_config"):
            pod = podium.Pod(
                name="a",
                datasources=[
                    podium.DatasourceContainerConfig(
                        Csv(path=folder / "patients.csv", key=("patient",)), name="patients", data_config=config
                    ),
                    podium.DatasourceContainerConfig(Parquet(name="visits", path=folder / "visits.parquet"), schema=given),
                    Frame.of(rows[["age"]], name="stays"),
                ],
                username="demo",
                pod_details_config=podium.PodDetailsConfig("Clinic A", "Two hundred patients"),
                hub=podium.HubConfig(hub.url),
                message_service=podium.MessageServiceConfig(recorder.url, poll_seconds=3),
                access_manager=manager,
                pod_keys=keys,
                pod_db=podium.PodDbConfig(path=folder / "own.db"),
                secrets=api_keys(hub, keys),
            )
        serving = Serving(pod)
        try:
            serving.ready()
            client = podium.wire.hub.HubClient(hub.url)
            code = client.invite("ana", admin_key=hub.admin_key)
            client.close()
            session = podium.connect(hub.url, user="ana", code=code, home=town.home)
            yield SimpleNamespace(
                folder=folder, hub=hub, town=town, recorder=recorder, manager=manager, keys=keys, pod=pod, serving=serving, session=session
            )
        finally:
            serving.close()
            recorder.listening.close()
            hub.close()


@pytest.fixture
def elsewhere(stage: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another PODIUM_HOME, which the stage's hub knows nothing of; a table in it."""
    monkeypatch.setenv("PODIUM_HOME", str(tmp_path / "home"))
    patients(50).to_csv(tmp_path / "patients.csv", index=False)
    return tmp_path


def rows(stage: SimpleNamespace, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(f"file:{stage.folder / 'own.db'}?mode=ro", uri=True) as database:
        return database.execute(query).fetchall()


def test_details_are_shown_at_the_hub(stage: SimpleNamespace) -> None:
    (pod,) = stage.session.pods().to_dict("records")
    assert (pod["identifier"], pod["status"]) == ("demo/a", "online")
    assert (pod["display_name"], pod["description"]) == ("Clinic A", "Two hundred patients")
    assert sorted(pod["datasources"]) == ["patients", "stays", "visits"]


def test_containers_schemas_and_data_configs(stage: SimpleNamespace) -> None:
    shown = {name: stage.session.schema("demo/a", name).set_index("column") for name in ("patients", "visits", "stays")}
    assert shown["patients"]["semantic"].to_dict() == {"patient": "identifier", "age": "continuous", "sex": "categorical", "ward": "text"}
    assert shown["visits"]["semantic"].to_dict() == {"sex": "text", "age": "continuous"}, "the given schema is not used"
    assert shown["visits"]["description"]["sex"] == "as written down"
    assert list(shown["stays"].index) == ["age"]
    folder = pod_folder("demo/a")
    looks = re.findall(r"profiled  datasource=\w+  stage=(\w+)", (folder / "pod.log").read_text())
    assert looks[:3] == ["partial", "partial", "full"], "one whole pass kept the other from being served"
    assert (folder / "contracts" / "visits.yaml").is_file()
    saved = podium.DatasourceSchema.model_validate_json((folder / "schemas" / "patients.json").read_text())
    assert (saved.rows, saved.stage) == (200, "full")
    assert not (folder / "schemas" / "visits.json").exists(), "it was generated although it was given"
    assert b"canaryremark" not in b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".parquet")


def test_an_access_manager_can_only_say_no(stage: SimpleNamespace) -> None:
    mean, manager = podium.algorithms.Mean(column="age", by="sex"), stage.manager
    answers = [stage.session.ask(mean, **ASK)]
    assert manager.seen == [], "it was asked although no grant covers the task"
    stage.town.grant("a", stage.session)
    for manager.says in (False, RuntimeError("canary"), "yes"):
        answers.append(stage.session.ask(mean, **ASK))
    assert [answer.status for answer in answers] == [Status.REJECTED] * 4
    assert len({(run.code, run.message) for answer in answers for run in answer.runs.values()}) == 1, "refusals differ from outside"
    manager.says = True
    assert stage.session.ask(mean, **ASK).status is Status.RELEASED
    reasons = ["no_grant", "access_manager", "access_manager_failed", "access_manager_failed", ""]
    decided = rows(stage, "SELECT reasons, rows_read FROM decision JOIN run ON run.id = decision.run ORDER BY run.no")
    assert decided == [*((reason, None) for reason in reasons[:4]), ("", 200)]
    ((digest,),) = rows(stage, "SELECT DISTINCT task_digest FROM decision")
    view = podium.TaskView(
        analyst=stage.session.fingerprint, algorithm="mean", datasource="patients", columns=("age", "sex"), digest=digest
    )
    assert manager.seen == [view] * 4
    assert manager.loops == {stage.serving.loop}


def test_messages_take_the_message_services_way(stage: SimpleNamespace) -> None:
    until(lambda: any("/lease?" in line for line in stage.recorder.asked))
    ways = {line.split()[1].split("?")[0] for line in stage.recorder.asked}
    assert "/v1/mailbox/demo/a/lease" in ways
    assert {way.split("/")[2] for way in ways} <= {"mailbox", "messages"}, "more than messages goes there"
    leases = [
        line for line in stage.recorder.asked if "/lease?" in line and "task= " in line
    ]  # the others look for a task's further messages
    assert all("wait=3&" in line for line in leases), leases[:1]
    before = len(leases)
    until(lambda: sum("/lease?" in line for line in stage.recorder.asked) > before, seconds=15)


def test_the_pods_database(stage: SimpleNamespace) -> None:
    stage.town.grant("a", stage.session)
    count = podium.algorithms.Count()
    assert stage.session.ask(count, **ASK).status is Status.RELEASED
    again = stage.session.ask(count, **ASK, new_data_only=True)
    assert (again.status, again.runs["demo/a"].code) == (Status.SUPPRESSED, "nothing_new"), "datapoints are not kept"
    assert rows(stage, "SELECT count(*) > 0 FROM result") == [(1,)]
    assert not (pod_folder("demo/a") / "pod.db").exists()


def test_api_keys_are_the_pods_credential(stage: SimpleNamespace) -> None:
    """The hub is somebody else's: without the keys there is no way in."""
    kept = json.loads((podium_home() / "credentials.json").read_text())[stage.hub.url][stage.keys.fingerprint]
    keys = stage.pod.secrets
    assert kept == {"owner": "demo", "api_key": f"pk_{keys.access_key_id}_{keys.access_key}"}
    assert stat.S_IMODE((podium_home() / "credentials.json").stat().st_mode) == 0o600
    assert stage.session.hub.pod("demo/a")["identity"] == stage.keys.fingerprint
    holding = [path.name for path in pod_folder("demo/a").rglob("*") if path.is_file() and keys.access_key.encode() in path.read_bytes()]
    assert holding == []


async def test_the_schema_manager_takes_schemas_anew(stage: SimpleNamespace) -> None:
    table(220).assign(weight=70.5).to_csv(stage.folder / "patients.csv", index=False)
    other = podium.Pod("a", username="demo", data=stage.folder / "visits.parquet")  # any object for that pod may ask
    await asyncio.wait_for(other.schema_manager(), 90)
    assert "weight" in set(stage.session.schema("demo/a", "patients")["column"])
    assert stage.session.schema("demo/a", "visits").set_index("column")["semantic"]["sex"] == "text"
    (stage.folder / "visits.parquet").rename(stage.folder / "away.parquet")
    with pytest.raises(podium.DataSourceError, match=r"visits: .*no such file"):
        await asyncio.wait_for(stage.pod.schema_manager(), 90)
    (stage.folder / "away.parquet").rename(stage.folder / "visits.parquet")
    await asyncio.wait_for(stage.pod.schema_manager(), 90)


def test_keys_that_the_hub_does_not_take(stage: SimpleNamespace, elsewhere: Path) -> None:
    wrong = podium.APIKeys("0" * 16, "0" * 64)
    with pytest.raises(podium.PodRegistrationError, match="does not take this API key") as caught:
        podium.Pod("b", data=elsewhere / "patients.csv", username="demo", hub=stage.hub.url, secrets=wrong).start()
    assert (caught.value.field, (podium_home() / "credentials.json").exists()) == ("secrets", False)


def test_a_name_that_belongs_to_another_identity(stage: SimpleNamespace, elsewhere: Path) -> None:
    keys = podium.RSAKeyPair.generate(kind="ed25519")
    pod = podium.Pod(
        "a", data=elsewhere / "patients.csv", username="demo", hub=stage.hub.url, pod_keys=keys, secrets=api_keys(stage.hub, keys)
    )
    with pytest.raises(podium.PodRegistrationError, match="registered under another identity") as caught:
        pod.start()
    assert caught.value.remedy == "Give the pod another name."


@pytest.fixture
def script(stage: SimpleNamespace, elsewhere: Path) -> Path:
    path = elsewhere / "serve.py"
    path.write_text(f"import podium\npodium.Pod('b', data='patients.csv', username='demo', hub={stage.hub.url!r}).start()\n")
    return path


def test_a_code_is_asked_for_on_the_terminal(stage: SimpleNamespace, script: Path) -> None:
    with podium.wire.hub.HubClient(stage.hub.url) as client:
        code = client.invite("demo", admin_key=stage.hub.admin_key)
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(script.parent)
        os.execv(sys.executable, [sys.executable, str(script)])
    shown = b""
    while b"podium hub invite demo" not in shown:
        shown += os.read(terminal, 1024)
    os.write(terminal, code.encode() + b"\n")
    kept = podium_home() / "credentials.json"
    until(lambda: kept.is_file() and stage.hub.url in kept.read_text())
    os.kill(child, signal.SIGINT)
    threading.Thread(target=_drain, args=(terminal,), daemon=True).start()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) in (0, -signal.SIGINT, 1, 130)
    assert code.encode() not in shown


def _drain(terminal: int) -> None:
    try:
        while os.read(terminal, 1024):
            pass
    except OSError:
        os.close(terminal)


def test_without_a_terminal_the_remedy_is_told(script: Path) -> None:
    command = [sys.executable, str(script)]
    done = subprocess.run(command, cwd=script.parent, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    said = done.stderr.splitlines()[-1]
    assert said.startswith("podium.errors.PodRegistrationError: demo has not enrolled at http")
    assert said.endswith("podium hub invite demo")


def test_the_seeds_own_example_and_a_question_to_it(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty PODIUM_HOME, no hub, no name but the pod's."""
    town.env.pop("PODIUM_HUB_URL", None)
    monkeypatch.delenv("PODIUM_HUB_URL", raising=False)
    data = town.folder / "patients.csv"
    patients(200).to_csv(data, index=False)
    (town.folder / "serve.py").write_text(f'import podium\n\npodium.Pod(name="x", data="{data}").start()\n')
    script = town.spawn([sys.executable, "serve.py"], "x.log")
    pod, folder = f"{local_user()}/x", town.home / "pods" / local_user() / "x"

    def ready() -> bool:
        assert script.poll() is None, town.log("x.log")
        state = read_state(folder)
        return state is not None and state.phase == "serving" and state.datasources == {"x": "full"}

    until(ready, seconds=120, why=lambda: town.log("x.log"))
    assert "the embedded one is started at http://127.0.0.1:" in town.log("x.log")
    session = podium.connect(user="ana", home=town.home)
    grant = ["--analyst", session.fingerprint, "--alias", "Ana", "--datasource", "x", "--algorithm", "mean", "--column", "*"]
    town.verb("grant", "create", "--pod", pod, *grant)
    answer = session.ask(podium.algorithms.Mean(column="age"), pods=[pod], datasource="x", timeout=60)
    assert answer.status is Status.RELEASED
    assert answer.result == pytest.approx(patients(200)["age"].mean())
    note = town.home / "hub" / "hub.json"
    hub = psutil.Process(json.loads(note.read_text())["pid"])
    script.send_signal(signal.SIGINT)
    assert script.wait(30) == 0, town.log("x.log")
    hub.wait(10)
    assert not note.exists()


def serve(town: Town, *, schema: Path, **arguments: Any) -> subprocess.Popen[str]:
    """Pod `a` from a script, on the hub that is there, with this given schema; it is ready when this returns."""
    source = town.folder / "patients.csv"
    script = town.folder / "serve.py"
    script.write_text(
        "import podium\n"
        f"source = podium.datasources.Csv(name='patients', path={str(source)!r})\n"
        f"container = podium.DatasourceContainerConfig(source, schema={str(schema)!r})\n"
        f"podium.Pod('a', username='demo', datasources=[container], **{arguments!r}).start()\n"
    )
    town.pods["a"] = town.spawn([sys.executable, str(script)], "a.log")
    town.ready("a")
    return town.pods["a"]


def test_a_hub_that_runs_already_is_used_and_left_running(town: Town) -> None:
    """The schema of this pod is given, and taken, and no longer once `update_schema` is said."""
    town.start_hub()
    assert town.hub is not None
    patients(200).to_csv(town.folder / "patients.csv", index=False)
    columns = [("patient", "text", "text"), ("age", "integer", "categorical"), ("sex", "text", "text")]
    given = podium.DatasourceSchema(
        datasource="any", stage="full", columns=tuple(Column(name=name, type=kind, semantic=what) for name, kind, what in columns)
    )
    saved = town.folder / "saved.json"
    saved.write_text(given.model_dump_json())
    script = serve(town, schema=saved)
    session = town.session()
    shown = session.schema("demo/a", "patients").set_index("column")["semantic"].to_dict()
    assert shown == {"patient": "text", "age": "categorical", "sex": "text"}
    script.send_signal(signal.SIGINT)
    assert script.wait(30) == 0, town.log("a.log")
    assert session.hub.health()["status"] == "ok", "the hub of somebody else was stopped"

    script = serve(town, schema=saved, update_schema=True)
    shown = session.schema("demo/a", "patients").set_index("column")["semantic"].to_dict()
    assert shown == {"patient": "identifier", "age": "continuous", "sex": "categorical"}
    assert town.hub.poll() is None
