"""The checks that a contract may name, with the arguments of each, as pandera calls them. Loads neither pandera nor polars.

A check is judged here, when its file is read, so that no row is touched on behalf of a slip of the pen. Nothing in a file is code.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, NoReturn

from podium.contracts import ColumnType
from podium.plugin import nearest
from podium.text import shortened

DTYPES: dict[str, ColumnType] = {
    "Int64": "integer",
    "Float64": "number",
    "String": "text",
    "Boolean": "boolean",
    "Date": "date",
    "Datetime(time_unit='us', time_zone=None)": "timestamp",
    "Binary": "binary",
}
SHORT = {
    "eq": "equal_to",
    "ne": "not_equal_to",
    "gt": "greater_than",
    "ge": "greater_than_or_equal_to",
    "lt": "less_than",
    "le": "less_than_or_equal_to",
    "between": "in_range",
}
OVER_COLUMNS = ("columns_compare", "implies")
OPERATORS = ("<", "<=", ">", ">=", "==", "!=")
MAX_PATTERN = 1000

_MEANT = {
    "integer": "a whole number",
    "number": "a number",
    "text": "a text",
    "boolean": "true or false",
    "date": "a date such as 2024-12-31",
    "timestamp": "a time such as 2024-12-31 18:30:00, without a time zone",
}
_TYPES: dict[str, tuple[type, ...]] = {"integer": (int,), "number": (int, float), "text": (str,), "boolean": (bool,)}
_ENDS = ("include_min", "include_max")
_ORDERED = ("integer", "number", "text", "date", "timestamp")
_COMPARED = (*_ORDERED, "boolean")


class Wrong(Exception):
    """What is wrong with an edit, and what helps. Who catches it knows the file and the place."""

    def __init__(self, what: str, remedy: str = "") -> None:
        self.what, self.remedy = what, remedy
        super().__init__(what)


def column_check(name: str, given: Any, kind: str) -> tuple[str, Any]:
    """The check's full name and its arguments in one form, for a column of that type. Raises Wrong."""
    full = SHORT.get(name, name)
    if full not in CHECKS:
        raise Wrong(f"there is no check {quote(name)}", nearest(name, [*CHECKS, *SHORT]))
    kinds, arguments = CHECKS[full]
    if kind not in kinds:
        raise Wrong(f"{full} is no check of a column of type {kind}", f"It is one for {', '.join(kinds)}.")
    return full, arguments(given, kind)


def frame_check(name: str, given: Any, kinds: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """The same for a check over the columns with these types."""
    match name:
        case "columns_compare":
            return name, _columns_compare(given, kinds)
        case "implies":
            return name, _implies(given, kinds)
    if SHORT.get(name, name) in CHECKS:
        raise Wrong(f"{name} is a check of one column", "Write it under that column.")
    raise Wrong(f"there is no check {quote(name)} over columns", nearest(name, list(OVER_COLUMNS)))


def columns_read(name: str, arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns that a check over columns reads."""
    sides = [arguments["left"], arguments["right"]] if name == "columns_compare" else [arguments[half]["column"] for half in _HALVES]
    return tuple(dict.fromkeys(sides))


def brief(statistics: Mapping[str, Any]) -> Any:
    """A check's arguments out of pandera's statistics as a file writes them: without defaults, and a value alone as itself."""
    found = {key: value for key, value in statistics.items() if value is not None and (key not in _ENDS or not value)}
    if "exact_value" in found or len(statistics) > 1:
        return found
    (value,) = found.values()
    return sorted(value) if isinstance(value, (set, frozenset)) else list(value) if isinstance(value, (list, tuple)) else value


def quote(name: object) -> str:
    """A name out of the file, for a message."""
    return shortened(repr(name), 60)


_HALVES = ("when", "then")


def _columns_compare(given: Any, kinds: Mapping[str, str]) -> dict[str, Any]:
    found = _keys(given, ("left", "op", "right"))
    left, right = _column(found["left"], kinds), _column(found["right"], kinds)
    if found["op"] not in OPERATORS:
        raise Wrong("op must be an operator", f"One of {' '.join(OPERATORS)}, in quotes.")
    alike = kinds[left] == kinds[right] or {kinds[left], kinds[right]} in ({"integer", "number"}, {"date", "timestamp"})
    if not alike or kinds[left] not in (_COMPARED if found["op"] in ("==", "!=") else _ORDERED):
        raise Wrong(f"a column of type {kinds[left]} and one of type {kinds[right]} have no such order", "Compare columns of one kind.")
    return found


def _implies(given: Any, kinds: Mapping[str, str]) -> dict[str, Any]:
    found = _keys(given, _HALVES)
    return {half: _condition(found[half], half, kinds) for half in _HALVES}


def _condition(given: Any, half: str, kinds: Mapping[str, str]) -> dict[str, Any]:
    if not isinstance(given, dict) or len(given) != 2 or "column" not in given:
        raise Wrong(f"{half} must name a column and one check", f"Such as {half}: {{column: NAME, eq: VALUE}}.")
    column = _column(given["column"], kinds)
    ((name, argument),) = ((key, value) for key, value in given.items() if key != "column")
    if name == "missing":
        return {"column": column, name: _scalar(argument, "boolean")}
    full, arguments = column_check(name, argument, kinds[column])
    return {"column": column, full: arguments}


def _column(name: Any, kinds: Mapping[str, str]) -> str:
    if not isinstance(name, str) or name not in kinds:
        raise Wrong(f"the contract has no column {quote(name)}", nearest(str(name), list(kinds)))
    return name


def _keys(given: Any, needed: Collection[str], optional: Collection[str] = ()) -> dict[str, Any]:
    listed = ", ".join([*needed, *optional])
    if not isinstance(given, dict):
        raise Wrong("its arguments must be named", f"They are {listed}.")
    for key in given:
        if key not in needed and key not in optional:
            raise Wrong(f"it has no argument {quote(key)}", f"They are {listed}.")
    for key in needed:
        if key not in given:
            raise Wrong(f"its argument {key} is missing", f"They are {listed}.")
    return {key: given[key] for key in (*needed, *optional) if key in needed or given.get(key) is not None}


def _scalar(given: Any, kind: str) -> Any:
    """The value as this type has it. Raises Wrong, without the value."""
    match kind:
        case "date":
            return _date(given)
        case "timestamp":
            return _timestamp(given)
    if type(given) not in _TYPES[kind] or (type(given) is float and not math.isfinite(given)):
        _wrong_type(kind)
    return given


def _date(given: Any) -> dt.date:
    try:
        found = dt.date.fromisoformat(given) if isinstance(given, str) else given
    except ValueError:
        _wrong_type("date")
    return found if type(found) is dt.date else _wrong_type("date")


def _timestamp(given: Any) -> dt.datetime:
    try:
        found = dt.datetime.fromisoformat(given) if isinstance(given, str) else given
    except ValueError:
        _wrong_type("timestamp")
    if type(found) is dt.date:
        return dt.datetime.combine(found, dt.time())
    return found if isinstance(found, dt.datetime) and found.tzinfo is None else _wrong_type("timestamp")


def _wrong_type(kind: str) -> NoReturn:
    remedy = "Put quotes around it." if kind == "text" else "Without quotes." if kind in ("integer", "number", "boolean") else ""
    raise Wrong(f"its argument must be {_MEANT[kind]}", remedy)


def _range(given: Any, kind: str) -> dict[str, Any]:
    found = _keys(given, ("min_value", "max_value"), _ENDS)
    low, high = (_scalar(found[key], kind) for key in ("min_value", "max_value"))
    if low > high:
        raise Wrong("min_value is above max_value", "Change them over.")
    ends = {key: _scalar(found.get(key, True), "boolean") for key in _ENDS}
    if low == high and not all(ends.values()):
        raise Wrong("no value is within it", "Give it a wider range.")
    return {"min_value": low, "max_value": high, **{key: end for key, end in ends.items() if not end}}


def _values(given: Any, kind: str) -> list[Any]:
    if not isinstance(given, list) or not given:
        raise Wrong("its argument must be a list of values", "Such as [a, b]. A missing value is a matter of `nullable`.")
    values = [_scalar(one, kind) for one in given]
    return [float(one) for one in values] if kind == "number" else values  # polars looks for no whole number among others


def _length(given: Any, _kind: str) -> dict[str, Any]:
    names = ("min_value", "max_value", "exact_value")
    found = {"exact_value": given} if type(given) is int else _keys(given, (), names)
    sizes = {key: _scalar(size, "integer") for key, size in found.items()}
    if not sizes or ("exact_value" in sizes and len(sizes) > 1):
        raise Wrong("it needs min_value, max_value or both, or exact_value alone")
    if min(sizes.values()) < 0 or sizes.get("min_value", 0) > sizes.get("max_value", math.inf):
        raise Wrong("no text has such a length", "Lengths count from 0, and min_value is at most max_value.")
    return {key: sizes[key] for key in names if key in sizes}


def _pattern(given: Any, _kind: str) -> str:
    pattern = str(_scalar(given, "text"))
    if len(pattern) > MAX_PATTERN:
        raise Wrong(f"its pattern is longer than {MAX_PATTERN} signs", "Try isin, or two checks.")
    if not _compiles(pattern):
        raise Wrong("its pattern is no regular expression", "Look-around and back references are none here. See the how-to on contracts.")
    return pattern


def _anchored(given: Any, kind: str) -> str:
    """For pandera puts `^` before the pattern, which then holds for the first alternative alone."""
    pattern = _pattern(given, kind)
    bare = re.sub(r"\[\^?\]?[^\]]*\]", "", re.sub(r"\\.", "", pattern, flags=re.DOTALL))
    while (inner := re.sub(r"\([^()]*\)", "", bare)) != bare:
        bare = inner
    if "|" in bare:
        raise Wrong("its alternatives are not in brackets, so only the first would be held to the start", "Write ^(a|b)$ for ^a|b$.")
    return pattern


def _compiles(pattern: str) -> bool:
    """Whether both who will read it can: Python's `re`, with which pandera looks at it, and polars, whose time is linear in the text."""
    import polars as pl

    try:
        re.compile(pattern)
        pl.Series([""]).str.contains(pattern)
    except (re.error, OverflowError, RecursionError, pl.exceptions.ComputeError):
        return False
    return True


def _text(given: Any, _kind: str) -> str:
    return str(_scalar(given, "text"))


_Arguments = Callable[[Any, str], Any]
CHECKS: dict[str, tuple[tuple[str, ...], _Arguments]] = {
    "equal_to": (_COMPARED, _scalar),
    "not_equal_to": (_COMPARED, _scalar),
    "greater_than": (_ORDERED, _scalar),
    "greater_than_or_equal_to": (_ORDERED, _scalar),
    "less_than": (_ORDERED, _scalar),
    "less_than_or_equal_to": (_ORDERED, _scalar),
    "in_range": (_ORDERED, _range),
    "isin": (_COMPARED, _values),
    "notin": (_COMPARED, _values),
    "str_matches": (("text",), _anchored),
    "str_contains": (("text",), _pattern),
    "str_startswith": (("text",), _text),
    "str_endswith": (("text",), _text),
    "str_length": (("text",), _length),
}
