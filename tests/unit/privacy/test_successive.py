"""The rule `too_few_new`, sentence by sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.privacy.successive import Difference, too_few_new

FEW = st.integers(0, 12)


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
