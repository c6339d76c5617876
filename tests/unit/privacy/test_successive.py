"""The rule `too_few_new`, sentence by sentence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.contracts import Cell, Disclosure, Partial
from podium.privacy.successive import Difference, last_left, too_few_new, untold

FEW = st.integers(0, 12)


def cell(level: Any, n: int, total: int) -> Cell:
    return Cell(key=(level,), n=n, values={"n": n, "sum": total})


@pytest.mark.parametrize("name", ["new", "changed", "gone"])
def test_a_cumulative_answer_waits_until_min_cell_datapoints_differ(name: str) -> None:
    assert too_few_new(Difference(**{name: 7}), cumulative=True, min_cell=8)
    assert not too_few_new(Difference(**{name: 8}), cumulative=True, min_cell=8)


@pytest.mark.parametrize(("name", "counts"), [("new", True), ("changed", True), ("gone", False)])
def test_an_answer_on_new_data_stands_on_what_is_in_it(name: str, counts: bool) -> None:
    assert too_few_new(Difference(**{name: 8}), cumulative=False, min_cell=8) is not counts


def test_nothing_at_all_is_too_few() -> None:
    assert too_few_new(Difference(), cumulative=True, min_cell=1)


@given(FEW, FEW, FEW)
def test_they_add_up_and_more_never_holds_back(new: int, changed: int, gone: int) -> None:
    one = Difference(new=new, changed=changed, gone=gone)
    assert too_few_new(one, cumulative=True, min_cell=8) is (new + changed + gone < 8)
    assert too_few_new(one, cumulative=False, min_cell=8) or not too_few_new(one, cumulative=True, min_cell=8)


EXACT = Disclosure(exact=("n", "sum"))
LAST = (cell("f", 20, 800), cell("m", 20, 900))


def left(*cells: Cell, last: tuple[Cell, ...] = LAST, disclosure: Disclosure = EXACT, **difference: int) -> list[Any]:
    """The levels that may leave of an answer about 100 datapoints."""
    partial = Partial(by=("sex",), rows=100, cells=cells)
    kept = untold(partial, last, difference=Difference(**difference), good=100, disclosure=disclosure, min_cell=8)
    return [one.key[0] for one in kept.cells]


def test_a_cell_that_one_newcomer_changed_waits_and_the_others_do_not() -> None:
    assert left(cell("f", 21, 850), cell("m", 28, 1300), new=9) == ["m"]
    assert left(cell("f", 20, 801), cell("m", 12, 500), gone=8, changed=1) == ["m"]
    assert left(cell("f", 27, 999), cell("m", 20, 900), new=7, changed=1) == ["m"]
    assert left(cell("f", 28, 999), cell("m", 20, 900), new=8) == ["f", "m"]


def test_a_cell_that_never_left_has_nothing_before_it_and_another_type_is_another_level() -> None:
    assert left(cell("x", 8, 80), cell("f", 20, 800), new=8) == ["x", "f"]
    assert left(cell(1, 21, 7), last=(cell(True, 20, 6),), new=8) == [1]


def test_where_everybody_is_in_one_cell_those_who_came_or_changed_differ_in_it() -> None:
    assert left(cell(None, 100, 5), last=(cell(None, 100, 4),), changed=8) == [None]
    assert left(cell(None, 100, 5), last=(cell(None, 100, 4),), changed=7, gone=9) == []
    assert left(cell(None, 99, 5), last=(cell(None, 98, 4),), changed=8) == []  # one does not pass the filter, or has no value


def test_rounded_counts_hide_one_by_themselves() -> None:
    assert left(cell("f", 21, 0), disclosure=Disclosure(rounded=("n", "sum")), new=8) == ["f"]


def test_what_stayed_away_is_set_against_when_it_left() -> None:
    now = Partial(by=("sex",), rows=100, cells=(cell("f", 23, 850), cell("m", 28, 1300), cell("x", 9, 9)))
    assert last_left(now, LAST, left=[("m",), ("x",)]) == (LAST[0], cell("m", 28, 1300), cell("x", 9, 9))
