"""Every kind of algorithm keeps the family's contract, on every sensible `by`; kinds that break it are caught."""

import pytest

from podium.algorithms import Algorithm, Count, Histogram, Mean, Variance
from podium.contracts import Cell, Disclosure
from podium.testing import check_algorithm


@pytest.fixture(autouse=True)
def _restore():
    yield
    for kind, made in list(Algorithm._kinds.items()):  # what is imported stays registered; what a test has made up goes
        if not made.__module__.startswith("podium."):
            del Algorithm._kinds[kind]


@pytest.mark.parametrize("kind", Algorithm.kinds())
def test_kind_keeps_the_contract(kind):
    check_algorithm(Algorithm.of(kind).sample())


@pytest.mark.parametrize("by", [None, "sex", "smoker", ("sex", "smoker"), ("smoker", "sex")])
@pytest.mark.parametrize(
    "make",
    [
        Count,
        lambda **f: Mean(column="age", **f),
        lambda **f: Mean(column="score", **f),
        lambda **f: Variance(column="age", **f),
        lambda **f: Variance(column="score", **f),
        lambda **f: Histogram(column="age", edges=(40, 60), **f),
        lambda **f: Histogram(column="score", edges=(-1e5, 1e5), **f),
    ],
)
def test_each_by(make, by):
    check_algorithm(make(by=by))


def test_an_undeclared_value_is_caught():
    class Telling(Count):
        kind = "telling"

        def local(self, batches):
            partial = super().local(batches)
            return partial.model_copy(update={"cells": tuple(Cell(key=c.key, n=c.n, values={**c.values, "max": 9}) for c in partial.cells)})

    with pytest.raises(AssertionError, match="not those declared"):
        check_algorithm(Telling(by="sex"))


def test_a_figure_that_depends_on_batches_is_caught():
    class Naive(Mean):
        kind = "naive"

        def local(self, batches):
            cells = {}
            for batch in batches:  # keeps the last batch's sum only
                for cell in super().local([batch]).cells:
                    cells[cell.key] = cell
            return super().local([]).model_copy(update={"rows": 200, "cells": tuple(cells.values())})

    with pytest.raises(AssertionError, match="other batches"):
        check_algorithm(Naive(column="score", by="sex"))


def test_a_mean_of_means_is_caught():
    class Rough(Mean):
        kind = "rough"

        def combine(self, tables, hidden=frozenset()):
            means = [t.cells[0].values["sum"] / t.cells[0].values["n"] for t in tables]
            return sum(means) / len(means)

    with pytest.raises(AssertionError, match="halves"):
        check_algorithm(Rough(column="age"))


def test_a_value_declared_twice_is_caught():
    class Twice(Count):
        kind = "twice"

        def disclosure(self):
            return Disclosure(rounded=("count",), exact=("count",))

    with pytest.raises(AssertionError, match="both"):
        check_algorithm(Twice())


def test_a_filter_that_is_forgotten_is_caught():
    class Deaf(Count):
        kind = "deaf"

        def local(self, batches):
            return self.share(batches)

    with pytest.raises(AssertionError, match="left out are counted"):
        check_algorithm(Deaf())


def test_a_filter_whose_columns_are_not_named_is_caught():
    class Secretive(Count):
        kind = "secretive"

        def columns(self):
            return self.reads()

    with pytest.raises(AssertionError, match="lacks those of where"):
        check_algorithm(Secretive())


def test_a_filter_that_no_card_is_asked_about_is_caught():
    class Trusting(Count):
        kind = "trusting"

        def check(self, card):
            self.suits(card)

    with pytest.raises(AssertionError, match="by an identifier"):
        check_algorithm(Trusting(by="sex"))


@pytest.mark.parametrize(("shown", "words"), [(0, "not shown as missing"), (None, "has figures")])
def test_a_hidden_level_that_shows_a_figure_is_caught(shown, words):
    class Careless(Count):
        kind = "careless"

        def combine(self, tables, hidden=frozenset()):
            table = super().combine(tables, hidden)
            rows = sum(cell.values["count"] for one in tables for cell in one.cells)
            table["count"] = table["count"].fillna(rows if shown is None else shown)
            return table

    with pytest.raises(AssertionError, match=words):
        check_algorithm(Careless(by="sex"))
