"""What a card of the page says where it has no picture, and how levels and open bins are drawn."""

from __future__ import annotations

import re

import pytest

from podium.cli._look import Looked
from podium.cli._page import page
from podium.contracts import Category, Column, DatasourceSchema
from podium.privacy.disclosure import Rules

MANY = tuple(Category(value=str(i), rows=20) for i in range(50))
RARE = (Category(value="canary", rows=7),)
ONE_VALUE = (1.0, *[2.5] * 31, 3.0)
MAIL = "they look like e-mail addresses"


def shown(*columns: Column, rows: int = 1000) -> str:
    schema = DatasourceSchema(datasource="a", stage="full", rows=rows, columns=columns)
    return page(Looked("a.csv", "csv", schema, Rules()))


@pytest.mark.parametrize(
    ("column", "says"),
    [
        (
            Column(name="a", type="text", semantic="identifier", reason="they look like UUIDs"),
            "Identifiers are not shown: they look like UUIDs.",
        ),
        (Column(name="a", type="text", semantic="text", reason="17 texts in 991 rows"), "Texts are not shown."),
        (Column(name="a", type="number", semantic="continuous", nulls=1000, distinct=0), "No row has a value."),
        (
            Column(name="a", type="text", semantic="categorical", categories=MANY),
            "More than 40 levels",
        ),
        (Column(name="a", type="text", semantic="categorical", categories=RARE), "Not enough rows"),
        (Column(name="a", type="number", semantic="continuous", nulls=950, distinct=40), "Not enough rows"),
        (
            Column(name="a", type="number", semantic="continuous", nulls=0, distinct=3, quantiles=ONE_VALUE),
            "too close together",
        ),
    ],
    ids=["identifier", "text", "empty", "many-levels", "rare-level", "few-values", "one-value"],
)
def test_a_card_without_a_picture_says_why(column: Column, says: str) -> None:
    text = shown(column)
    assert says in text
    assert "<figure>" not in text
    assert not any(word in text for word in ("canary", "17 texts", "991"))


def test_of_few_rows_it_is_said_once() -> None:
    few = shown(*(Column(name=name, type="text", semantic="text", reason="no values yet", distinct=0) for name in "abc"), rows=9)
    assert few.count("nothing is told of fewer than 10 rows") == 1
    assert "No row has a value" not in few


def test_all_other_levels_together_do_not_make_each_look_small() -> None:
    levels = tuple(Category(value=f"level {i:02}", rows=60) for i in range(12)) + (Category(value="last", rows=50),) * 5
    text = shown(Column(name="a", type="text", semantic="categorical", categories=levels))
    assert re.findall(r'<rect width="([\d.]+)%', text) == ["100.0"] * 12
    assert "all others" in text


def test_the_open_bins_are_told_apart() -> None:
    text = shown(Column(name="a", type="number", semantic="continuous", nulls=0, quantiles=tuple(float(i) for i in range(101))))
    rects = re.findall(r"<rect [^>]*>", text)
    assert [index for index, rect in enumerate(rects) if 'class="open"' in rect] == [0, len(rects) - 1]
