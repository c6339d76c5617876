"""A profile for a person's eyes: discreet unless she asks for all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from podium.contracts import Category, Column, DatasourceSchema


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
    age = {"name": "age", "type": "integer", "semantic": "continuous", "nulls": "fewer than 8", "missing": "< 8 %", "distinct": 55}
    assert {**columns["age"], "shape": ""} == {**age, "shape": ""}
    assert (columns["sex"]["missing"], columns["sex"]["shape"], columns["patient"]["shape"]) == ("0 %", "██", "")
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


POD_FILE = """
pod: {name: north, owner: clinic}
disclosure: {min_cell: 20}
datasources:
  - {name: patients, kind: csv, path: Patients 2024.csv, about: {age: {description: Age at admission, unit: years}}}
  - {name: others, kind: csv, path: none.csv}
"""


def test_a_datasource_of_a_pod_file_with_its_words_and_rules(podium, file: Path) -> None:
    Path("pod.yaml").write_text(POD_FILE)
    columns = {
        column["name"]: column for column in podium("data", "profile", "pod.yaml", "--datasource", "patients", "--json").data["columns"]
    }
    assert (columns["age"]["description"], columns["age"]["unit"], columns["age"]["nulls"]) == (
        "Age at admission",
        "years",
        "fewer than 20",
    )
    assert "Age at admission" in podium("data", "profile", "pod.yaml", "--datasource", "patients").out
    assert "patients" in podium("data", "profile", "pod.yaml", "--datasource", "patient", "--json", code=2).error["remedy"]
    assert podium("data", "profile", "pod.yaml", "--json", code=2).error["field"] == "--datasource"


@pytest.mark.parametrize("args", [(), ("a.csv", "--pod", "north"), ("a.csv", "--datasource", "b"), ("a.csv", "--html", "x.html", "--full")])
def test_what_makes_no_sense_is_refused(podium, args: tuple[str, ...]) -> None:
    assert podium("data", "profile", *args, "--json", code=2).error["remedy"]


def test_a_page_shows_no_more_than_the_table_and_what_many_have(podium, file: Path) -> None:
    assert "page.html" in podium("data", "profile", file.name, "--html", "page.html").out
    text = Path("page.html").read_text()
    assert "canaryf" in text  # a level of half of the rows
    assert not any(word in text for word in ("canaryid", "\x1b", "http://", "https://", "<script"))
    assert Path("page.html").stat().st_mode & 0o777 == 0o600


def test_what_a_pod_has_taken_is_shown_without_the_data(podium, file: Path) -> None:
    from podium import project
    from podium.config import pod_folder, read_pod_file
    from podium.files import write_private

    Path("pod.yaml").write_text(POD_FILE)
    config = read_pod_file(Path("pod.yaml"))
    podium("data", "profile", "--pod", "north", "--json", code=2)
    write_private(pod_folder(config.identifier) / "pod.json", config.model_dump_json())
    asked = ("data", "profile", "--pod", "north", "--datasource", "patients", "--json")
    assert "no full schema" in podium(*asked, code=3).error["message"]
    sex = Column(
        name="sex", type="text", semantic="categorical", nulls=0, categories=(Category(value="f", rows=30), Category(value="m", rows=19))
    )
    schema = DatasourceSchema(datasource="patients", stage="full", rows=49, columns=(sex,))
    stores = project.load("schemas.stores")
    stores.SchemaStore(stores.PodDatabase.of(folder=config.folder, url="", pod=config.identifier)).add(schema)
    assert podium(*asked).data["rows"] == 50  # one that was given lies in no file
    write_private(config.folder / "schemas" / "patients.json", schema.model_dump_json())
    file.unlink()
    (column,) = podium(*asked).data["columns"]
    assert (column["distinct"], column["shape"]) == (1, "█")  # by the rules of that pod


def test_a_first_dictionary_is_filled_in_and_comes_back(podium, file: Path) -> None:
    podium("data", "dictionary", file.name, "--out", "words.csv")
    text = Path("words.csv").read_text("utf-8-sig")
    assert "sex,,,,canaryf=;canarym=" in text
    assert "canaryid" not in text
    assert "there already" in podium("data", "dictionary", file.name, "--out", "words.csv", "--json", code=2).error["message"]
    filled = text.replace("age,,", "age,Age at admission,years").replace("canaryf=;", "canaryf=female;")
    Path("words.csv").write_text(filled)
    Path("pod.yaml").write_text(POD_FILE.replace("about: {age: {description: Age at admission, unit: years}}", "dictionary: words.csv"))
    asked = ("pod.yaml", "--datasource", "patients", "--json")
    columns = {column["name"]: column for column in podium("data", "profile", *asked).data["columns"]}
    assert (columns["age"]["unit"], columns["sex"]["labels"]) == ("years", {"canaryf": "female"})
    podium("data", "dictionary", *asked, "--out", "words.csv", "--force")
    again = Path("words.csv").read_text("utf-8-sig")
    assert "age,Age at admission,years,," in again
    assert "canaryf=female;canarym=" in again
