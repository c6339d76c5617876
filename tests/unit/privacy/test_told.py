"""What is told of a column without a question: nothing of a few persons, whatever the schema says."""

from __future__ import annotations

import pytest

from podium.contracts import Category, Column, DatasourceSchema
from podium.privacy import told
from podium.privacy.disclosure import Rules
from schemas.catalogue import card_of

RULES = Rules()


def column(semantic, *rows, **fields):
    levels = tuple(Category(value=f"v{i}", rows=n) for i, n in enumerate(rows))
    return Column(name="c", type="text", semantic=semantic, categories=levels, **fields)


def schema(one, rows=1000, stage="full"):
    return DatasourceSchema(datasource="a", stage=stage, rows=rows, columns=(one,))


def amounts(*quantiles, semantic="continuous", nulls=0):
    return Column(name="c", type="number", semantic=semantic, nulls=nulls, min=quantiles[0], max=quantiles[-1], quantiles=quantiles)


def test_counts():
    assert [told.count(n, RULES) for n in (0, 1, 7, 8, 12, 13)] == [0, "fewer than 8", "fewer than 8", 10, 10, 15]


def test_rare_levels_are_neither_told_nor_counted():
    sexes = column("categorical", 102, 63, 8, 7, 1, distinct=5)
    assert [(level.value, level.rows) for level in told.levels(sexes, RULES)] == [("v0", 100), ("v1", 65), ("v2", 10)]
    assert told.distinct(sexes, RULES) == 3
    assert told.levels(sexes, Rules(min_cell=64)) == told.levels(column("boolean", 102), RULES)


@pytest.mark.parametrize("semantic", ["identifier", "text", "date", "continuous", "image"])
def test_other_columns_have_no_levels(semantic):
    assert told.levels(column(semantic, 100, 200), RULES) == ()


def test_too_many_levels_are_none():
    assert len(told.levels(column("categorical", *[50] * 40), RULES)) == 40
    many = column("categorical", *[50] * 43, distinct=43)
    assert told.levels(many, RULES) == ()
    assert told.distinct(many, RULES) == 45  # and not 0


def test_how_many_values_a_text_has_is_a_number_of_rows():
    assert told.distinct(column("text", distinct=3), RULES) == "fewer than 8"
    assert told.distinct(column("identifier", distinct=103), RULES) == 105
    assert told.distinct(column("text"), RULES) is None


def test_a_range_is_of_many_and_rounded():
    twentieths = tuple(float(1234 + i) for i in range(21))
    assert told.shown_range(amounts(*twentieths), 1000, RULES) == (1200.0, 1300.0)
    assert told.span(amounts(*twentieths), 1000, RULES) == (1235.0, 1253.0)
    assert told.span(amounts(*twentieths), 100, RULES) == (1236.0, 1252.0)  # 8 rows lie beyond, not 5
    assert told.span(amounts(*twentieths), 99, RULES) is None
    assert told.span(amounts(*twentieths, nulls=950), 1000, RULES) is None
    assert told.span(amounts(*twentieths), 1000, Rules(min_cell=300)) is None
    assert told.shown_range(amounts(-0.0001234, 0, 0.0098765), 1000, RULES) is None  # the middle is no range


@pytest.mark.parametrize("steps", [4, 7, 10, 19, 20, 50, 100])
def test_the_least_and_the_greatest_are_in_no_range(steps):
    extremes = (-1e9, *(float(i) for i in range(steps - 1)), 1e9)
    assert all(abs(one) < 1e6 for one in told.span(amounts(*extremes), 10_000, RULES))


def test_dates_are_told_by_their_years():
    years = tuple(float((1950 + i - 1970) * 31_556_952 + 86_400) for i in range(41))
    assert told.shown_range(amounts(*years, semantic="date"), 1000, RULES) == ("1952", "1988")
    far = tuple(-9e10 + i * 1e11 for i in range(21))
    assert told.shown_range(amounts(*far, semantic="date"), 1000, RULES)


@pytest.mark.parametrize("semantic", ["identifier", "text", "categorical"])
def test_other_columns_have_no_range(semantic):
    assert told.span(amounts(*map(float, range(21)), semantic=semantic), 1000, RULES) is None


@pytest.mark.parametrize("small", [schema(column("boolean", 9), rows=9), schema(column("boolean", 500), rows=None, stage="partial")])
def test_of_few_rows_and_of_first_rows_nothing_is_told(small):
    card = card_of(small, catalogue="full")
    assert card.columns[0].model_dump(exclude_defaults=True) == {"name": "c", "type": "text", "semantic": "boolean"}


def test_each_policy_tells_more_than_the_last():
    one = column("boolean", 500, 300, 3, nulls=197, description="d", unit="u", labels={"v0": "l"}, min=1, max=2, mean=3.0, sd=4.0)
    cards = [card_of(schema(one), catalogue=policy) for policy in ("names", "types", "counts", "full")]
    told_by = [set(card.columns[0].model_dump(exclude_defaults=True)) for card in cards]
    assert told_by[0] == {"name", "description"}
    assert told_by[1] - told_by[0] == {"type", "semantic", "unit", "labels"}
    assert told_by[2] - told_by[1] == {"nulls", "distinct"}
    assert told_by[3] - told_by[2] == {"categories"}
    assert [card.rows for card in cards] == [None, None, 1000, 1000]
