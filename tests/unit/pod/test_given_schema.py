"""A given schema is taken only for data that have the same columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from podium.contracts import Column, DatasourceSchema
from podium.datasources import Csv
from podium.datasources._given import fitted
from podium.errors import DataSourceError

AGE, SEX = Column(name="age", type="integer", semantic="continuous"), Column(name="sex", type="text", semantic="text")
FOUND = DatasourceSchema(datasource="a", stage="partial", columns=(AGE, SEX), token="t1")


def schema(*columns: Column) -> DatasourceSchema:
    return DatasourceSchema(datasource="elsewhere", stage="partial", columns=columns, rows=7, token="old")


def test_it_becomes_the_datasources_own(table: Path) -> None:
    given = schema(SEX.model_copy(update={"semantic": "categorical", "description": "at birth"}), AGE)
    taken = fitted(given, FOUND, Csv(name="a", path=table))
    assert (taken.datasource, taken.stage, taken.token, taken.rows) == ("a", "full", "given:t1", 7)
    assert taken.columns == given.columns


def test_the_datasources_own_wishes_hold_for_it_too(table: Path) -> None:
    source = Csv(name="a", path=table, ignore_columns=("ward",), force_types={"age": "categorical"})
    taken = fitted(schema(AGE, SEX, Column(name="ward", type="text", semantic="text")), FOUND, source)
    assert [(c.name, c.semantic) for c in taken.columns] == [("age", "categorical"), ("sex", "text")]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (schema(AGE), "does not have column 'sex'"),
        (schema(AGE, SEX, SEX.model_copy(update={"name": "sexx"})), "no column 'sexx'.*Did you mean 'sex'"),
        (schema(AGE, SEX.model_copy(update={"type": "integer"})), "says that 'sex' is integer, and the data hold text"),
    ],
    ids=["missing", "too many", "another type"],
)
def test_other_columns_are_refused(given: DatasourceSchema, told: str, table: Path) -> None:
    with pytest.raises(DataSourceError, match=told) as caught:
        fitted(given, FOUND, Csv(name="a", path=table))
    assert caught.value.field == "datasources.a.schema"
    assert caught.value.remedy
