"""A profile for a person's eyes: discreet unless she asks for all of it."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "work" / "Patients 2024.csv"
    rows = [f"canaryid{i},{'' if i < 3 else 40 + i % 57},{'canaryf' if i % 2 else 'canarym'},{'' if i < 23 else 'x'}" for i in range(103)]
    path.write_text("patient,age,sex,\x1b[31mnote\n" + "\n".join(rows) + "\n")
    return path


def test_discreet(podium, file: Path) -> None:
    said = podium("data", "profile", file.name, "--json")
    assert "canary" not in said.out
    assert said.err == ""
    data = said.data
    assert (data["kind"], data["rows"], data["disclosure"]) == ("csv", 105, "rules")
    columns = {column["name"]: column for column in data["columns"]}
    assert columns["age"] == {"name": "age", "type": "integer", "semantic": "continuous", "nulls": "fewer than 8", "distinct": 55}
    assert (columns["sex"]["semantic"], columns["sex"]["distinct"], columns["sex"]["nulls"]) == ("categorical", 2, 0)
    assert (columns["patient"]["semantic"], columns["patient"]["distinct"]) == ("identifier", 105)
    assert columns["\x1b[31mnote"]["nulls"] == 25
    shown = podium("data", "profile", str(file)).out
    assert "fewer than 8" in shown
    assert not any(word in shown for word in ("canary", "\x1b[31m", "103", " 57 "))


def test_full_is_said_aloud(podium, file: Path) -> None:
    said = podium("data", "profile", file.name, "--full", "--json")
    assert "for you alone" in said.err
    columns = {column["name"]: column for column in said.data["columns"]}
    assert (said.data["rows"], columns["age"]["nulls"], columns["age"]["min"], columns["age"]["max"]) == (103, 3, 40, 96)
    assert columns["patient"]["min"] is None  # an identifier's extremes are identifiers
    shown = podium("data", "profile", file.name, "--full").out
    assert "canaryf (51)" in shown
    assert "40 … 96" in shown
    assert "\x1b[31m" not in shown


@pytest.mark.parametrize(
    ("name", "code", "field", "says"),
    [
        ("none.csv", 3, "PATH", "none.csv"),
        ("notes.docx", 2, "path", ".parquet"),
        ("empty.csv", 3, "", "empty"),
        ("fake.parquet", 3, "", "fake"),
    ],
)
def test_what_cannot_be_profiled(podium, name: str, code: int, field: str, says: str) -> None:
    for made, text in (("notes.docx", "x"), ("empty.csv", ""), ("fake.parquet", "not parquet")):
        Path(made).write_text(text)
    error = podium("data", "profile", name, "--json", code=code).error
    assert error["field"] == field
    assert says in error["message"] + error["remedy"]
