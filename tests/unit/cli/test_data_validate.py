"""A contract tried on data: rules and counts, never a value."""

from __future__ import annotations

from pathlib import Path

import pytest

CONTRACT = """
schema_type: polars_dataframe
columns:
  patient: {dtype: String, unique: true}
  age: {dtype: Int64, nullable: true, in_range: {min_value: 0, max_value: 110}}
  sex: {dtype: String, isin: [f, m]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "work" / "patients.csv"
    rows = [f"canary{i},{30 + i},f" for i in range(40)]
    path.write_text("\n".join(["patient,age,sex", *rows, "canary0,900,m", "canaryx,40,canaryq"]) + "\n")
    path.with_name("patients.yaml").write_text(CONTRACT)
    return path


def test_broken_rules_are_counted_and_no_value_is_shown(podium, file: Path) -> None:
    said = podium("data", "validate", "patients.csv", "--contract", "patients.yaml", "--json", code=3)
    assert said.data == {"rows": 42, "ok": False, "failures": {"unique: patient": 1, "in_range: age": 1, "isin: sex": 1}}
    shown = podium("data", "validate", str(file), "--contract", "patients.yaml", code=3)
    assert "42 rows" in shown.out
    assert "in_range: age" in shown.out
    assert "canary" not in shown.out + shown.err


def test_what_keeps_every_rule(podium, file: Path) -> None:
    file.write_text("patient,age,sex\na,1,f\nb,,m\n")
    assert "every rule holds" in podium("data", "validate", file.name, "--contract", "patients.yaml").out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("patients.csv",), 2, "--contract"),
        (("patients.csv", "--contract", "nowhere.yaml"), 2, "no file"),
        (("--contract", "patients.yaml"), 2, "PATH"),
        (("nothing.csv", "--contract", "patients.yaml"), 3, "nothing.csv"),
    ],
    ids=["no_contract", "no_file", "no_data", "data_not_there"],
)
def test_what_is_missing_is_named(podium, file: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    assert words in podium("data", "validate", *arguments, code=code).err


def test_a_broken_contract_names_the_rule(podium, file: Path) -> None:
    file.with_name("patients.yaml").write_text(CONTRACT.replace("in_range", "in_rang"))
    said = podium("data", "validate", file.name, "--contract", "patients.yaml", code=2)
    assert "in_rang" in said.err
    assert "in_range" in said.err


def test_a_pods_datasource_by_its_own_contract(podium, file: Path) -> None:
    from podium.config import keep_pod, parse_pod

    source = {"name": "patients", "kind": "csv", "path": str(file)}
    config = parse_pod({"pod": {"name": "north", "owner": "demo"}, "hub": {"url": "http://127.0.0.1:9"}, "datasources": [source]})
    keep_pod(config)
    assert "no file" in podium("data", "validate", "--pod", "north", code=2).err
    (config.folder / "contracts").mkdir()
    (config.folder / "contracts" / "patients.yaml").write_text(CONTRACT)
    assert podium("data", "validate", "--pod", "north", "--json", code=3).data["failures"]["isin: sex"] == 1
