"""The published JSON Schemas: as the models are now, and of one mind with the checks that decide."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from podium.algorithms import Algorithm
from podium.config import AskFile, parse_pod, read_ask_file, read_pod_file
from podium.datasources import load_source
from podium.errors import ConfigError
from podium.plugin import read_strictly
from podium.protocols import Protocol

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
COMMANDS = {"pod-file": ["pod", "check"], "ask-file": ["ask"]}

POD = {
    "pod": {"name": "north", "owner": "clinic", "display_name": "North", "description": "2024-01-05"},
    "hub": {"url": "http://127.0.0.1:8700"},
    "datasources": [
        {
            "name": "tumours",
            "kind": "csv",
            "path": "tumours.csv",
            "key": ["case"],
            "ignore_columns": ["remarks"],
            "force_types": {"ward": "categorical"},
            "header": True,
            "names": ["case", "age"],
            "types": {"age": "integer"},
            "delimiter": ";",
            "encoding": "latin-1",
            "nulls": ["-"],
            "on_bad_rows": "stop",
            "max_bad_share": 0.5,
        },
        {"name": "visits", "kind": "parquet", "path": "visits.parquet"},
    ],
    "policy": {"custodian": ""},
    "disclosure": {"min_cell": 10, "round_to": 1},
    "history": {"pod_db": True, "url": ""},
    "limits": {"runs_at_once": 4, "run_seconds": 60, "worker_memory_mb": 512, "heartbeat_seconds": 15},
    "prefect": {"schema_cron": ""},
}
ASK = {
    "pods": ["clinic/north", "clinic/south"],
    "datasource": "tumours",
    "algorithm": {"kind": "mean", "column": "age", "by": ["sex"]},
    "protocol": {"kind": "one_round"},
    "new_data_only": False,
    "allow_partial": True,
    "hub": "https://hub.example:8700",
}
TEXTS = ["", "4", "yes", "No Name", "a..b", "a/b", "ftp://x", "a*.csv", "\t", "xy"]
VALUES = [*TEXTS, None, True, 0, -1, 1, 5, 16, 10**9, 1.5, [], ["a", "a"], [1], {}, {"a": "date"}]
# What a validator knows and JSON Schema cannot say, or says otherwise.
BEYOND = {
    ("datasources", 0, "name"): "two datasources of one name",
    ("datasources", 1, "name"): "only a pod's sole datasource may go without a name",
    ("algorithm", "by"): "one or two columns, each once",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_published_as_they_are(name: str) -> None:
    command = [sys.executable, "-c", "from podium.cli import main; main()", *COMMANDS[name], "--schema"]
    now = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert (REFERENCE / f"{name}.schema.json").read_text("utf-8") == now, "run: make schemas"
    Draft202012Validator.check_schema(json.loads(now))


@pytest.fixture(scope="module")
def schemas() -> dict[str, Draft202012Validator]:
    return {name: Draft202012Validator(json.loads((REFERENCE / f"{name}.schema.json").read_text("utf-8"))) for name in COMMANDS}


@pytest.mark.parametrize(("name", "good"), [("pod-file", POD), ("ask-file", ASK)])
def test_both_say_the_same_of_every_file(name: str, good: dict[str, Any], schemas) -> None:
    """A good file, and every file that differs from it in one place: a value changed, left out, or one too many."""
    verdicts, apart = {True: 0, False: 0}, []
    for where, changed in [((), good), *variants(good)]:
        ours, theirs = accepted(name, changed), schemas[name].is_valid(changed)
        verdicts[ours] += 1
        if ours != theirs and not any(where[: len(known)] == known for known in BEYOND):
            apart.append((where, ours, theirs, changed))
    assert not apart, f"(where, our check, JSON Schema, file): {apart[:3]} and {len(apart)} in all"
    assert accepted(name, good)
    assert min(verdicts.values()) > 20


@pytest.mark.parametrize("family", [Algorithm, Protocol])
def test_every_kind_is_known_to_the_schema(family: Any, schemas) -> None:
    for kind in family.kinds():
        fields = {**ASK, family.__name__.lower(): family.of(kind).sample().dump()}
        assert not list(schemas["ask-file"].iter_errors(fields)), kind
        fields[family.__name__.lower()]["nonsense"] = 1
        assert not schemas["ask-file"].is_valid(fields), kind


def variants(good: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Each changed copy of `good`, and the place of the change."""
    for place in places(good):
        if place:
            yield from ((place, replaced(good, place, value)) for value in VALUES)
            yield place, without(good, place)
        if isinstance(at(good, place), dict):
            yield (*place, "nonsense"), replaced(good, (*place, "nonsense"), 1)


def places(node: Any, where: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield where
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from places(value, (*where, key))


def at(node: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        node = node[key]
    return node


def replaced(good: Any, place: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(good)
    at(changed, place[:-1])[place[-1]] = copy.deepcopy(value)
    return changed


def without(good: Any, place: tuple[Any, ...]) -> Any:
    changed = copy.deepcopy(good)
    del at(changed, place[:-1])[place[-1]]
    return changed


def accepted(name: str, fields: dict[str, Any]) -> bool:
    """Whether our own check takes these keys and values."""
    try:
        if name == "pod-file":
            for source in parse_pod(fields).datasources:
                load_source(source)
        else:
            asked = read_strictly(AskFile, fields)
            Algorithm.load(asked.algorithm)
            if asked.protocol is not None:
                Protocol.load(asked.protocol)
    except ConfigError:
        return False
    return True


def test_the_good_ones_are_good_as_files(tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text(yaml.safe_dump(POD))
    assert read_pod_file(tmp_path / "pod.yaml").pod.description == "2024-01-05"
    (tmp_path / "ask.yaml").write_text(yaml.safe_dump(ASK))
    assert read_ask_file(tmp_path / "ask.yaml").allow_partial


SHARES = {0: True, 1: True, 0.02: True, 1.01: False, -0.01: False, 5: False, float("nan"): False}


@pytest.mark.parametrize(("share", "good"), SHARES.items())
def test_a_share_of_bad_rows_is_between_nothing_and_all(share: float, good: bool, schemas) -> None:
    changed = replaced(POD, ("datasources", 0, "max_bad_share"), share)
    assert accepted("pod-file", changed) is good
    assert schemas["pod-file"].is_valid(changed) is (good or share != share)  # JSON has no NaN


@pytest.mark.parametrize("written", ["yes", '"8"', "8.5", "true"])
def test_a_minimum_is_never_guessed(written: str, tmp_path: Path) -> None:
    """`min_cell: yes` once would have been a minimum of 1."""
    file = tmp_path / "pod.yaml"
    file.write_text(f"pod: {{name: a}}\ndatasources: [{{name: a, kind: csv, path: a.csv}}]\ndisclosure: {{min_cell: {written}}}\n")
    with pytest.raises(ConfigError) as caught:
        read_pod_file(file)
    assert caught.value.field == "disclosure.min_cell"
