"""The verbs that were there: JSON, exit codes, and errors that say which field and what helps."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from podium.algorithms import Algorithm
from podium.config import read_ask_file


@pytest.mark.parametrize("kind", Algorithm.kinds())
def test_an_example_of_every_algorithm_is_an_ask_file(podium, kind: str) -> None:
    Path("ask.yaml").write_text(podium("task", "example", kind).out)
    asked = read_ask_file(Path("ask.yaml"))
    assert Algorithm.load(asked.algorithm) == Algorithm.of(kind).sample()
    assert podium("task", "example", kind, "--json").data == yaml.safe_load(Path("ask.yaml").read_text())


def test_an_example_of_nothing(podium) -> None:
    error = podium("task", "example", "maen", "--json", code=2).error
    assert (error["field"], "'mean'" in error["remedy"]) == ("kind", True)


def test_keys(podium) -> None:
    shown = podium("keys", "show", "--json").data
    pem = podium("keys", "show", "--pem", "--json").data
    assert pem["custodian"] == shown["custodian"]
    assert pem["pem"] == podium("keys", "show", "--pem").out.strip()
    print_ = shown["analyst"]
    grouped = " ".join(print_[at : at + 4] for at in range(0, 64, 4)).upper()
    assert podium("keys", "trust", "clinic/north", grouped, "--json").data == {"pod": "clinic/north", "fingerprint": print_}


WRONG = [
    (["keys", "trust", "clinic/north", "abc"], 2, "fingerprint"),
    (["keys", "trust", "north", "a" * 64], 2, "pod"),
    (["hub", "invite", "No Name"], 2, "OWNER"),
    (["hub", "invite", "clinic"], 5, ""),
    (["hub", "invite", "clinic", "--hours", "0"], 2, ""),
    (["hub", "status", "--hub", "http://[::1"], 2, "--hub"),
    (["hub", "status", "--hub", "nonsense"], 2, "--hub"),
    (["hub", "status", "--hub", "http://127.0.0.1:9"], 5, ""),
    (["hub", "start", "--port", "99999"], 2, ""),
    (["grant", "list", "--pod", "clinic/none"], 2, "pod"),
    (["grant", "revoke", "--pod", "none", "x"], 2, "pod"),
    (["prefect", "env"], 9, ""),
    (["ask", "none.yaml"], 2, "file"),
    (["task", "result", "a" * 32], 7, "task"),
    (["task", "status", "abc"], 7, "task"),
    (["pod", "check", "none.yaml"], 2, "file"),
    (["pod", "start", "none.yaml"], 2, "file"),
    (["pod", "eject", "."], 2, "DIR"),
    (["pod", "eject", "file/below"], 2, "DIR"),
    (["pod", "history", "--run", "%"], 2, "--run"),
]


@pytest.mark.parametrize(("words", "code", "field"), WRONG, ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_what_is_wrong_is_told_with_its_field_and_remedy(podium, words: list[str], code: int, field: str) -> None:
    Path("file").touch()
    error = podium(*words, "--json", code=code).error
    assert error["field"] == field
    assert error["message"]
    assert error["remedy"]
    said = podium(*words, code=code)
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith("error: ")


def test_a_given_schema_that_is_not_there_is_told_before_the_start(podium) -> None:
    Path("pod.yaml").write_text("pod: {name: north, owner: clinic}\ndatasources: [{name: a, kind: csv, path: a.csv, schema: none.json}]\n")
    found = podium("pod", "check", "pod.yaml", "--json", code=3).data["datasources"]["a"]
    assert found.startswith("datasources.a.schema: ")
    assert "none.json" in found


def test_a_key_of_an_inner_section_is_told_from_its_likes(podium) -> None:
    fields = {
        "pods": ["clinic/north"],
        "datasource": "a",
        "algorithm": {"kind": "count"},
        "repeat": {"grown_bye": 5, "until": "2099-01-01"},
    }
    Path("ask.yaml").write_text(yaml.safe_dump(fields))
    error = podium("ask", "ask.yaml", "--json", code=2).error
    assert (error["field"], "Did you mean 'grown_by'?" in error["remedy"]) == ("repeat.grown_bye", True)
