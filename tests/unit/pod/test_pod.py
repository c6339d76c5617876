"""The object that a custodian holds: what it says of itself, and the pod file that it amounts to."""

from __future__ import annotations

import inspect
import json
import logging
import stat
from pathlib import Path

import pytest

import podium
from podium.config import local_user, parse_pod, read_pod_file, saved_pod
from podium.datasources import Csv


def test_the_owner_is_the_user_or_the_one_who_is_named(table: Path) -> None:
    assert podium.Pod("north", data=table).pod_identifier == f"{local_user()}/north"
    pod = podium.Pod("north", data=table, username="clinic")
    assert (pod.name, pod.pod_identifier) == ("north", "clinic/north")


def test_the_only_datasource_and_a_warning_where_there_is_none_such(table: Path, caplog: pytest.LogCaptureFixture) -> None:
    one, two = Csv(name="a", path=table), Csv(name="b", path=table)
    assert podium.Pod("north", datasources=[one]).datasource == one
    assert not caplog.records
    for sources in ([one, two], []):
        assert podium.Pod("north", datasources=sources).datasource is None
        (record,) = caplog.records
        assert (record.levelno, f"has {len(sources)} datasources" in record.message) == (logging.WARNING, True)
        caplog.clear()


def test_the_private_key_is_the_given_or_the_kept_one(table: Path, home: Path) -> None:
    assert podium.Pod("north", data=table, username="me").private_key is None
    keys = podium.RSAKeyPair.generate(kind="ed25519")
    pod = podium.Pod("north", data=table, username="me", pod_keys=keys)
    assert pod.private_key is keys.private_key
    pod.process()
    kept = podium.Pod("north", data=table, username="me").private_key
    assert kept.private_bytes_raw() == keys.private_key.private_bytes_raw()
    other = podium.Pod("north", data=table, username="me", pod_keys=podium.RSAKeyPair.generate(kind="ed25519"))
    with pytest.raises(podium.PodRegistrationError, match="another identity") as caught:
        other.start()
    assert caught.value.field == "pod_keys"


def test_python_and_the_pod_file_are_equal(table: Path, tmp_path: Path) -> None:
    """Everything at once, both ways."""
    saved = tmp_path / "saved.json"
    saved.write_text(podium.DatasourceSchema(datasource="a", stage="full", columns=()).model_dump_json())
    with pytest.warns(DeprecationWarning, match="is deprecated"):
        pod = podium.Pod(
            name="north",
            datasources=[podium.DatasourceContainerConfig(Csv(path=table), data_config=podium.PodDataConfig(["id"]), schema=saved)],
            username="clinic",
            pod_details_config=podium.PodDetailsConfig("North", "of here"),
            hub=podium.HubConfig("https://hub.example.org/"),
            message_service=podium.MessageServiceConfig("https://mail.example.org", 7),
            approved_pods=["clinic/south"],
            differential_privacy=podium.DPPodConfig(epsilon=2.0, delta=1e-5),
            pod_db=podium.PodDbConfig(path=tmp_path / "here.db"),
            update_schema=True,
        )
    file = tmp_path / "pod.yaml"
    file.write_text(f"""
pod: {{name: north, owner: clinic, display_name: North, description: of here}}
hub: {{url: https://hub.example.org}}
message_service: {{url: https://mail.example.org, poll_seconds: 7}}
datasources: [{{kind: csv, path: patients.csv, ignore_columns: [id], schema: saved.json}}]
privacy: {{epsilon: 2.0, delta: 0.00001}}
aggregation: {{approved_pods: [clinic/south]}}
history: {{pod_db: true, url: "sqlite:///{tmp_path}/here.db"}}
prefect: {{update_schema: true}}
""")
    assert pod.config == read_pod_file(file)


def test_what_python_leaves_out_is_as_in_a_file_but_for_the_database(table: Path) -> None:
    pod = podium.Pod("north", data=table, username="me")
    fields = {"pod": {"name": "north", "owner": "me"}, "datasources": [{"kind": "csv", "path": str(table)}]}
    assert pod.config == parse_pod({**fields, "history": {"pod_db": False}})
    assert podium.Pod("north", data=table, username="me", pod_db=True).config == parse_pod(fields)
    assert podium.Pod("north", data=table, pod_db=podium.PodDbConfig()).config.history.model_dump() == {
        "pod_db": True,
        "url": "",
        "keep_days": 365,
        "keep_events_days": 3650,
    }


def test_its_file_is_for_its_owner_alone(table: Path, home: Path) -> None:
    """A database's address may hold a password."""
    url = "postgresql://me:canarypassword@db/pod"
    pod = podium.Pod("north", data=table, username="me", pod_db=podium.PodDbConfig(url), hub="http://127.0.0.1:9")
    process = pod.process()
    process.prepare()
    folder = home / "pods" / "me" / "north"
    holding = [path for path in home.rglob("*") if path.is_file() and b"canarypassword" in path.read_bytes()]
    assert holding == [folder / "pod.json"]
    assert stat.S_IMODE((folder / "pod.json").stat().st_mode) == 0o600
    assert {stat.S_IMODE(each.stat().st_mode) for each in (folder, folder.parent, folder.parent.parent, home)} == {0o700}
    assert saved_pod("me/north") == process.config
    assert json.loads((folder / "pod.json").read_text())["history"]["url"] == url


def test_secrets_are_not_shown(table: Path) -> None:
    secrets = [podium.APIKeys("id", "canarysecret"), podium.JWT("canarysecret"), podium.PodDbConfig("postgresql://u:canarysecret@h/d")]
    assert "canarysecret" not in repr(secrets)


def test_it_has_every_argument_of_the_seed_and_data() -> None:
    seed = (
        "name datasource datasources username data_config schema pod_details_config hub message_service access_manager pod_keys"
        " approved_pods differential_privacy pod_db update_schema secrets"
    )
    assert set(inspect.signature(podium.Pod).parameters) == {*seed.split(), "data"}


async def test_schemas_of_a_pod_that_does_not_run(table: Path) -> None:
    with pytest.raises(podium.PodRegistrationError, match=r"is not running.*podium pod start"):
        await podium.Pod("north", data=table).schema_manager()
