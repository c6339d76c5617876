"""The rows that a filter keeps, against a slow oracle in plain Python that shares no code with it."""

import datetime as dt
import math
import operator

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podium.errors import ConfigError
from podium.filters import parse

SIGNS = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
EDGES = [0, 1, -1, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63), 40]
WHOLE = st.sampled_from(EDGES) | st.integers(-3, 3)
REAL = st.sampled_from([0.0, -0.0, 0.5, -0.5, 1.0, 1e300, 5e-324, math.inf, -math.inf, math.nan, 2.0**53]) | st.floats(-3, 3)
TEXT = st.sampled_from(["", "f", "m", "é", "it's", 'a"b', "`", "null", "\n"])
DAY = st.sampled_from([dt.date(1, 1, 1), dt.date(2024, 1, 31), dt.date(2024, 2, 1), dt.date(9999, 12, 31)])
MOMENTS = ["2024-01-31", "2024-01-31T00:00:00.000001", "0001-01-01", "2024-01-31T18:30"]
MOMENT = st.sampled_from([dt.datetime.fromisoformat(text) for text in MOMENTS])
NUMBER = WHOLE | st.sampled_from([0.5, -0.5, 1.0, -0.0, 1e300, -1e300, 9.3e18, 2**63, -(2**63) - 1, 2**70, 2**53 + 0.0])
KINDS = {
    "n": (WHOLE, NUMBER, pa.int64()),
    "x": (REAL, NUMBER, pa.float64()),
    "t": (TEXT, TEXT, pa.string()),
    "b": (st.booleans(), st.booleans(), pa.bool_()),
    "d": (DAY, DAY, pa.date32()),
    "day seen": (MOMENT, MOMENT, pa.timestamp("us")),
}


def conditions():
    def one(name):
        literals = KINDS[name][1]
        signs = ["==", "!="] if name in "tb" else list(SIGNS)
        return st.one_of(
            st.tuples(st.just("cmp"), st.just(name), st.sampled_from(signs), literals),
            st.tuples(st.just("in"), st.just(name), st.lists(literals, min_size=1, max_size=4)),
            st.tuples(st.just("null"), st.just(name)),
        )

    return st.sampled_from(sorted(KINDS)).flatmap(one)


TREES = st.recursive(
    conditions(),
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.just("and"), st.lists(inner, min_size=2, max_size=3)),
        st.tuples(st.just("or"), st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=8,
)
ROWS = st.lists(st.fixed_dictionaries({name: st.none() | values for name, (values, _, _) in KINDS.items()}), max_size=12)


def written(tree, quote):
    match tree:
        case ("cmp", name, sign, value):
            return f"{column(name)}{sign} {literal(value, quote)}"
        case ("in", name, values):
            return f"{column(name)} in ({', '.join(literal(value, quote) for value in values)})"
        case ("null", name):
            return f"{column(name)} IS null"
        case ("not", ("in", name, values)):
            return f"{column(name)} not in({','.join(literal(value, quote) for value in values)})"
        case ("not", ("null", name)):
            return f"{column(name)} is not null"
        case ("not", part):
            return f"not ({written(part, quote)})"
        case (join, parts):
            return f" {join} ".join(f"({written(part, quote)})" for part in parts)


def column(name):
    return f"`{name}`" if " " in name else name


def literal(value, quote):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    text = value if isinstance(value, str) else value.isoformat()
    return quote + text.replace(quote, quote * 2) + quote


def holds(tree, row):
    """True, False or None: SQL's three values."""
    match tree:
        case ("cmp", name, sign, value):
            cell = present(row[name])
            return None if cell is None else SIGNS[sign](cell, told(name, value))
        case ("in", name, values):
            cell = present(row[name])
            return None if cell is None else any(cell == told(name, value) for value in values)
        case ("null", name):
            return present(row[name]) is None
        case ("not", part):
            inner = holds(part, row)
            return None if inner is None else not inner
        case ("and", parts):
            found = [holds(part, row) for part in parts]
            return False if False in found else None if None in found else True
        case ("or", parts):
            found = [holds(part, row) for part in parts]
            return True if True in found else None if None in found else False


def present(cell):
    return None if isinstance(cell, float) and math.isnan(cell) else cell


def told(name, value):
    """A number is compared with a column of floats as the nearest float."""
    return float(value) if name == "x" else value


def batch_of(rows):
    return pa.RecordBatch.from_arrays([pa.array([row[name] for row in rows], kind) for name, (_, _, kind) in KINDS.items()], list(KINDS))


@settings(max_examples=400, deadline=None)
@given(TREES, ROWS, st.sampled_from("'\""))
def test_the_same_rows_as_the_oracle(tree, rows, quote):
    batch = batch_of([{**row, "row": None} for row in rows]).append_column("row", pa.array(range(len(rows)), pa.int64()))
    kept = [place for part in parse(written(tree, quote)).keep([batch]) for place in part.column("row").to_pylist()]
    assert kept == [place for place, row in enumerate(rows) if holds(tree, row) is True]


def kept(text, **columns):
    batch = pa.RecordBatch.from_arrays(list(columns.values()), list(columns))
    return next(parse(text).keep([batch])).column(0).to_pylist()


def test_a_null_is_neither_equal_nor_different():
    ages = pa.array([1, None, 3])
    assert kept("a != 1", a=ages) == [3]
    assert kept("not a == 1", a=ages) == [3]
    assert kept("a not in (1)", a=ages) == [3]
    assert kept("a != 1 or a is null", a=ages) == [None, 3]
    assert kept("a == 1 or not a == 1", a=ages) == [1, 3]


def test_nan_is_null():
    scores = pa.array([float("nan"), 1.0, None])
    assert len(kept("x is null", x=scores)) == 2
    assert kept("not x > 5", x=scores) == [1.0]


def test_no_value_can_make_it_fail():
    """Arrow refuses to compare an integer beyond 2**53 with a float: an error that only such a row causes."""
    large = pa.array([2**53 + 1, 2, -(2**63)])
    assert kept("a > 1.5", a=large) == [2**53 + 1, 2]
    assert kept("a in (2.0, 2.5, 1e30)", a=large) == [2]
    assert kept("a < 1e30", a=large) == large.to_pylist()


@pytest.mark.parametrize("text", ["x in (0)", "x in (-0.0)", "x == 0", "x == -0.0", "x in (5, 0.0)"])
def test_zero_has_one_sign(text):
    assert len(kept(text, x=pa.array([0.0, -0.0, 1.0]))) == 2


def test_no_rows_and_no_filter():
    assert list(parse("a > 1").keep([])) == []
    batch = pa.RecordBatch.from_arrays([pa.array([1, 2])], ["a"])
    assert list(parse("").keep([batch])) == [batch]
    assert [part.num_rows for part in parse("a > 5").keep([batch])] == [0]


@pytest.mark.parametrize(("text", "code"), [("b > 1", "unknown_column"), ("a == 'x'", "filter_type"), ("a == true", "filter_type")])
def test_rows_of_another_shape_than_the_card_said(text, code):
    """The same error with rows and without: it tells the column's type and nothing else."""
    told = set()
    for rows in ([], [1, None]):
        with pytest.raises(ConfigError) as caught:
            list(parse(text).keep([pa.RecordBatch.from_arrays([pa.array(rows, pa.int64())], ["a"])]))
        told.add((caught.value.code, str(caught.value)))
    assert len(told) == 1
    assert told.pop()[0] == code
