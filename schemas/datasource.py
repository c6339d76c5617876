"""The shape of a datasource's rows: a pandera contract derived from its schema, kept as YAML for people to edit, and back.

Rows are validated in batches, so memory stays bounded; uniqueness is judged over all batches. A report has rule names and counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from pandera.polars import Check, Column, DataFrameSchema

from podium import contracts
from podium.contracts import DatasourceSchema, SemanticType, ValidationReport
from podium.errors import ConfigError
from schemas import contract_file
from schemas.across import check_of, column_check_of
from schemas.contract_file import FLAGS, SAID
from schemas.judging import Judge, grouped
from schemas.uniqueness import Uniqueness, unique_rules
from schemas.vocabulary import CHECKS, DTYPES, OVER_COLUMNS, brief, columns_read

if TYPE_CHECKING:
    import pyarrow as pa

_POLARS: dict[str, Any] = {
    "integer": pl.Int64,
    "number": pl.Float64,
    "text": pl.String,
    "boolean": pl.Boolean,
    "date": pl.Date,
    "timestamp": pl.Datetime("us"),
    "binary": pl.Binary,
    "other": pl.String,
}
_SEMANTIC: dict[str, SemanticType] = {
    "integer": "continuous",
    "number": "continuous",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "date",
}


def contract_of(schema: DatasourceSchema, *, key: Sequence[str] = ()) -> DataFrameSchema:
    """Every column with its type; not nullable where the schema says so, as after a pass without nulls; the key unique together."""
    columns = {
        column.name: Column(_POLARS[column.type], nullable=column.nullable and column.name not in key, required=True)
        for column in schema.columns
    }
    return DataFrameSchema(columns, unique=list(key) or None)


def schema_of(contract: DataFrameSchema, *, datasource: str) -> DatasourceSchema:
    """The columns, types and nullability that a contract states; of what the rows are like it states nothing.

    `contract_of` makes the same of it again, given the key, but for checks. A contract holds type `other` as text.
    """
    columns = []
    for name, column in contract.columns.items():
        kind = DTYPES[str(column.dtype)]
        semantic = _SEMANTIC.get(kind, "text")
        columns.append(
            contracts.Column(
                name=str(name),
                type=kind,
                semantic=semantic,
                reason="told by the contract alone",
                description=column.description or "",
                nullable=column.nullable,
            )
        )
    return DatasourceSchema(datasource=datasource, stage="partial", columns=tuple(columns))


def save(contract: DataFrameSchema, path: Path) -> Path:
    """Write the contract as YAML, 0600. A file that a person has edited is kept: the new one goes to `NAME.yaml.new`, which is returned."""
    return contract_file.save(document_of(contract), path)


def read(path: Path) -> DataFrameSchema:
    """The contract in a file. Raises ConfigError, with the file's name, column, check and remedy."""
    document = contract_file.load(path)
    return DataFrameSchema(
        {name: _column(dict(fields)) for name, fields in document["columns"].items()},
        checks=[check_of(name, arguments) for one in document.get("checks", ()) for name, arguments in one.items()],
        **{key: document[key] for key in ("title", "description", "unique", "strict") if key in document},
    )


def document_of(contract: DataFrameSchema) -> dict[str, Any]:
    """The contract as its file says it. Raises ConfigError where it holds what no file can."""
    document: dict[str, Any] = {"schema_type": contract_file.TYPE, "api": "polars"}
    document |= _said(contract)
    document["columns"] = {str(name): _fields(column) for name, column in contract.columns.items()}
    if contract.unique:
        document["unique"] = [one if isinstance(one, str) else list(one) for one in contract.unique]
    if contract.strict:
        document["strict"] = True
    if contract.checks:
        document["checks"] = [{_named(check, OVER_COLUMNS): dict(check.statistics or {})} for check in contract.checks]
    return document


def only(contract: DataFrameSchema, columns: Sequence[str]) -> DataFrameSchema:
    """The part of the contract that speaks of these columns: a run is validated on what it reads.

    A rule over several columns stays where all of them are read.
    """
    read = set(columns)
    together = [list(rule) for rule in unique_rules(contract) if read.issuperset(rule)]
    return DataFrameSchema(
        {name: rule for name, rule in contract.columns.items() if name in read},
        checks=[check for check in contract.checks if _over(check, read)],
        unique=together or None,  # type: ignore[arg-type]  # its backend takes lists of lists too
        strict=contract.strict,  # type: ignore[arg-type]  # pandera's own value
    )


def validate(batches: Iterable[pa.RecordBatch], contract: DataFrameSchema) -> ValidationReport:
    """Every rule on every row. A failure is counted under `RULE: COLUMN`, or all the rule's columns."""
    judge, unique, rows = Judge(contract), Uniqueness(unique_rules(contract)), 0
    for frame in grouped(batches):
        rows += frame.height
        judge.add(frame)
        unique.add(frame)
        del frame  # before the next is read
    failures = judge.found + unique.failures()
    return ValidationReport(rows=rows, ok=not failures, failures=dict(failures))


class Sifter:
    """Tells good rows from bad. `rules`, `failures` (rows by rule) and `fatal` (what is not about single rows) grow with what is added."""

    def __init__(self, contract: DataFrameSchema, *, unique: bool = True) -> None:
        self._judge, self._unique = Judge(contract), Uniqueness(unique_rules(contract) if unique else [])
        self.rules: list[str] = []
        self.failures, self.fatal = Counter[str](), Counter[str]()

    def add(self, batch: pa.RecordBatch) -> Any:
        """Of each row 0, or 1 + the place in `rules` of the first rule that it breaks, as 16-bit numbers."""
        frame = next(grouped([batch]))
        codes = np.zeros(frame.height, dtype=np.uint16)
        for rule, bad in self._judge.rows(frame):
            if bad is None:
                self.fatal[rule] = 1
                continue
            if rule not in self.rules:
                self.rules.append(rule)
            self.failures[rule] += int(bad.sum())
            codes[bad & (codes == 0)] = 1 + self.rules.index(rule)
        self._unique.add(frame)
        return codes

    def finish(self) -> None:
        """Nothing comes after: judge what must be there once."""
        self.fatal.update(self._unique.failures())


def preload() -> None:
    """Load what pandera loads lazily, without starting a thread of polars'."""
    DataFrameSchema({"a": Column(pl.Int64)}).register_default_backends(pl.DataFrame)


def warm() -> None:
    """Run pandera once, so that the first real batch does not pay for what it loads lazily."""
    preload()
    Judge(DataFrameSchema({"a": Column(pl.Int64)})).add(pl.DataFrame({"a": [1]}))


def _column(fields: dict[str, Any]) -> Column:
    settings = {key: fields.pop(key) for key in (*SAID, *FLAGS) if key in fields}
    kind = DTYPES[fields.pop("dtype")]
    return Column(_POLARS[kind], [column_check_of(name, arguments) for name, arguments in fields.items()], **settings)


def _fields(column: Column) -> dict[str, Any]:
    fields: dict[str, Any] = {"dtype": str(column.dtype)}
    fields |= {key: getattr(column, key) for key, default in FLAGS.items() if getattr(column, key) != default}
    fields |= _said(column)
    for check in column.checks:
        name = _named(check, CHECKS)
        if name in fields:
            raise ConfigError(f"a column has two checks {name}.", field="contract", remedy="A file holds one of each.", code="contract")
        fields[name] = brief(check.statistics or {})
    return fields


def _over(check: Check, columns: set[str]) -> bool:
    """Whether it reads these columns only. A check that is not ours does not say what it reads."""
    name = check.name or ""
    return name not in OVER_COLUMNS or columns.issuperset(columns_read(name, check.statistics or {}))


def _said(of: Column | DataFrameSchema) -> dict[str, str]:
    return {key: getattr(of, key) for key in SAID if getattr(of, key)}


def _named(check: Check, known: Iterable[str]) -> str:
    name = check.name or ""
    if name not in known:
        raise ConfigError("the contract has a check of its own, which no file can hold.", field="contract", code="contract")
    return name
