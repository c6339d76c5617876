"""The bars of a column: of many rows each, between round edges, without an extreme."""

from __future__ import annotations

import datetime as dt
import random

import pytest

from podium.contracts import Category, Column
from podium.privacy.disclosure import Rules
from podium.privacy.outline import Bar, outline

RULES = Rules()


def of(values, *, kind="number", semantic="continuous"):
    values = sorted(values)
    steps = tuple(float(values[round(i / 100 * (len(values) - 1))]) for i in range(101))
    return Column(name="c", type=kind, semantic=semantic, nulls=0, min=values[0], max=values[-1], quantiles=steps)


def test_levels_and_all_others():
    levels = [Category(value=i, rows=rows) for i, rows in enumerate((500, 41, 6, 5, 4, 3))]
    column = Column(name="c", type="integer", semantic="categorical", labels={"0": "none"}, categories=tuple(levels))
    assert outline(column, 559, RULES) == (Bar("none", 500), Bar("1", 40), Bar("all others", 20, others=True))
    one = column.model_copy(update={"categories": tuple(levels[:3])})
    assert outline(one, 547, RULES) == (Bar("none", 500), Bar("1", 40))  # six rows are no bar


def test_codes_are_in_their_order_and_words_by_their_rows():
    levels = tuple(Category(value=value, rows=rows) for value, rows in ((10, 400), (1, 300), (2, 200)))
    codes = Column(name="c", type="integer", semantic="categorical", labels={"2": "two"}, categories=levels)
    assert [bar.label for bar in outline(codes, 900, RULES)] == ["1", "two", "10"]
    words = tuple(level.model_copy(update={"value": f"w{level.value}"}) for level in levels)
    assert [bar.label for bar in outline(codes.model_copy(update={"type": "text", "categories": words}), 900, RULES)] == ["w10", "w1", "w2"]


@pytest.mark.parametrize("semantic", ["identifier", "text"])
def test_identifiers_and_texts_have_no_bars(semantic):
    levels = tuple(Category(value=i, rows=50) for i in range(3))
    assert outline(Column(name="c", type="text", semantic=semantic, categories=levels), 150, RULES) == ()
    assert outline(of(range(1000), semantic=semantic), 1000, RULES) == ()


def test_bins_are_near_the_true_histogram():
    values = [random.Random(i).gauss(50, 10) for i in range(5000)]
    bars = outline(of(values), len(values), RULES)
    assert bars[0].label == "below 35"
    assert [bar.label for bar in bars[1:3]] == ["35 to 40", "40 to 45"]
    for bar in bars[1:-1]:
        low, high = map(float, bar.label.split(" to "))
        assert abs(bar.rows - sum(low <= value < high for value in values)) < 0.01 * len(values)
    assert abs(sum(bar.rows for bar in bars) - len(values)) < 5 * len(bars)


def test_no_extreme_shows():
    values = [*range(40, 240), 10**9, -(10**9)]
    assert {bar.label for bar in outline(of(values, kind="integer"), len(values), RULES)} >= {"below 60", "220 or more"}
    assert not any(str(10**9)[:4] in bar.label for bar in outline(of(values), len(values), RULES))


def test_a_bin_of_few_is_not_drawn():
    values = [1.0] * 400 + [2.5] * 5 + [9.0] * 400
    drawn = [bar.rows for bar in outline(of(values), len(values), RULES) if bar.rows]
    assert drawn == [] or min(drawn) >= RULES.min_cell
    assert all(bar.rows == 0 or bar.rows >= 300 for bar in outline(of(values), len(values), Rules(min_cell=40)))


def test_dates_have_years_or_months():
    def seconds(*days):
        return [dt.datetime(2010, 1, 1, tzinfo=dt.UTC).timestamp() + day * 86_400 for day in days]

    years = outline(of(seconds(*range(6000)), kind="date", semantic="date"), 6000, RULES)
    assert (years[0].label, years[-1].label) == ("below 2012", "2024 or more")
    months = outline(of(seconds(*range(300)), kind="date", semantic="date"), 300, RULES)
    assert months[1].label == "2010-02 to 2010-03"
    assert outline(of([-9e18 + i * 1e16 for i in range(1000)], semantic="date"), 1000, RULES) == ()


@pytest.mark.parametrize("values", [[5] * 1000, range(50), [0.1 + 0.2] * 999 + [0.3]])
def test_what_has_no_shape_has_no_bars(values):
    assert outline(of(values), len(values), RULES) == ()


@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1.0, 1e6, 1e15, 1e300])
def test_any_scale_has_bars(scale):
    bars = outline(of([i * scale for i in range(1, 1001)]), 1000, RULES)
    assert 5 <= len(bars) <= 14
    assert len({bar.label for bar in bars}) == len(bars)
