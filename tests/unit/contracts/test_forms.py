"""A contract in its three forms: derived from a schema, as pandera has it, as a file; and back, with nothing lost."""

import datetime as dt

import polars as pl
import pytest
from contract_scene import documents, schemas
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandera.polars import Check, Column, DataFrameSchema

from podium.contracts import DatasourceSchema
from podium.errors import ConfigError
from schemas import contract_file
from schemas.datasource import contract_of, document_of, read, save, schema_of, validate

loose = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@loose
@given(schema=schemas(), data=st.data())
def test_schema_to_contract_to_file_and_back(tmp_path, schema, data):
    key = data.draw(st.lists(st.sampled_from(schema.names), unique=True))
    contract = contract_of(schema, key=key)
    path = tmp_path / "t.yaml"
    path.unlink(missing_ok=True)
    assert save(contract, path) == path
    assert read(path) == contract
    told = schema_of(contract, datasource="t")
    assert contract_of(told, key=key) == contract
    assert told.names == schema.names
    for was, now in zip(schema.columns, told.columns, strict=True):
        assert now.type == ("text" if was.type == "other" else was.type)
        assert now.nullable == (was.nullable and was.name not in key)
    assert DatasourceSchema.model_validate_json(told.model_dump_json()) == told


@loose
@given(document=documents())
def test_an_edited_file_says_the_same_when_it_is_written_again(tmp_path, document):
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    second.unlink(missing_ok=True)
    first.unlink(missing_ok=True)
    contract_file.save(document, first)
    contract = read(first)
    save(contract, second)
    assert read(second) == contract
    assert document_of(read(second)) == contract_file.load(first)
    assert list(contract.columns) == list(document["columns"])


def test_pandera_reads_the_file_as_we_do(tmp_path):
    checks = {"in_range": {"min_value": 0, "max_value": 9}, "isin": [1, 2], "unique": True}
    fields = {
        "a": {"dtype": "Int64", **checks},
        "b": {"dtype": "String", "nullable": True, "str_matches": "^p", "str_length": {"min_value": 2}},
    }
    path = contract_file.save({"schema_type": "polars_dataframe", "columns": fields, "unique": ["a", "b"]}, tmp_path / "t.yaml")
    assert DataFrameSchema.from_yaml(path.read_text()) == read(path)
    theirs = tmp_path / "theirs.yaml"
    theirs.write_text(read(path).to_yaml())
    assert read(theirs) == read(path)


def test_a_value_that_stands_twice_is_written_twice(tmp_path):
    contract = DataFrameSchema({"a": Column(pl.Date, Check.isin([dt.date(2024, 1, 1)] * 2))})
    assert read(save(contract, tmp_path / "t.yaml")) == contract


def test_a_contract_that_no_file_can_hold_is_refused(tmp_path):
    for checks in ([Check(lambda _: True)], [Check.ge(1), Check.ge(2)]):
        with pytest.raises(ConfigError):
            save(DataFrameSchema({"a": Column(pl.Int64, checks)}), tmp_path / "t.yaml")
    assert not (tmp_path / "t.yaml").exists()


def test_a_wide_contract_fits_its_file(tmp_path):
    columns = [{"name": f"{'a column with a long name ' * 8}{n}", "type": "integer", "semantic": "continuous"} for n in range(1_300)]
    contract = contract_of(DatasourceSchema(datasource="t", stage="partial", columns=columns))
    path = save(contract, tmp_path / "t.yaml")
    assert path.stat().st_size > 256 * 1024  # as much as a pod file may be
    assert read(path) == contract
    assert validate([], contract).ok
