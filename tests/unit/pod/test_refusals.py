"""Nothing is accepted and ignored: refused at once, or by `start()` before anything is started."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import podium
from podium.datasources import Csv

HUB = "http://127.0.0.1:9"  # nobody answers there


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"approved_pods": ["clinic/south"]}, "aggregation.approved_pods"),
        ({"differential_privacy": podium.DPPodConfig(epsilon=1.0)}, "privacy"),
        ({"secrets": podium.JWT("token")}, "secrets"),
    ],
    ids=["approved_pods", "differential_privacy", "jwt"],
)
def test_what_this_version_cannot_do(arguments: dict[str, object], field: str, table: Path, home: Path) -> None:
    pod = podium.Pod("north", data=table, username="me", hub=HUB, **arguments)
    with pytest.raises(podium.PodRegistrationError, match=r"this version") as caught:
        pod.start()
    assert (caught.value.field, caught.value.code) == (field, "not_available")
    assert "eave it out" in caught.value.remedy
    assert not (home / "pods" / "me" / "north" / "pod.json").exists(), "something was started"


async def test_the_same_awaited(table: Path) -> None:
    with pytest.raises(podium.PodRegistrationError, match="no secure aggregation"):
        await podium.Pod("north", data=table, hub=HUB, approved_pods=["a/b"]).start_async()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"secrets": podium.APIKeys("id", "key")}, r"secrets: .*one hub.*Name it"),
        ({"secrets": podium.APIKeys("id_x", "key"), "hub": HUB}, "not the parts of an API key"),
        ({"data": None}, "datasources: there is nothing to serve"),
    ],
    ids=["keys of no hub", "no keys", "no data"],
)
def test_what_cannot_be_started(arguments: dict[str, object], told: str, table: Path) -> None:
    with pytest.raises(podium.PodRegistrationError, match=told):
        podium.Pod(**{"name": "north", "data": table, **arguments}).start()


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"name": "Not A Name"}, "pod.name"),
        ({"username": ""}, "pod.owner"),
        ({"hub": "hub.example.org"}, "hub.url"),
        ({"hub": 8700}, "hub"),
        ({"message_service": "http://127.0.0.1:9"}, "message_service"),
        ({"message_service": podium.MessageServiceConfig(poll_seconds=0)}, "message_service.poll_seconds"),
        ({"message_service": podium.MessageServiceConfig(url="ftp://x")}, "message_service.url"),
        ({"access_manager": print}, "access_manager"),
        ({"pod_keys": "identity.pem"}, "pod_keys"),
        ({"approved_pods": ["south"]}, "aggregation.approved_pods"),
        ({"approved_pods": "clinic/south"}, "aggregation.approved_pods"),
        ({"differential_privacy": podium.DPPodConfig(epsilon=-1)}, "privacy.epsilon"),
        ({"differential_privacy": podium.DPPodConfig(epsilon=None)}, "differential_privacy"),
        ({"differential_privacy": podium.DPPodConfig(epsilon=1, delta=1)}, "privacy.delta"),
        ({"pod_db": "sqlite://"}, "pod_db"),
        ({"pod_db": podium.PodDbConfig("sqlite://", "here.db")}, "pod_db"),
        ({"update_schema": "yes"}, "update_schema"),
        ({"secrets": "pk_id_key"}, "secrets"),
        ({"datasources": []}, "datasources"),
        ({"data_config": {"ignore_columns": ["id"]}}, "data_config"),
        ({"schema": 7}, "schema"),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_makes_no_sense_is_refused_at_once(arguments: dict[str, object], field: str, table: Path) -> None:
    with pytest.raises(podium.ConfigError) as caught:
        podium.Pod(**{"name": "north", "data": table, **arguments})
    assert caught.value.field == field, caught.value


def test_a_misspelt_argument_is_an_error(table: Path) -> None:
    with pytest.raises(TypeError, match="datasorces"):
        podium.Pod("north", datasorces=[Csv(path=table)])


@pytest.mark.parametrize("section", ["aggregation: {approved_pods: [a/b]}", "privacy: {delta: 0.1}", "datasources: []"])
@pytest.mark.parametrize("verb", ["check", "start"])
def test_the_command_line_refuses_the_same(verb: str, section: str, table: Path, tmp_path: Path) -> None:
    file = tmp_path / "pod.yaml"
    data = "" if section.startswith("datasources") else f"datasources: [{{kind: csv, path: {table}}}]\n"
    file.write_text(f"pod: {{name: north}}\n{data}{section}\n")
    command = [str(Path(sys.executable).with_name("podium")), "pod", verb, str(file), *(["--json"] if verb == "check" else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    if verb == "check":
        assert json.loads(done.stdout)["error"]["field"].startswith(section.partition(":")[0])
    else:
        assert section.partition(":")[0] in done.stderr
