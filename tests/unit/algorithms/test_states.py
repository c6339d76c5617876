"""States of parts: whatever the rows, the parts, their order and what was edited, they add up to what all rows give, to the last bit."""

import copy
import json
import math
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podium.algorithms import Algorithm, Count, Covariance, Crosstab, Histogram, Mean, Quantile, Variance
from podium.algorithms._exact import from_text
from podium.algorithms._keys import decoded, encoded
from podium.errors import TaskError

SHAPE = {"i": pa.int64(), "f": pa.float64(), "w": pa.float64(), "g": pa.string(), "b": pa.bool_(), "d": pa.date32()}
WHERE = ["", "i > 0", "g == 'a' or f is null"]

AMOUNTS = st.one_of(
    st.none(),
    st.just(math.nan),
    st.sampled_from([0.1, 0.2, 0.3, -0.3, 1e16, 1.0, -1e16, 5e-324, -0.0]),
    st.floats(-1e140, 1e140, allow_nan=False),
    st.floats(-1, 1, allow_nan=False),
)
ROWS = st.fixed_dictionaries(
    {
        "i": st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.integers(-3, 3)),
        "f": AMOUNTS,
        "w": AMOUNTS,
        "g": st.sampled_from([None, "", "a", "b", "1", "n"]),
        "b": st.sampled_from([None, True, False]),
        "d": st.sampled_from([None, 0, 1]),
    }
)
ASKED = st.one_of(
    st.builds(Count, by=st.sampled_from([None, "g", ("b", "d")]), where=st.sampled_from(WHERE)),
    st.builds(Mean, column=st.sampled_from(["i", "f"]), by=st.sampled_from([None, "g", "b"]), where=st.sampled_from(WHERE)),
    st.builds(Variance, column=st.sampled_from(["i", "f"]), by=st.sampled_from([None, "d"]), where=st.sampled_from(WHERE)),
    st.builds(Covariance, columns=st.just(("f", "i", "w")), by=st.sampled_from([None, "g"]), where=st.sampled_from(WHERE)),
    st.builds(Histogram, column=st.sampled_from(["i", "f"]), edges=st.just((-1, 0, 0.25)), by=st.sampled_from([None, "b"])),
    st.builds(Quantile, column=st.just("f"), edges=st.just((-1, 0, 0.25)), q=st.just((0.5,)), where=st.sampled_from(WHERE)),
    st.builds(Crosstab, rows=st.just("g"), columns=st.just("b"), where=st.sampled_from(WHERE)),
)


def _batches(rows, size=7):
    """Some rows as a source gives them, every column in its one type."""
    columns = {name: pa.array([row[name] for row in rows], kind) for name, kind in SHAPE.items()}
    batch = pa.RecordBatch.from_arrays(list(columns.values()), list(columns))
    return [batch.slice(start, size) for start in range(0, len(rows), size)]


def _state(asked, rows, size=7):
    return json.loads(json.dumps(asked.state(_batches(rows, size)), allow_nan=False))


def _same(one, other):
    """Not only equal: of the same types, and to the last bit."""
    assert one == other
    assert one.model_dump_json() == other.model_dump_json()


@settings(max_examples=60, deadline=None)
@given(st.data(), ASKED, st.lists(st.lists(ROWS, max_size=12), min_size=1, max_size=5))
def test_parts_in_any_order_and_after_any_edit_give_what_all_rows_do(data, asked, parts):
    states = [_state(asked, part) for part in parts]
    for _ in range(3):
        order = data.draw(st.permutations(range(len(parts))))
        rows = [row for place in order for row in parts[place]]
        before = copy.deepcopy(states)
        _same(asked.merged(states[place] for place in order), asked.local(_batches(rows, size=data.draw(st.sampled_from([1, 5, 1000])))))
        assert states == before
        touched = data.draw(st.integers(0, len(parts) - 1))
        part = list(parts[touched])
        edit = data.draw(st.sampled_from(["add", "change", "delete"]))
        if edit == "add" or not part:
            part += data.draw(st.lists(ROWS, min_size=1, max_size=4))
        elif edit == "delete":
            del part[data.draw(st.integers(0, len(part) - 1))]
        else:
            part[data.draw(st.integers(0, len(part) - 1))] = data.draw(ROWS)
        parts[touched], states[touched] = part, _state(asked, part)


@settings(max_examples=30, deadline=None)
@given(st.data(), ASKED, st.lists(ROWS, max_size=30))
def test_a_state_says_nothing_of_order_or_batches(data, asked, rows):
    assert _state(asked, rows) == _state(asked, data.draw(st.permutations(rows)), size=data.draw(st.sampled_from([1, 4, 100])))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30), st.integers(1, 7))
def test_a_sum_of_any_floats_is_the_true_one_rounded_once(values, size):
    asked = Mean(column="x")
    states = [asked.state([pa.RecordBatch.from_arrays([pa.array(values[at : at + size])], ["x"])]) for at in range(0, len(values), size)]
    try:
        truth = float(sum(map(Fraction, values)))
    except OverflowError:
        with pytest.raises(TaskError) as caught:
            asked.merged(states)
        assert caught.value.code == "overflow"
    else:
        found = asked.merged(states).cells[0].values["sum"]
        assert (type(found), found) == (float, truth)


def test_more_rows_than_are_added_up_at_once():
    """All bits in use, and so many rows that a float could not add them up: less their rounded sum, what rounding left out is left."""
    values = [1 + place * 0.6180339887498949 % 1 for place in range(50_000)]
    whole = [int(value * 2**52) for value in values]
    rounded = math.fsum(values)
    left = math.ldexp(sum(whole) - int(rounded * 2**52), -52)
    batch = pa.RecordBatch.from_arrays([pa.array([*values, -rounded])], ["x"])
    assert left != 0.0
    assert Mean(column="x").local([batch]).cells[0].values == {"n": 50_001, "sum": left}
    batch = pa.RecordBatch.from_arrays([pa.array(values), pa.array(values[::-1])], ["x", "y"])
    (_, [_, _, _, products]), *_ = Covariance(columns=("x", "y")).state([batch])["cells"]
    assert from_text(products[0], 104) == from_text(products[2], 104) == sum(value * value for value in whole)
    assert from_text(products[1], 104) == sum(one * other for one, other in zip(whole, whole[::-1], strict=True))


@pytest.mark.parametrize("asked", [Mean(column="x", by="g"), Variance(column="x", by="g"), Histogram(column="x", edges=(0, 1), by="g")])
def test_a_batch_without_rows(asked):
    batch = pa.RecordBatch.from_arrays([pa.array([], pa.float64()), pa.array([], pa.string())], ["x", "g"])
    _same(asked.local([batch]), asked.local([]))
    _same(asked.merged([asked.state([batch])]), asked.merged([]))


LEVELS = [None, "", "n", "1", "1.0", "true", "None", True, False, 1, 0, -1, 2**70, 1.0, 0.0, 0.1, 1e300, 5e-324, "é\u0000'\"", "btrue"]


def test_levels_are_told_apart_by_type():
    texts = [json.loads(json.dumps(encoded([level]))) for level in LEVELS]
    assert len({tuple(text) for text in texts}) == len(LEVELS)
    for level, text in zip(LEVELS, texts, strict=True):
        (found,) = decoded(text)
        assert (type(found), found) == (type(level), level)


@pytest.mark.parametrize(
    "text", ["", "x", "i", "i1.0", "i 1", "i01", "i1_0", "f1", "finf", "fnan", "f0x1p+0", "b", "bTrue", "b1", "nn", 1, None]
)
def test_what_is_no_level(text):
    assert decoded([text]) is None
    with pytest.raises(TaskError) as caught:
        Count(by="g").merged([{"v": 1, "rows": 9, "cells": [[[text], [9]]]}])
    assert caught.value.code == "bad_state"


def test_parts_whose_levels_are_of_other_types_stay_apart():
    """A column that was whole numbers in one part and true or false in another."""
    asked = Count(by="x")
    of = [asked.state([pa.RecordBatch.from_arrays([pa.array(values)], ["x"])]) for values in ([1, 0], [True, True], [1.0], ["1"], [None])]
    cells = {encoded(cell.key): cell.n for cell in asked.merged(of).cells}
    assert cells == {("i1",): 1, ("i0",): 1, ("btrue",): 2, ("f0x1.0000000000000p+0",): 1, ("s1",): 1, ("n",): 1}


GOOD = {
    Mean(column="x"): [2, True, "3p0"],
    Variance(column="x"): [2, [True], ["3p0"], ["5p0"]],
    Covariance(columns=("x", "y")): [2, [True, False], ["3p0", "3p-1"], ["5p0", "5p-1", "5p-2"]],
}
BAD = {
    Mean(column="x"): [
        [2, 1, "3p0"],
        [2, True, "3p-1"],
        [2, True, 3],
        [2, True, "6p0"],
        [2, True, "3P0"],
        [2, True, "03p0"],
        [2, True, "-0p0"],
        [2, True, "+3p0"],
        [2, True, "3p"],
        [2, True, "1p70"],
        [2, False, "1p1026"],
        [2, False, "1p-1201"],
        [2, False, "f" * 5000 + "p0"],
        [2, False, "1p9999"],
        [0, True, "3p0"],
        [3, True, "3p0"],
        [2.0, True, "3p0"],
        [2**63, True, "3p0"],
        [True, True, "1p0"],
        [2, True],
    ],
    Variance(column="x"): [
        [2, [True], ["3p0"], ["-5p0"]],
        [2, [True], ["3p0"], ["1p0"]],
        [2, [True], ["3p0"], ["1p2050"]],
        [2, [True], ["3p0"], []],
        [2, [True, True], ["3p0"], ["5p0"]],
        [2, True, ["3p0"], ["5p0"]],
        [0, [True], ["0"], ["5p0"]],
    ],
    Covariance(columns=("x", "y")): [
        [2, [True, False], ["3p0", "3p-1"], ["5p0", "1p4", "5p-2"]],
        [2, [True, False], ["3p0"], ["5p0", "5p-1", "5p-2"]],
        [2, [True, False], ["3p0", "3p-1"], ["5p0", "5p-2"]],
        [2, [True, None], ["3p0", "3p-1"], ["5p0", "5p-1", "5p-2"]],
    ],
}


@pytest.mark.parametrize(("asked", "tally"), [(asked, tally) for asked, some in BAD.items() for tally in some])
def test_figures_that_no_rows_can_have(asked, tally):
    """Types, sizes, and what follows from one another: n values have a sum, and squares that are no smaller than it allows."""
    state = {"v": 1, "rows": 2, "cells": [[[], tally]]}
    with pytest.raises(TaskError) as caught:
        asked.merged([state])
    assert caught.value.code == "bad_state"
    assert asked.merged([{**state, "cells": [[[], GOOD[asked]]]}]).cells[0].n == 2


@pytest.mark.parametrize(
    "cells",
    [
        [[["sa"], [2]], [["sb"], [2]]],
        [[["sa"], [1]], [["sa"], [1]]],
        [[["sa", "sb"], [1]]],
        [[[], [1]]],
        [[["sa"], [1, 1]]],
        [[["sa"], []]],
        [[["sa"]]],
        ["sa"],
        {"sa": [1]},
        None,
    ],
)
def test_cells_that_no_rows_can_have(cells):
    with pytest.raises(TaskError) as caught:
        Count(by="g").merged([{"v": 1, "rows": 3, "cells": cells}])
    assert (caught.value.code, "sa" in str(caught.value)) == ("bad_state", False)


@pytest.mark.parametrize("kind", ["count", "mean", "variance", "histogram", "quantile", "crosstab", "covariance"])
def test_a_state_of_other_code_is_refused_as_such(kind):
    asked = Algorithm.of(kind).sample()
    with pytest.raises(TaskError) as caught:
        asked.merged([asked.state([]), {**asked.state([]), "v": 0, "sums": "in another form"}])
    assert caught.value.code == "state_version"


def test_the_size_of_a_state_depends_on_the_levels_alone():
    rows = [{"i": n, "f": n / 7, "w": n * 1e9 / 11, "g": "ab"[n % 2], "b": True, "d": 0} for n in range(3000)]
    for kind, asked in {"mean": Mean(column="f", by="g"), "covariance": Covariance(columns=("i", "f", "w"), by="g")}.items():
        small, large = (len(json.dumps(asked.state(_batches(rows[:count], 1000)))) for count in (300, 3000))
        assert large < small * 1.2, kind
