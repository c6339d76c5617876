"""Schemas, contracts and rows for the tests of contracts."""

import datetime as dt
from typing import get_args

import pyarrow as pa
from hypothesis import strategies as st

from podium.contracts import Column, ColumnType, DatasourceSchema
from podium.datasources import ARROW
from schemas import contract_file
from schemas.datasource import contract_of, read

ODD = ["yes", "1", "null", "~", "a: b", "- a", "#", "'", '"', "*", "^a$", "c", "c0", "check_output", "failure_case", "index"]
ODD += ["schema_type", "dtype", "é ü", "日本", "", " ", "\n", "😀", "\x00", "a\x85b"]
names = st.sampled_from(ODD) | st.text(max_size=200)
VALUES = {
    "integer": st.integers(-(2**62), 2**62),
    "number": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53),
    "text": st.text(max_size=30),
    "boolean": st.booleans(),
    "date": st.dates(),
    "timestamp": st.datetimes(),
}
ORDERED = ("integer", "number", "text", "date", "timestamp")


@st.composite
def schemas(draw):
    kinds = draw(st.dictionaries(names, st.sampled_from(get_args(ColumnType)), min_size=1, max_size=8))
    stage = draw(st.sampled_from(["partial", "full"]))
    columns = [Column(name=name, type=kind, semantic="text", nullable=draw(st.booleans())) for name, kind in kinds.items()]
    return DatasourceSchema(datasource="t", stage=stage, rows=9 if stage == "full" else None, columns=tuple(columns))


@st.composite
def column_checks(draw, kind):
    """Some checks of one column, as people write them."""
    if kind not in VALUES:
        return {}
    value = VALUES[kind]
    forms = dict.fromkeys(("eq", "not_equal_to"), value) | {name: st.lists(value, min_size=1, max_size=4) for name in ("isin", "notin")}
    if kind in ORDERED:
        forms |= dict.fromkeys(("gt", "ge", "lt", "less_than_or_equal_to"), value)
        ends = st.tuples(value, value).map(sorted)
        forms["in_range"] = ends.map(lambda two: {"min_value": two[0], "max_value": two[1]})
    if kind == "text":
        sizes = st.integers(0, 20)
        forms |= {
            "str_matches": st.sampled_from(["^p[0-9]+$", "a(b|c)", r"[|]\|"]),
            "str_contains": st.just("a|b"),
            "str_startswith": value,
        }
        forms["str_length"] = sizes | st.fixed_dictionaries({"min_value": sizes})
    return draw(st.fixed_dictionaries({}, optional=forms))


@st.composite
def documents(draw):
    """A contract that a person has edited."""
    columns, kinds = {}, {}
    for name, dtype in draw(st.dictionaries(names, st.sampled_from(list(contract_file.DTYPES)), min_size=1, max_size=5)).items():
        kinds[name] = contract_file.DTYPES[dtype]
        flags = draw(st.fixed_dictionaries({}, optional={key: st.booleans() for key in ("nullable", "unique", "required")}))
        sayings = draw(st.fixed_dictionaries({}, optional={"description": st.text(min_size=1, max_size=20)}))
        columns[name] = {"dtype": dtype, **flags, **sayings, **draw(column_checks(kinds[name]))}
    document = {"schema_type": "polars_dataframe", "columns": columns}
    listed = list(kinds)
    if draw(st.booleans()):
        document["unique"] = draw(st.lists(st.sampled_from(listed), min_size=1, unique=True))
    checks = []
    for name in [name for name in listed if kinds[name] in ORDERED]:
        checks.append({"columns_compare": {"left": name, "op": draw(st.sampled_from(["<", "<=", "!="])), "right": name}})
        checks.append({"implies": {"when": {"column": name, "eq": draw(VALUES[kinds[name]])}, "then": {"column": name, "missing": False}}})
    if checks:
        document["checks"] = checks
    return document


def table(**columns):
    """Rows with their types told by their first letter: i, n, t, b, d, s."""
    letters = {"i": "integer", "n": "number", "t": "text", "b": "boolean", "d": "date", "s": "timestamp"}
    types = {name: pa.type_for_alias(ARROW[letters[name[0]]]) for name in columns}
    return pa.RecordBatch.from_arrays([pa.array(columns[name], types[name]) for name in columns], list(columns))


def edited(path, columns, **whole):
    """The contract of a file with these columns; a column's type is told by its first letter."""
    dtypes = {"i": "Int64", "n": "Float64", "t": "String", "b": "Boolean", "d": "Date", "s": "Datetime(time_unit='us', time_zone=None)"}
    fields = {name: {"dtype": dtypes[name[0]], "nullable": True, **checks} for name, checks in columns.items()}
    path.unlink(missing_ok=True)
    contract_file.save({"schema_type": "polars_dataframe", "columns": fields, **whole}, path)
    return read(path)


def plain(*columns, **more):
    """A contract without checks."""
    return contract_of(DatasourceSchema(datasource="t", stage="partial", columns=columns), **more)


def day(number):
    return dt.date(2024, 1, 1) + dt.timedelta(days=number)


def at(day_of_month, hour=0):
    return dt.datetime.combine(dt.date(2024, 1, day_of_month), dt.time(hour))
