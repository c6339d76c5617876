"""Checks over columns, as pandera runs them: functions of a frame. A missing cell breaks only a rule about missing cells.

`columns_compare`: one column's value stands in this order to the other's, where both have one. `implies`: where the first condition holds,
the second does. NaN is a missing value here, as it is to `nullable`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
import polars.selectors as cs
from pandera.api.polars.types import PolarsData
from pandera.polars import Check

_COMPARE: dict[str, Callable[[Any, Any], pl.Expr]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def columns_compare(data: PolarsData, *, left: str, op: str, right: str) -> pl.LazyFrame:
    """`left op right`, for each row."""
    return _without_nan(data.lazyframe).select(_COMPARE[op](pl.col(left), pl.col(right)))


def implies(data: PolarsData, *, when: Mapping[str, Any], then: Mapping[str, Any]) -> pl.LazyFrame:
    """Not `when`, or `then`, for each row."""
    frame = _without_nan(data.lazyframe)
    halves = [_holds(frame, condition, name) for name, condition in (("when", when), ("then", then))]
    return pl.concat(halves, how="horizontal").select(~pl.col("when") | pl.col("then"))


def check_of(name: str, arguments: Mapping[str, Any]) -> Check:
    """The check of that name, as pandera has it."""
    rule: Callable[..., Any] = columns_compare if name == "columns_compare" else implies
    return Check(rule, name=name, **arguments)


def moved(arguments: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The same arguments where the columns have other names."""
    if "left" in arguments:
        return {**arguments, "left": names[arguments["left"]], "right": names[arguments["right"]]}
    return {half: {**condition, "column": names[condition["column"]]} for half, condition in arguments.items()}


def _holds(frame: pl.LazyFrame, condition: Mapping[str, Any], name: str) -> pl.LazyFrame:
    column = condition["column"]
    ((check, argument),) = ((key, value) for key, value in condition.items() if key != "column")
    if check == "missing":
        return frame.select((pl.col(column).is_null() == argument).alias(name))
    rule = column_check_of(check, argument)
    found = Check.get_builtin_check_fn(check)(PolarsData(frame, column), **(rule.statistics or {}))
    return found.select(pl.all().alias(name))  # type: ignore[no-any-return]  # one column of truth


def column_check_of(name: str, arguments: Any) -> Check:
    """A check of one column, as pandera has it."""
    made = getattr(Check, name)
    return made(**arguments) if isinstance(arguments, dict) else made(arguments)  # type: ignore[no-any-return]


def _without_nan(frame: pl.LazyFrame) -> pl.LazyFrame:
    return frame.with_columns(cs.float().fill_nan(None))
