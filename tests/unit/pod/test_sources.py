"""What a pod serves, from a path, from plain datasources, from containers."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import podium
from podium.datasources import About, Csv, Datasource, Frame, Parquet


def test_a_path_is_a_datasource_of_the_kind_that_its_name_tells(table: Path) -> None:
    (source,) = podium.Pod("north", data=table).datasources
    assert (type(source), source.name, source.path) == (Csv, "north", table)
    assert type(podium.Pod("n", data=shutil.copy(table, table.with_name("P.CSV.GZ"))).datasource) is Csv
    assert type(podium.Pod("n", data=str(shutil.copy(table, table.with_suffix(".pq")))).datasource) is Parquet


def test_a_folder_is_a_datasource_a_file(table: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "data"
    (folder / "below").mkdir(parents=True)
    for name in ("Lab Values.csv", "visits.tsv.gz", "scans.parquet", "README.md", ".hidden.csv"):
        shutil.copy(table, folder / name)
    pod = podium.Pod("north", data=folder)
    assert [(type(s), s.name) for s in pod.datasources] == [(Csv, "lab-values"), (Parquet, "scans"), (Csv, "visits")]
    told = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert ["README.md" in told[0], "below" in told[1], len(told)] == [True, True, 2]
    for name in ("visits.tsv.gz", "scans.parquet"):
        (folder / name).unlink()
    assert [source.name for source in podium.Pod("north", data=folder).datasources] == ["north"]


def test_a_folder_of_pictures_or_of_folders_is_one_datasource(table: Path, tmp_path: Path) -> None:
    (tmp_path / "scans" / "ct").mkdir(parents=True)
    for name in ("a.png", "b.jpg", "ct/c.png"):
        (tmp_path / "scans" / name).touch()
    (source,) = podium.Pod("north", data=tmp_path / "scans").datasources
    assert (source.kind, source.name, [found.name for found in source.files()]) == ("images", "north", ["a.png", "b.jpg", "ct/c.png"])
    for year in ("year=2023", "year=2024"):
        (tmp_path / "visits" / year).mkdir(parents=True)
        shutil.copy(table, tmp_path / "visits" / year / "part.csv")
    (source,) = podium.Pod("north", data=tmp_path / "visits").datasources
    assert (source.kind, len(source.files())) == ("csv", 2)


@pytest.mark.parametrize(("name", "told"), [("gone.csv", "no such file"), ("notes.md", r"no kind .* Known by their names: .*\.csv")])
def test_a_path_that_nothing_reads_is_refused(name: str, told: str, table: Path, tmp_path: Path) -> None:
    shutil.copy(table, tmp_path / "notes.md")
    with pytest.raises(podium.ConfigError, match=told) as caught:
        podium.Pod("north", data=tmp_path / name)
    assert caught.value.field == "data"
    assert caught.value.remedy


def test_an_only_datasource_goes_by_the_pods_name(table: Path) -> None:
    assert [s.name for s in podium.Pod("north", datasources=[Csv(path=table)]).datasources] == ["north"]
    assert [s.name for s in podium.Pod("north", datasources=[Csv(name="a", path=table)]).datasources] == ["a"]
    with pytest.raises(podium.ConfigError, match="datasource ''"):
        podium.Pod("north", datasources=[Csv(path=table), Csv(path=table)])


def test_a_frame_without_a_name_keeps_its_rows(home: Path) -> None:
    pod = podium.Pod("north", username="me", datasources=[Frame.of(pd.DataFrame({"a": [1, 2]}))])
    (entry,) = pod.process().config.datasources
    assert entry["name"] == "north"
    assert pd.read_parquet(entry["path"])["a"].tolist() == [1, 2]
    assert entry["path"] == str(home / "pods" / "me" / "north" / "frames" / "north.parquet")


def test_a_container_has_its_own_name_configuration_and_schema(table: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved.json"
    schema = podium.DatasourceSchema(datasource="any", stage="full", columns=())
    saved.write_text(schema.model_dump_json())
    config = podium.PodDataConfig(ignore_columns=["sex", "id"], force_types={"age": "categorical"})
    source = Csv(name="a", path=table, ignore_columns=("id",), force_types={"sex": "text"})
    container = podium.DatasourceContainerConfig(source, name="b", data_config=config, schema=saved)
    pod = podium.Pod("north", datasources=[container, podium.DatasourceContainerConfig(source, schema=schema)])
    first, second = pod.config.datasources
    assert (first["name"], first["ignore_columns"], first["schema"]) == ("b", ["id", "sex"], str(saved))
    assert first["force_types"] == {"sex": "text", "age": "categorical"}
    assert (second["name"], second["schema"]["stage"]) == ("a", "full")
    assert source.name == "a", "what was given is not changed"


def test_what_is_said_of_columns_and_datasources(table: Path) -> None:
    config = podium.PodDataConfig(column_descriptions={"age": "at admission", "sex": About(labels={"f": "female"})}, description="Of here")
    source = Csv(name="a", path=table, about={"age": About(description="old", unit="years")}, dictionary=Path("words.csv"))
    named = podium.PodDataConfig(column_descriptions={"b": {"age": "of b"}}, description={"b": "Of b"})
    pod = podium.Pod(
        "north",
        datasources=[
            podium.DatasourceContainerConfig(source, data_config=config),
            podium.DatasourceContainerConfig(Csv(name="b", path=table), data_config=named),
        ],
    )
    first, second = pod.config.datasources
    assert first["about"] == {"age": {"description": "at admission", "unit": "years"}, "sex": {"labels": {"f": "female"}}}
    assert (first["description"], first["dictionary"]) == ("Of here", str(Path("words.csv").absolute()))
    assert (second["about"], second["description"]) == ({"age": {"description": "of b"}}, "Of b")


@pytest.mark.parametrize(
    "config",
    [
        podium.PodDataConfig(column_descriptions={"age": 3}),  # type: ignore[dict-item]
        podium.PodDataConfig(column_descriptions="age"),  # type: ignore[arg-type]
        podium.PodDataConfig(description=["x"]),  # type: ignore[arg-type]
    ],
    ids=["no text", "no mapping", "no description"],
)
def test_what_says_nothing_of_columns_is_refused(config: podium.PodDataConfig, table: Path) -> None:
    with pytest.raises(podium.ConfigError, match="text"):
        podium.Pod("north", datasources=[podium.DatasourceContainerConfig(Csv(name="a", path=table), data_config=config)])


@pytest.mark.parametrize("written", ["", "{}", '{"datasource": "a", "stage": "full", "columns": [], "colums": []}', None])
def test_a_schema_that_is_none_is_refused(written: str | None, table: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved.json"
    if written is not None:
        saved.write_text(written)
    with pytest.raises(podium.ConfigError) as caught:
        podium.Pod("north", datasources=[podium.DatasourceContainerConfig(Csv(path=table, name="a"), schema=saved)])
    assert caught.value.field.startswith("datasources.a.schema")
    assert caught.value.remedy


def test_a_source_whose_base_class_was_not_initialised(table: Path) -> None:
    known = dict(Datasource._kinds)
    try:

        class Silent(podium.BaseSource):
            kind = "silent"

            def __init__(self) -> None:
                pass

            def columns(self): ...
            def read(self, columns, datapoints=None): ...
            def token(self): ...

        class Eager(Silent):
            kind = "eager"

            def __init__(self) -> None:
                self.name = "eager"

        with pytest.raises(podium.DataSourceError, match=r"Silent was not initialised.*super\(\).__init__") as caught:
            podium.Pod("north", datasources=[Silent()])
        assert caught.value.code == "not_initialised"
        with pytest.raises(podium.DataSourceError, match="Eager was not initialised"):
            Eager()
        with pytest.raises(podium.DataSourceError, match="str is not a datasource"):
            podium.Pod("north", datasources=["patients.csv"])
    finally:
        Datasource._kinds.clear()
        Datasource._kinds.update(known)


def test_looking_for_kinds_loads_nothing_heavy(table: Path) -> None:
    code = f"""
import sys, podium
podium.Pod("north", data={str(table)!r}, access_manager=type("M", (), {{"check": lambda self, task: True}})())
[getattr(podium, name) for name in podium.__all__]
heavy = {{"pandas", "prefect", "duckdb", "pyarrow", "fastapi", "sqlmodel", "polars", "pandera"}}
heavy &= {{name.split(".")[0] for name in sys.modules}}
sys.exit(str(heavy) if heavy else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
