"""The pandera contract: derived, kept, edited by people, and held against rows in batches."""

import pandas as pd
import pyarrow as pa
import pytest

from podium.datasources import Csv, Frame
from podium.errors import ConfigError
from podium.workers.profile import profile
from schemas.datasource import contract_of, only, read, save, validate


@pytest.fixture
def rows(cancer_csv):
    source = Csv(name="cancer", path=cancer_csv)
    names = [name for name, _ in source.columns()]
    (batch,) = source.read(names)
    return batch


@pytest.fixture
def contract(cancer_csv):
    return contract_of(profile(Csv(name="cancer", path=cancer_csv), "full"), key=["patient"])


def _batches(batch, size=100):
    return [batch.slice(start, size) for start in range(0, batch.num_rows, size)]


def _with(batch, name, values):
    at = batch.schema.get_field_index(name)
    return batch.set_column(at, batch.schema.field(at), pa.array(values, batch.schema.field(at).type))


def test_the_rows_it_was_derived_from_meet_it(contract, rows):
    report = validate(_batches(rows), contract)
    assert (report.ok, report.rows, report.failures) == (True, 569, {})


def test_every_planted_fault_is_counted(contract, rows, tmp_path):
    grades = rows.column("grade").to_pylist()
    assert validate(_batches(_with(rows, "grade", [None, None, *grades[2:]])), contract).failures == {"not_nullable: grade": 2}
    keys = rows.column("patient").to_pylist()
    far = _with(rows, "patient", [*keys[:-1], keys[0]])  # its twin is five batches away
    assert validate(_batches(far), contract).failures == {"unique: patient": 1}
    assert not validate(_batches(rows.drop_columns(["grade"])), contract).ok
    wrong = rows.set_column(rows.schema.get_field_index("grade"), "grade", pa.array(["SECRET"] * 569))
    report = validate(_batches(wrong), contract)
    assert not report.ok
    assert "SECRET" not in str(report)


def test_a_partial_schema_gives_a_lenient_contract(cancer_csv, rows):
    lenient = contract_of(profile(Csv(name="cancer", path=cancer_csv), "partial"))
    assert validate([_with(rows, "grade", [None] * 569)], lenient).ok


def test_it_survives_the_file(contract, rows, tmp_path):
    path = save(contract, tmp_path / "c.yaml")
    assert path.stat().st_mode & 0o777 == 0o600
    again = read(path)
    assert again.to_yaml() == contract.to_yaml()
    assert validate(_batches(rows), again).ok
    keys = rows.column("patient").to_pylist()
    assert not validate(_batches(_with(rows, "patient", [*keys[:-1], keys[0]])), again).ok


def test_an_edited_contract_is_kept(contract, tmp_path):
    path = tmp_path / "c.yaml"
    assert save(contract, path) == path
    assert save(contract, path) == path
    path.write_text(path.read_text().replace("grade:\n    dtype: Int64\n", "grade:\n    dtype: Int64\n    isin: [1, 2]\n"))
    edited = path.read_text()
    beside = save(contract, path)
    assert beside == tmp_path / "c.yaml.new"
    assert path.read_text() == edited
    assert read(beside).to_yaml() == contract.to_yaml()


def test_an_edit_holds(contract, rows, tmp_path):
    path = save(contract, tmp_path / "c.yaml")
    path.write_text(
        path.read_text().replace(
            "grade:\n    dtype: Int64\n", "grade:\n    dtype: Int64\n    in_range:\n      min_value: 1\n      max_value: 2\n"
        )
    )
    report = validate(_batches(rows), read(path))
    assert list(report.failures.values()) == [189]
    assert all("2" not in rule for rule in report.failures)


@pytest.mark.parametrize("text", ["", "a: [", "schema_type: dataframe\n", "[1, 2]"])
def test_a_broken_edit_is_named(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"c\.yaml"):
        read(path)


def test_a_contract_runs_no_code(tmp_path):
    path, made = tmp_path / "c.yaml", tmp_path / "made"
    path.write_text(f"!!python/object/apply:os.system ['touch {made}']")
    with pytest.raises(ConfigError):
        read(path)
    assert not made.exists()


def test_only_what_a_run_reads_is_asked_for(contract, rows):
    narrow = rows.select(["grade", "mean_area"])
    assert not validate([narrow], contract).ok
    assert validate([narrow], only(contract, narrow.schema.names)).ok


def test_every_column_type_has_a_contract(tmp_path):
    frame = pd.DataFrame({"i": [1, 2], "x": [0.5, None], "t": ["a", "b"], "f": [True, False], "d": pd.to_datetime(["2024-01-01", None])})
    frame["b"] = [b"1", b"2"]
    source = Frame.of(frame, name="t").placed(tmp_path)
    path = save(contract_of(profile(source, "full")), tmp_path / "c.yaml")
    assert validate(source.read(list(frame.columns)), read(path)).ok
