"""The artifact of a schema in Prefect: counts as the rules let them be told, and no value."""

from __future__ import annotations

from podium import project
from podium.config import DisclosureSection
from podium.contracts import Category, Column, DatasourceSchema

project.activate()

from tasks.show import schema_table  # noqa: E402

SEX = Column(
    name="sex",
    type="text",
    semantic="categorical",
    reason="2 texts",
    nulls=3,
    distinct=2,
    unit="-",
    description="at birth",
    categories=(Category(value="canaryf", rows=990), Category(value="canaryrare", rows=7)),
)
AGE = Column(name="age", type="integer", semantic="continuous", nulls=501, distinct=93, min=1117, max=1229)


def test_counts_are_told_by_the_rules():
    schema = DatasourceSchema(datasource="a", stage="full", rows=1000, columns=(SEX, AGE))
    sex, age = schema_table(schema, DisclosureSection())
    assert sex == {
        "column": "sex",
        "type": "text",
        "taken for": "categorical",
        "missing": "< 1 %",
        "different values": 1,
        "unit": "-",
        "description": "at birth",
    }
    assert (age["missing"], age["different values"]) == ("50 %", 95)
    assert not any(word in str([sex, age]) for word in ("canary", "1117", "1229", "501", "93", "990"))


def test_nothing_is_counted_of_a_few_rows_or_of_the_first():
    for stage, rows in (("full", 9), ("partial", 1000)):
        shown = schema_table(DatasourceSchema(datasource="a", stage=stage, rows=rows, columns=(SEX, AGE)), DisclosureSection())
        assert {(line["missing"], line["different values"]) for line in shown} == {("-", "-")}
