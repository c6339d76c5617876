"""A contract held against batches of rows by pandera, in bounded memory and with as few calls of it as that allows.

A call of pandera costs about a millisecond whatever the number of rows, so batches are put together first. It gets one column at a
time: its own report quotes every missing cell, and is let go before the next. Columns are numbered on the way
in, for some names mean something to polars or to pandera (`*`, `^a$`, `check_output`).
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

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
        self._columns = {str(name): _for_counting(column) for name, column in contract.columns.items()}
        self._across = [_Across(check) for check in contract.checks]
        self._strict = bool(contract.strict)
        self._seen: list[str] = []

    def add(self, frame: pl.DataFrame) -> None:
        """Count the rows that break each rule. Raises WorkerError where pandera fails, which is no verdict."""
        if frame.columns != self._seen:
            self._seen = frame.columns
            self._table(frame.columns)
        for name, column in self._columns.items():
            if name in frame.columns:
                self._note(pl.LazyFrame({"c": frame[name]}), column, of=name)
        for rule in self._across:
            if set(rule.names) <= set(frame.columns):
                self._note(rule.part(frame), rule.contract, of=", ".join(rule.names) if rule.names else None)

    def rows(self, frame: pl.DataFrame) -> Iterator[tuple[str, Any]]:
        """Each rule that is broken, and which rows break it; None: it is about none of them."""
        before = Counter(self.found)
        if frame.columns != self._seen:
            self._seen = frame.columns
            self._table(frame.columns)
        yield from ((rule, None) for rule in self.found - before)
        named: list[tuple[pl.LazyFrame, Column | DataFrameSchema, str]]
        named = [(pl.LazyFrame({"c": frame[name]}), column, name) for name, column in self._columns.items() if name in frame.columns]
        across = [rule for rule in self._across if set(rule.names) <= set(frame.columns)]
        for part, contract, of in [*named, *((rule.part(frame), rule.contract, ", ".join(rule.names)) for rule in across)]:
            for error in _errors(part, contract, of=of or None):
                output = error.check_output
                bad = (~output[CHECK_OUTPUT_KEY]).fill_null(value=False).to_numpy() if isinstance(output, pl.DataFrame) else None
                yield (f"{_name(error)}: {of}" if of else _name(error)), bad

    def _table(self, columns: list[str]) -> None:
        """Which columns there are, judged on a table without rows."""
        numbered = {name: f"c{number}" for number, name in enumerate(dict.fromkeys([*self._columns, *columns]))}
        named = {numbered[name]: Column(required=column.required) for name, column in self._columns.items()}
        empty = pl.LazyFrame(schema={numbered[name]: pl.Null for name in columns})
        names = {number: name for name, number in numbered.items()}
        for error in _errors(empty, DataFrameSchema(named, strict=self._strict), of=None):
            self.found[f"{_name(error)}: {names.get(str(error.failure_cases), '')}"] = 1

    def _note(self, frame: pl.LazyFrame, contract: Column | DataFrameSchema, *, of: str | None) -> None:
        for error in _errors(frame, contract, of=of):
            rule, rows = _name(error) if of is None else f"{_name(error)}: {of}", _rows(error)
            self.found[rule] = self.found[rule] + rows if rows else 1


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
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        if held and (rows + batch.num_rows > ROWS or size + batch.nbytes > BYTES):
            yield _frame(held)
            rows = size = 0
        held.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
    if held:
        yield _frame(held)


def _frame(held: list[pa.RecordBatch]) -> pl.DataFrame:
    import pyarrow as pa

    frame = pl.DataFrame(pl.from_arrow(pa.Table.from_batches(held)))
    frame.columns = held[0].schema.names  # polars calls a column without a name something else
    held.clear()
    return frame


def _for_counting(column: Column) -> Column:
    """The column's rules without `unique`, which no batch can judge."""
    twin = copy.copy(column)
    twin.name = "c"
    twin.unique = False
    twin.checks = [_counted(check) for check in column.checks]
    return twin


def _counted(check: Check) -> Check:
    """The check, quoting one bad row instead of all: pandera keeps beside it which rows are bad."""
    twin = copy.copy(check)
    twin.n_failure_cases = 1
    return twin


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


def _rows(error: SchemaError) -> int:
    """How many rows it is about; 0 where it is about none of them, as a type is."""
    output = error.check_output
    return int((~output[CHECK_OUTPUT_KEY]).sum()) if isinstance(output, pl.DataFrame) else 0
