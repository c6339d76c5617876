"""Schemas of real and awkward tables, against pandas."""

import datetime as dt

import pandas as pd
import pyarrow as pa
import pytest

from podium.datasources import Csv, Frame
from podium.errors import DataSourceError
from podium.workers.profile import profile
from schemas.catalogue import card_of


@pytest.fixture
def schema(cancer_csv):
    return profile(Csv(name="cancer", path=cancer_csv), "full")


def _of(tmp_path, stage="full", **columns):
    return profile(Frame.of(pd.DataFrame(columns), name="t").placed(tmp_path), stage)


def test_semantic_types_of_a_real_table(schema):
    found = {column.name: column.semantic for column in schema.columns}
    assert {name: found.pop(name) for name in ("patient", "diagnosis", "smoker", "grade", "seen")} == {
        "patient": "identifier", "diagnosis": "categorical", "smoker": "boolean", "grade": "categorical", "seen": "date",
    }  # fmt: skip
    assert set(found.values()) == {"continuous"}
    assert all(column.reason for column in schema.columns)


def test_statistics_agree_with_pandas(schema, cancer):
    assert schema.rows == len(cancer)
    area, truth = schema.column("mean_area"), cancer["mean_area"]
    assert (area.nulls, area.nullable) == (57, True)
    assert (area.min, area.max) == (truth.min(), truth.max())
    assert area.mean == pytest.approx(truth.mean(), rel=1e-12)
    assert area.sd == pytest.approx(truth.std(), rel=1e-9)
    assert not schema.column("mean_radius").nullable
    levels = {level.value: level.rows for level in schema.column("diagnosis").categories}
    assert levels == cancer["diagnosis"].value_counts().to_dict()


def test_an_identifier_shows_no_value(schema):
    column = schema.column("patient")
    assert (column.distinct, column.min, column.max, column.categories) == (569, None, None, ())


def test_texts_that_nearly_all_differ_identify(tmp_path):
    codes = [f"P{i}" for i in range(1000)]
    assert _of(tmp_path, c=codes).column("c").reason == "each of its 1000 values is there once"
    once_more = _of(tmp_path, c=[*codes[:-1], codes[0]]).column("c")
    assert (once_more.semantic, once_more.reason) == ("identifier", "999 texts in 1000 rows: nearly each is another")
    assert _of(tmp_path, c=[*codes[:-2], None, None]).column("c").semantic == "identifier"
    assert _of(tmp_path, c=codes[:800] + codes[:200]).column("c").semantic == "text"


def test_one_repeat_among_whole_numbers_is_no_identifier(tmp_path):
    numbers = list(range(1000))
    assert _of(tmp_path, row=numbers).column("row").semantic == "identifier"
    assert _of(tmp_path, row=[*numbers[:-1], 0]).column("row").semantic == "continuous"


@pytest.mark.parametrize(
    ("values", "semantic"),
    [
        ([0, 1] * 50, "boolean"),
        ([0.0, 1.0, None] * 30, "boolean"),
        ([1, 2] * 50, "categorical"),
        ([1.0, 2.0, 3.0, None] * 30, "categorical"),
        ([0.5, 1.0] * 50, "continuous"),
        (list(range(18, 95)) * 3, "continuous"),
        ([i * 7919 % 100_000_007 for i in range(500)], "continuous"),
        (["Yes", "no"] * 50, "boolean"),
        (["F", "M"] * 50, "categorical"),
        (["F"] * 50, "categorical"),
        ([f"word {i % 300}" for i in range(3000)], "text"),
        (["long " * 30, "longer " * 30, "x"] * 30, "text"),
        ([True, False, None] * 30, "boolean"),
        ([dt.date(2024, 1, 1)] * 30, "date"),
        ([None] * 30, "text"),
        ([float("nan")] * 30, "continuous"),
        ([float("inf"), 1.5, 2.5] * 30, "continuous"),
        ([1e300, -1e300, 0.5] * 30, "continuous"),
    ],
)
def test_semantic_types(tmp_path, values, semantic):
    column = _of(tmp_path, c=pd.Series(values, dtype="object" if values[0] is None else None)).column("c")
    assert column.semantic == semantic, column.reason


def test_many_columns_need_more_than_one_second_look(tmp_path):
    columns = {f"c{i}": [i, i + 1] * 20 for i in range(70)} | {f"id{i}": [f"{i}-{n}" for n in range(40)] for i in range(35)}
    schema = _of(tmp_path, **columns)
    assert all(schema.column(f"c{i}").distinct == 2 for i in range(70))
    assert [level.value for level in schema.column("c69").categories] == [69, 70]
    assert all(schema.column(f"id{i}").semantic == "identifier" for i in range(35))


def test_force_types_win(cancer_csv):
    schema = profile(Csv(name="t", path=cancer_csv, force_types={"grade": "continuous", "patient": "text"}), "full")
    assert schema.column("grade").semantic == "continuous"
    assert schema.column("grade").reason == "set by force_types"
    assert schema.column("patient").semantic == "text"


def test_a_partial_schema_promises_nothing(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a\n" + "1\n" * 20_000 + "\n2\n")
    schema = profile(Csv(name="t", path=path), "partial")
    assert schema.rows is None
    assert schema.column("a").nullable
    assert schema.column("a").nulls == 0


def test_no_rows(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,age\n")
    for stage in ("partial", "full"):
        schema = profile(Csv(name="t", path=path), stage)
        assert schema.names == ("id", "age")
        assert all(column.nullable for column in schema.columns)


def test_a_source_that_is_no_file(tmp_path):
    from podium.datasources import Datasource

    class Made(Datasource):
        kind = "made"

        def columns(self):
            return [("a", "integer"), ("s", "text")]

        def read(self, columns, datapoints=None):
            whole = pa.RecordBatch.from_pydict({"a": list(range(100)), "s": ["x", "y"] * 50})
            yield from (whole.select(list(columns)), whole.select(list(columns)))

        def token(self):
            return "t"

    schema = profile(Made(name="made"), "full")
    assert schema.rows == 200
    assert [level.rows for level in schema.column("s").categories] == [100, 100]


def test_the_card_holds_nothing_that_was_counted(schema):
    card = card_of(schema, ["count"])
    told = card.model_dump(exclude_defaults=True)
    assert set(told) == {"datasource", "stage", "columns", "algorithms", "generated_at"}
    assert {name for column in told["columns"] for name in column} == {"name", "type", "semantic", "nullable"}
    text = card.model_dump_json()
    assert "malignant" not in text
    assert "569" not in text


@pytest.mark.parametrize("stage", ["partial", "full"])
def test_what_a_source_says_of_its_trouble_is_what_is_told(stage):
    from podium.datasources import Datasource

    class Failing(Datasource):
        kind = "failing"

        def columns(self):
            return [("a", "integer")]

        def read(self, columns, datapoints=None):
            yield pa.RecordBatch.from_pydict({"a": [1, 2]})
            raise DataSourceError("line 3: no number, in utf-8.", remedy="Correct it.", code="line")

        def token(self):
            return "t"

    with pytest.raises(DataSourceError, match=r"line 3: no number, in utf-8") as caught:
        profile(Failing(name="failing"), stage)
    assert (caught.value.code, caught.value.remedy) == ("line", "Correct it.")
