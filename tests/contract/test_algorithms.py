"""Every kind of algorithm keeps the family's contract, on every sensible `by`; kinds that break it are caught."""

import pytest

from podium.algorithms import Additive, Algorithm, Count, Covariance, Histogram, Mean, Variance
from podium.contracts import Cell, Disclosure, Partial
from podium.errors import TaskError
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
        lambda **f: Covariance(columns=("age", "score"), **f),
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


@pytest.mark.parametrize("kind", ["count", "covariance", "crosstab", "histogram", "mean", "quantile", "variance"])
def test_kinds_whose_states_add(kind):
    assert issubclass(Algorithm.of(kind), Additive)


class Loose(Mean):
    """Additive by hand, and well for integers: tests spoil it."""

    def state(self, batches):
        partial = Mean(column=self.column, by=self.by, where=self.where).local(batches)
        cells = [[list(cell.key), cell.n, cell.values["sum"]] for cell in partial.cells]
        return {"v": 1, "rows": partial.rows, "cells": cells}

    def merged(self, states):
        rows, found = 0, {} if self.levels else {(): [0, 0]}
        for state in states:
            self.look(state)
            rows += state["rows"]
            for key, n, total in state["cells"]:
                cell = found.setdefault(tuple(key), [0, 0])
                cell[0], cell[1] = cell[0] + n, cell[1] + total
        cells = tuple(Cell(key=key, n=n, values={"n": n, "sum": total}) for key, (n, total) in found.items())
        return Partial(by=self.levels, rows=rows, cells=cells)

    def look(self, state):
        try:
            assert all(type(n) is int and n >= 0 for n in (state["rows"], *(cell[1] for cell in state["cells"])))
            assert all(type(cell[2]) in (int, float) and abs(cell[2]) < 1e300 for cell in state["cells"])
            assert all(len(cell) == 3 and len(cell[0]) == len(self.levels) for cell in state["cells"])
            assert all(level is None or isinstance(level, str) for cell in state["cells"] for level in cell[0])
            assert state.keys() == {"v", "rows", "cells"}
            assert type(state["v"]) is int
            assert sum(cell[1] for cell in state["cells"]) <= state["rows"]
        except (AssertionError, LookupError, TypeError, AttributeError):
            raise TaskError("no", code="bad_state") from None
        if state["v"] != 1:
            raise TaskError("no", code="state_version")


@pytest.fixture
def loose():
    """Whether a spoilt one is caught: `loose(state=…)` on the integers, or as told."""

    def check(column="age", **methods):
        made = type("Spoilt", (Loose,), {**methods, "kind": "spoilt", "__module__": __name__})
        check_algorithm(made(column=column, by="sex"))

    return check


def test_an_additive_kind_without_what_this_one_has_is_fine(loose):
    loose()


def test_sums_that_are_rounded_part_by_part_are_caught(loose):
    with pytest.raises(AssertionError, match="do not add up"):
        loose("score")


def test_a_state_that_forgets_the_filter_is_caught(loose):
    def state(self, batches):
        return Loose.state(self.model_copy(update={"where": ""}), batches)

    def local(self, batches):
        return self.merged([Loose.state(self, batches)])

    with pytest.raises(AssertionError, match="passed the filter"):
        loose(state=state, local=local)


def test_a_state_that_is_no_json_is_caught(loose):
    def state(self, batches):
        return {**Loose.state(self, batches), "cells": tuple(Loose.state(self, batches)["cells"])}

    with pytest.raises(AssertionError, match="survive JSON"):
        loose(state=state)


def test_states_that_are_changed_by_merging_are_caught(loose):
    def merged(self, states):
        for state in (states := list(states)):
            self.look(state)
        if len(states) > 1:
            states[0]["rows"] += sum(state["rows"] for state in states[1:])
            states[0]["cells"] += [cell for state in states[1:] for cell in state["cells"]]
        return Loose.merged(self, states[:1])

    with pytest.raises(AssertionError, match="merging changes"):
        loose(merged=merged)


def _not_at_all(self, state):
    return None


def _not_at_the_version(self, state):
    Loose.look(self, {**state, "v": 1} if type(state) is dict and "v" in state else state)


def _not_at_this_version(self, state):
    if state["v"] != 1:
        Loose.look(self, state)


@pytest.mark.parametrize(
    ("look", "words"),
    [(_not_at_all, "another version"), (_not_at_the_version, "another version"), (_not_at_this_version, "ends in KeyError")],
)
def test_states_that_are_not_looked_at_are_caught(loose, look, words):
    with pytest.raises(AssertionError, match=words):
        loose(look=look)


def test_no_rows_that_are_something_are_caught(loose):
    def merged(self, states):
        partial = Loose.merged(self, (states := list(states)))
        return partial if states else partial.model_copy(update={"rows": 1})

    with pytest.raises(AssertionError, match="no states"):
        loose(merged=merged)
