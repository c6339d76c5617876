"""The four arguments of old: each says so, and each still works."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

import podium
from podium.datasources import Csv

SCHEMA = podium.DatasourceSchema(datasource="any", stage="full", columns=())
NEW = {"datasource": "datasources", "data_config": "DatasourceContainerConfig", "schema": "DatasourceContainerConfig"}


def test_they_warn_and_work(table: Path) -> None:
    given = {
        "datasource": Csv(path=table),
        "data_config": podium.PodDataConfig(ignore_columns=("id",)),
        "schema": SCHEMA,
        "pod_details_config": podium.PodDetailsConfig(display_name="North", description="of here"),
    }
    with pytest.warns(DeprecationWarning, match="is deprecated") as caught:
        pod = podium.Pod("north", **given)
    told = {name: [str(one.message) for one in caught if f"Pod({name}=" in str(one.message)] for name in given}
    assert {name: len(messages) for name, messages in told.items()} == dict.fromkeys(given, 1)
    assert all(new in told[name][0] for name, new in NEW.items())
    assert all(Path(one.filename).name == "test_deprecated.py" for one in caught), "they point to who wrote it"
    (entry,) = pod.config.datasources
    assert (entry["name"], entry["ignore_columns"], entry["schema"]["datasource"]) == ("north", ["id"], "any")
    assert (pod.config.pod.display_name, pod.config.pod.description) == ("North", "of here")


def test_a_data_config_for_all_or_by_name(table: Path) -> None:
    two = [Csv(name="a", path=table), Csv(name="b", path=table)]
    with pytest.warns(DeprecationWarning, match="is deprecated"):
        every = podium.Pod("north", datasources=two, data_config=podium.PodDataConfig(["id"], {"age": "categorical"}))
    assert [(s.ignore_columns, s.force_types) for s in every.datasources] == [(("id",), {"age": "categorical"})] * 2
    config = podium.PodDataConfig({"a": ["id"]}, {"b": {"age": "categorical"}})
    with pytest.warns(DeprecationWarning, match="is deprecated"):
        named = podium.Pod("north", datasources=two, data_config=config)
    assert [(s.ignore_columns, s.force_types) for s in named.datasources] == [(("id",), {}), ((), {"age": "categorical"})]


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (podium.PodDataConfig({"c": ["id"]}), r"no datasource 'c'.*Known: a, b"),
        (podium.PodDataConfig((), {"c": {"age": "text"}}), "no datasource 'c'"),
        (podium.PodDataConfig("id"), "a list of names"),
        (podium.PodDataConfig((), {"age": "numberish"}), "force_types"),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_wrong_data_config_is_refused(config: podium.PodDataConfig, told: str, table: Path) -> None:
    with pytest.raises(podium.ConfigError, match=told):
        podium.Pod("north", datasources=[Csv(name="a", path=table), Csv(name="b", path=table)], data_config=config)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_one_schema_is_not_for_two(table: Path) -> None:
    with pytest.raises(podium.ConfigError, match=r"2 datasources.*DatasourceContainerConfig"):
        podium.Pod("north", datasources=[Csv(name="a", path=table), Csv(name="b", path=table)], schema=SCHEMA)


def test_nothing_else_warns(table: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        podium.Pod("north", data=table)
