"""What counts as drift between two schemas, rule by rule, and how it is told."""

from __future__ import annotations

import random
from statistics import quantiles

import pytest

from podium.config import DisclosureSection
from podium.contracts import Category, Column, DatasourceSchema
from podium.drift.diff import compare, same
from podium.drift.telling import headline, in_brief, rows_told, told

RULES = DisclosureSection()


def amounts(name="age", *, shift=0.0, n=400, nulls=0, seed=1, **fields):
    rng = random.Random(seed)
    values = sorted(rng.gauss(50, 10) + shift for _ in range(n - nulls))
    sketch = (values[0], *quantiles(values, n=32), values[-1])
    return Column(name=name, type="number", semantic="continuous", nulls=nulls, quantiles=sketch, **fields)


def levels(name="ward", *, n=None, **counts):
    categories = tuple(Category(value=value, rows=rows) for value, rows in counts.items())
    nulls = (n or sum(counts.values())) - sum(counts.values())
    return Column(name=name, type="text", semantic="categorical", nulls=nulls, categories=categories)


def schema(*columns, rows=400):
    return DatasourceSchema(datasource="p", stage="full", rows=rows, columns=columns, token="t")


def found(before, after, **more):
    return [(change.rule, change.level, change.column) for change in compare(before, after, **more).changes]


def test_identical_schemas_and_reordered_columns_are_no_drift():
    one = schema(amounts(), levels(a=300, b=100))
    assert compare(one, one).level == "none"
    assert found(one, schema(levels(a=300, b=100), amounts())) == []
    assert found(one, schema(amounts(seed=2), levels(a=290, b=110))) == []  # another sample of the same people


def test_columns_dropped_added_retyped_and_taken_for_something_else():
    before = schema(amounts("a"), amounts("b"), amounts("c"))
    retyped = Column(name="b", type="text", semantic="text", nulls=0)
    retaken = amounts("c").model_copy(update={"semantic": "categorical"})
    drift = compare(before, schema(retyped, retaken, amounts("d")))
    assert [(c.rule, c.level, c.column) for c in drift.changes] == [
        ("column_dropped", "break", "a"),
        ("type_changed", "break", "b"),
        ("semantic_changed", "drift", "c"),
        ("column_added", "note", "d"),
    ]
    assert (drift.level, drift.of_consequence) == ("break", True)
    assert found(before, schema(amounts("b"), retaken), decided=["a", "c"]) == []  # ignore_columns and force_types


@pytest.mark.parametrize(("shift", "level"), [(0, "none"), (4, "note"), (10, "drift"), (-10, "drift")])
def test_a_distribution_that_moves(shift, level):
    before, after = schema(amounts(n=2000), rows=2000), schema(amounts(n=2000, shift=shift, seed=2), rows=2000)
    drift = compare(before, after)
    assert drift.level == level
    back = compare(after, before)
    assert back.level == level
    if shift:
        (change,) = drift.changes
        assert change.rule == "distribution"
        assert change.psi == pytest.approx(back.changes[0].psi)
        assert told(drift, RULES)[0].means.startswith("values lie higher" if shift > 0 else "values lie lower")


def test_categories_that_are_new_gone_or_have_other_shares():
    before = schema(levels(a=300, b=95, rare=5))
    assert found(before, schema(levels(a=300, b=95, other=5))) == [("categories", "note", "ward")]
    assert found(before, schema(levels(a=120, b=275, rare=5))) == [("distribution", "drift", "ward")]
    assert found(before, schema(levels(a=260, b=80, rare=5, new=55))) == [("distribution", "drift", "ward"), ("categories", "note", "ward")]


@pytest.mark.parametrize(("nulls", "level"), [(0, "none"), (18, "none"), (60, "note"), (120, "drift")])
def test_missing_values(nulls, level):
    assert compare(schema(amounts()), schema(amounts(nulls=nulls))).level == level


@pytest.mark.parametrize(("rows", "level"), [(400, "none"), (430, "none"), (4000, "note"), (250, "note"), (200, "drift"), (0, "drift")])
def test_rows(rows, level):
    assert compare(schema(rows=400), schema(rows=rows)).level == level


def test_few_rows_do_not_shout():
    """49 rows: whatever their figures do is a note at most. Columns that are gone are still gone."""
    before = schema(amounts(n=49), levels(a=40, b=9), rows=49)
    after = schema(amounts(n=49, shift=90, nulls=30), levels(b=40, c=9), rows=49)
    assert compare(before, after).level == "note"
    assert compare(before, schema(amounts(n=8), levels(b=8), rows=8)).level == "note"
    assert compare(before, schema(amounts(n=49), rows=49)).level == "break"
    assert found(schema(amounts(nulls=360)), schema(amounts(nulls=360, shift=90))) == []  # many rows, and 40 values


def test_what_a_schema_does_not_hold_is_not_judged():
    bare = Column(name="age", type="number", semantic="continuous")
    assert found(schema(bare), schema(amounts(shift=90))) == []
    partial = DatasourceSchema(datasource="p", stage="partial", columns=(amounts(shift=90, nulls=300),))
    assert found(schema(amounts()), partial) == []
    identifier = {"type": "integer", "semantic": "identifier"}
    ids = [amounts("id", shift=shift).model_copy(update=identifier) for shift in (0, 90)]
    assert found(schema(ids[0]), schema(ids[1])) == []


def test_the_same_statistics_are_the_same_schema():
    one = schema(amounts(mean=1 / 3), levels(a=400))
    assert same(one, one.model_copy(update={"token": "u", "generated_at": 9}))
    assert same(one, schema(amounts(mean=1 / 3 + 1e-15), levels(a=400)))
    assert not same(one, schema(amounts(mean=1 / 3 + 1e-6), levels(a=400)))
    assert not same(one, schema(levels(a=400), amounts(mean=1 / 3)))
    assert not same(one, schema(amounts(mean=1 / 3), levels(a=400), rows=401))


def test_it_is_told_in_names_rules_and_rounded_counts_without_any_value():
    before = schema(amounts(), levels(canarya=300, canaryb=100), amounts("c", nulls=3))
    after = schema(
        amounts(shift=30),
        levels(canarya=300, canaryd=97, canarye=3),
        amounts("c", nulls=123),
        Column(name="x", type="date", semantic="date"),
    )
    drift = compare(before, after)
    text = "\n".join(f"{line.level} {line.column} {line.what} {line.means}" for line in told(drift, RULES))
    assert "2 categories new, 1 category gone" in text
    assert "missing values: fewer than 8 of 400 rows → 125 of 400" in text
    assert "large change of distribution (stability index about" in text
    assert "new column (date)" in text
    assert "canary" not in text + headline(drift) + in_brief(drift)
    assert "123" not in text
    assert headline(drift) == "3 drift, 2 notes"
    assert in_brief(drift) == "distribution age, distribution ward, nulls c"


@pytest.mark.parametrize(("count", "said"), [(None, "-"), (0, "0"), (7, "fewer than 8"), (8, "10"), (1234, "1,235")])
def test_a_count_of_rows(count, said):
    assert rows_told(count, RULES) == said
