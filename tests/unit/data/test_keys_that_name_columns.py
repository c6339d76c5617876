"""A column that is not there is told with the key of the entry that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from podium.datasources.csv import Csv
from podium.errors import DataSourceError


@pytest.mark.parametrize(
    ("key", "value"),
    [("key", ["aeg"]), ("ignore_columns", ["aeg"]), ("force_types", {"aeg": "continuous"}), ("types", {"aeg": "integer"})],
    ids=["key", "ignore_columns", "force_types", "types"],
)
def test_the_key_is_named(tmp_path: Path, key: str, value: object) -> None:
    (tmp_path / "a.csv").write_text("age,sex\n1,f\n2,m\n")
    source = Csv.model_validate({"name": "patients", "path": str(tmp_path / "a.csv"), key: value})
    with pytest.raises(DataSourceError, match=r"no column 'aeg'.*Did you mean 'age'") as caught:
        source.columns()
    assert caught.value.field == f"datasources.patients.{key}"
