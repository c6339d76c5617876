"""One test a sentence of the gate's docstring."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.contracts import Cell, Disclosure, Partial, Status
from podium.errors import TaskError
from podium.privacy.disclosure import Rules, rounded
from podium.privacy.gate import release

COUNTS = Disclosure(rounded=("count",))
MEANS = Disclosure(exact=("n", "sum"))
RULES = Rules()


def counts(*sizes: int, rows: int | None = None) -> Partial:
    cells = tuple(Cell(key=(f"level{i}",), n=n, values={"count": n}) for i, n in enumerate(sizes))
    return Partial(by=("group",), rows=sum(sizes) if rows is None else rows, cells=cells)


def rules_of(released) -> list[tuple[str, str]]:
    return [(s.rule, s.scope) for s in released.suppressed]


def test_an_undeclared_figure_stops_everything():
    partial = Partial(rows=100, cells=(Cell(n=100, values={"count": 100, "max": 93}),))
    with pytest.raises(TaskError, match="not declared") as caught:
        release(partial, disclosure=COUNTS, rules=RULES)
    assert caught.value.code == "gate_closed"


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_figure_that_is_no_number_stops_everything(bad):
    cell = Cell.model_construct(key=(), n=100, values={"n": 100, "sum": bad})
    with pytest.raises(TaskError, match="finite"):
        release(Partial.model_construct(by=(), rows=100, cells=(cell,)), disclosure=MEANS, rules=RULES)


def test_a_worker_that_claims_more_rows_than_it_read_is_not_believed():
    with pytest.raises(TaskError, match="more rows"):
        release(counts(60, 60, rows=100), disclosure=COUNTS, rules=RULES)


def test_a_level_that_stands_twice_stops_everything():
    cell = Cell(key=("a",), n=20, values={"count": 20})
    with pytest.raises(TaskError, match="twice"):
        release(Partial(by=("group",), rows=40, cells=(cell, cell)), disclosure=COUNTS, rules=RULES)


def test_too_few_rows_and_nothing_leaves():
    released = release(counts(9), disclosure=COUNTS, rules=RULES)
    assert (released.status, released.cells, released.rows) == (Status.SUPPRESSED, (), 0)
    assert rules_of(released) == [("min_rows", "result")]


def test_too_many_levels_and_nothing_leaves():
    released = release(counts(*[20] * 41), disclosure=COUNTS, rules=RULES)
    assert rules_of(released) == [("max_levels", "result")]


def test_too_many_cells_and_nothing_leaves():
    released = release(counts(*[20] * 31), disclosure=COUNTS, rules=Rules(max_result_rows=30))
    assert rules_of(released) == [("max_result_rows", "result")]


def test_a_small_cell_stays_with_its_level():
    released = release(counts(50, 7, 40, 3), disclosure=COUNTS, rules=RULES)
    assert [cell.key for cell in released.cells] == [("level0",), ("level2",)]
    assert rules_of(released) == [("min_cell", "cells")]
    assert "level1" not in released.model_dump_json()


def test_how_many_cells_were_hidden_is_not_told():
    one, two = release(counts(50, 7), disclosure=COUNTS, rules=RULES), release(counts(50, 4, 3), disclosure=COUNTS, rules=RULES)
    assert one == two


def test_no_cell_left_is_suppressed_not_zero():
    released = release(counts(7, 7), disclosure=COUNTS, rules=RULES)
    assert released.status is Status.SUPPRESSED
    assert rules_of(released) == [("min_cell", "result")]


def test_counts_are_rounded_and_exact_figures_are_not():
    assert release(counts(52), disclosure=COUNTS, rules=RULES).cells[0].values == {"count": 50}
    mean = Partial(rows=52, cells=(Cell(n=52, values={"n": 52, "sum": 3.25}),))
    assert release(mean, disclosure=MEANS, rules=RULES).cells[0].values == {"n": 52, "sum": 3.25}


def test_rows_do_not_betray_a_hidden_cell():
    assert release(counts(50, 7), disclosure=COUNTS, rules=RULES).rows == release(counts(50), disclosure=COUNTS, rules=RULES).rows


def test_cells_leave_sorted_by_level():
    cells = tuple(Cell(key=(k,), n=20, values={"count": 20}) for k in ("b", None, "a", True, 2))
    released = release(Partial(by=("group",), rows=100, cells=cells), disclosure=COUNTS, rules=RULES)
    again = release(Partial(by=("group",), rows=100, cells=cells[::-1]), disclosure=COUNTS, rules=RULES)
    assert released == again
    assert released.cells[-1].key == (None,)


@given(st.lists(st.integers(0, 200), max_size=30), st.integers(1, 20), st.integers(1, 20))
def test_nothing_under_the_minimum_ever_leaves(sizes, min_cell, to):
    released = release(counts(*sizes), disclosure=COUNTS, rules=Rules(min_cell=min_cell, min_rows=1, round_to=to))
    allowed = {f"level{i}": rounded(n, to) for i, n in enumerate(sizes) if n >= min_cell}
    assert {cell.key[0]: cell.values["count"] for cell in released.cells} == allowed
    assert (released.status is Status.SUPPRESSED) == (not allowed)


@given(st.integers(0, 10**6), st.integers(1, 1000))
def test_rounding_is_to_the_nearest_multiple(n, to):
    assert rounded(n, to) % to == 0
    assert abs(rounded(n, to) - n) * 2 <= to


FITTED = Disclosure(exact=("n", "h"), params=3, supports={"classes": "min_cell", "weight": "min_weight"})


def fitted(n: int = 100, **supports: int) -> Partial:
    held = {"classes": 40, "weight": 20, **supports}
    return Partial(rows=max(n, 100), cells=(Cell(n=n, values={"n": n, "h": 2.5}, supports=held),))


def test_supports_are_checked_and_stay():
    released = release(fitted(), disclosure=FITTED, rules=RULES)
    assert released.cells[0].values == {"n": 100, "h": 2.5}
    assert "weight" not in released.model_dump_json()
    assert rules_of(release(fitted(classes=7), disclosure=FITTED, rules=RULES)) == [("min_cell", "result")]
    assert rules_of(release(fitted(weight=7), disclosure=FITTED, rules=RULES)) == [("min_weight", "result")]
    assert release(fitted(classes=8, weight=8), disclosure=FITTED, rules=RULES).status is Status.RELEASED


@pytest.mark.parametrize("supports", [{}, {"classes": 40}, {"classes": 40, "weight": 20, "more": 20}, {"classes": 40, "weight": 101}])
def test_a_cell_that_does_not_say_what_it_rests_on_stops_everything(supports):
    cell = Cell(n=100, values={"n": 100, "h": 2.5}, supports=supports)
    with pytest.raises(TaskError, match="rest on") as caught:
        release(Partial(rows=100, cells=(cell,)), disclosure=FITTED, rules=RULES)
    assert caught.value.code == "gate_closed"


def test_parameters_need_rows():
    assert rules_of(release(fitted(29, classes=10), disclosure=FITTED, rules=RULES)) == [("max_params_ratio", "result")]
    assert release(fitted(30, classes=10), disclosure=FITTED, rules=RULES).status is Status.RELEASED


def test_after_max_rounds_nothing_leaves():
    assert release(fitted(), disclosure=FITTED, rules=RULES, rounds_before=24).status is Status.RELEASED
    assert rules_of(release(fitted(), disclosure=FITTED, rules=RULES, rounds_before=25)) == [("max_rounds", "result")]
