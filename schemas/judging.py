"""A contract held against batches of rows by pandera, in bounded memory and with as few calls of it as that allows.

A call of pandera costs about a millisecond whatever the number of rows, so batches are put together first. It gets one column at a
time: its own report quotes every missing cell, and is let go before the next. Columns are numbered on the way
in, for some names mean something to polars or to pandera (`*`, `^a$`, `check_output`).
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import polars as pl
from pandera.config import ValidationDepth, config_context
from pandera.constants import CHECK_OUTPUT_KEY
from pandera.errors import SchemaError, SchemaErrors
from pandera.polars import Check, Column, DataFrameSchema

from podium.errors import WorkerError
from schemas.across import check_of, moved
from schemas.vocabulary import OVER_COLUMNS, columns_read

if TYPE_CHECKING:
    import pyarrow as pa

ROWS, BYTES = 1 << 19, 64 << 20


class Judge:
    """One contract, made ready for many batches; it adds up what they break."""

    def __init__(self, contract: DataFrameSchema) -> None:
        self.found = Counter[str]()
        self._columns = {str(name): _Alone(column) for name, column in contract.columns.items()}
        self._across = [_Across(check) for check in contract.checks]
        self._strict = bool(contract.strict)
        self._seen: list[str] = []

    def add(self, frame: pl.DataFrame) -> None:
        """Count the rows that break each rule. Raises WorkerError where pandera fails, which is no verdict."""
        for rule, kept in self.broken(frame):
            self.found[rule] = 1 if kept is None else self.found[rule] + int((~kept).sum())

    def broken(self, frame: pl.DataFrame) -> Iterator[tuple[str, pl.Series | None]]:
        """Each rule that is broken in this frame, and for each row whether it keeps it; None where the rule is about no row, as a type is.

        The rules come in the order of the contract. Raises WorkerError.
        """
        if frame.columns != self._seen:
            self._seen = frame.columns
            yield from self._table(frame.columns)
        for name, column in self._columns.items():
            if name in frame.columns and (judge := column.judge(frame[name])):
                yield from _broken(pl.LazyFrame({"c": frame[name]}), judge, of=name, rows=frame.height)
        for rule in self._across:
            if set(rule.names) <= set(frame.columns):
                of = ", ".join(rule.names) if rule.names else None
                yield from _broken(rule.part(frame), rule.contract, of=of, rows=frame.height)

    def _table(self, columns: list[str]) -> Iterator[tuple[str, None]]:
        """Which columns there are, judged on a table without rows."""
        numbered = {name: f"c{number}" for number, name in enumerate(dict.fromkeys([*self._columns, *columns]))}
        named = {numbered[name]: Column(required=column.of_any.required) for name, column in self._columns.items()}
        empty = pl.LazyFrame(schema={numbered[name]: pl.Null for name in columns})
        names = {number: name for name, number in numbered.items()}
        for error in _errors(empty, DataFrameSchema(named, strict=self._strict), of=None):
            yield f"{_name(error)}: {names.get(str(error.failure_cases), '')}", None


class _Alone:
    """A column's rules without `unique`, which no batch can judge.

    Polars knows whether a value is missing; pandera would look at each row for it, which is a third of its work.
    """

    def __init__(self, column: Column) -> None:
        self.of_any = copy.copy(column)
        self.of_any.name = "c"
        self.of_any.unique = False
        self.of_any.checks = [_counted(check) for check in column.checks]
        self._of_all = copy.copy(self.of_any)
        self._of_all.nullable = True
        self._only_type = column.dtype.type if column.dtype and not (column.checks or column.parsers or column.coerce) else None

    def judge(self, values: pl.Series) -> Column | None:
        """What pandera is to judge of them; None where there is nothing left to."""
        if self.of_any.nullable or not (values.null_count() or (values.dtype.is_float() and values.is_nan().any())):
            return None if values.dtype == self._only_type else self._of_all
        return self.of_any


class _Across:
    """A check over columns, and the part of a frame that it is for. One that is not ours does not say which: it gets the whole."""

    def __init__(self, check: Check) -> None:
        name, arguments = check.name or "", check.statistics or {}
        ours = name in OVER_COLUMNS
        self.names = columns_read(name, arguments) if ours else ()
        numbered = {name: f"c{number}" for number, name in enumerate(self.names)}
        self.contract = DataFrameSchema(checks=[_counted(check_of(name, moved(arguments, numbered)) if ours else check)])

    def part(self, frame: pl.DataFrame) -> pl.LazyFrame:
        return pl.LazyFrame({f"c{number}": frame[name] for number, name in enumerate(self.names)}) if self.names else frame.lazy()


def grouped(batches: Iterable[pa.RecordBatch]) -> Iterator[pl.DataFrame]:
    """The batches put together, up to a number of rows and bytes. It keeps nothing of a frame that it has handed out."""
    for held in bundled(batches):
        yield _taken(held)


def bundled(batches: Iterable[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    """As many batches as are put together. The list is the caller's."""
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        if held and (rows + batch.num_rows > ROWS or size + batch.nbytes > BYTES):
            yield held
            held, rows, size = [], 0, 0
        held.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
    if held:
        yield held


def frame_of(batches: Sequence[pa.RecordBatch]) -> pl.DataFrame:
    """The batches as one frame."""
    import pyarrow as pa

    frame = pl.DataFrame(pl.from_arrow(pa.Table.from_batches(batches)))
    frame.columns = batches[0].schema.names  # polars calls a column without a name something else
    return frame


def _taken(held: list[pa.RecordBatch]) -> pl.DataFrame:
    frame = frame_of(held)
    held.clear()
    return frame


def _counted(check: Check) -> Check:
    """The check, quoting one bad row instead of all: pandera keeps beside it which rows are bad."""
    twin = copy.copy(check)
    twin.n_failure_cases = 1
    return twin


def _broken(
    frame: pl.LazyFrame, contract: Column | DataFrameSchema, *, of: str | None, rows: int
) -> Iterator[tuple[str, pl.Series | None]]:
    for error in _errors(frame, contract, of=of):
        yield _name(error) if of is None else f"{_name(error)}: {of}", _kept(error, rows)


def _errors(frame: pl.LazyFrame, contract: Column | DataFrameSchema, *, of: str | None) -> list[SchemaError]:
    """What is broken, as pandera has it. Raises WorkerError."""
    # Without this depth pandera looks at a lazy frame's types only, and passes whatever the rows hold.
    with config_context(validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA):
        try:
            contract.validate(frame, lazy=True)
        except SchemaErrors as errors:
            return list(errors.schema_errors)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 whatever it is, its text may quote rows
            what = type(error).__name__
        else:
            return []
    raise WorkerError(f"pandera failed with {what} on {'the table' if of is None else of}.", code="worker_error")


def _name(error: SchemaError) -> str:
    """The check's name without its arguments: they may be values."""
    check = error.check
    name = str(getattr(check, "name", None) or check or "check").partition("(")[0].strip()
    return name if name.replace("_", "").isalnum() else "check"


def _kept(error: SchemaError, rows: int) -> pl.Series | None:
    """For each row whether it keeps the rule; None where it is about the table, as a type is, or a check that has one answer for all."""
    output, quoted = error.check_output, error.failure_cases
    by_row = isinstance(output, pl.DataFrame) and isinstance(quoted, pl.DataFrame) and output.height == rows
    return output[CHECK_OUTPUT_KEY] if by_row else None
