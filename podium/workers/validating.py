"""A whole source held against a contract, for the custodian who writes one: no run, no history, and no row is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from podium.contracts import ValidationReport
from podium.datasources import Datasource

if TYPE_CHECKING:
    import pyarrow as pa


def validated(source: Datasource, contract: Path, *, progress: Callable[[int], None]) -> ValidationReport:
    """Every rule on every row, and what the kind kept out by its reasons. Raises ConfigError for a broken contract, DataSourceError."""
    from podium.project import load

    contracts = load("schemas.datasource")
    rules, columns = contracts.read(contract), [name for name, _ in source.columns()]
    report: ValidationReport = contracts.validate(_told(source.read(columns), progress), rules)
    kept_out = Counter(source.kept_out().values())
    failures = report.failures | dict(kept_out)
    return ValidationReport(rows=report.rows + kept_out.total(), ok=not failures, failures=failures)


def _told(batches: Iterable[pa.RecordBatch], progress: Callable[[int], None]) -> Iterator[pa.RecordBatch]:
    rows = 0
    for batch in batches:
        yield batch
        rows += batch.num_rows
        progress(rows)
