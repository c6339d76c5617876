"""A datasource's schema: partial from its head, full from one aggregate pass and a second look at the few columns that call for one.

DuckDB does both inside its memory limit, whatever the size of the source.
"""

from __future__ import annotations

import datetime as dt
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from podium.contracts import Category, ColumnType, DatasourceSchema, Value
from podium.datasources import ARROW, Datasource
from podium.datasources._faults import explained
from podium.datasources._tables import Table, connect, quoted
from podium.workers.semantics import Facts, infer, wants_levels, wants_uniqueness

if TYPE_CHECKING:
    import duckdb

HEAD_ROWS = 10_000
AT_ONCE = 30  # columns of one second look: SQL's grouping() takes a limited number
_FIGURES = 7
_ORDERED = ("integer", "number", "date", "timestamp")


def profile(source: Datasource, stage: Literal["partial", "full"]) -> DatasourceSchema:
    """The schema. `partial`: statistics of the first rows only, and no number of rows. Raises DataSourceError."""
    token = source.token()
    types = dict(source.columns())
    engine = connect(source.path if isinstance(source, Table) else Path("/nonexistent"))
    head = f" LIMIT {HEAD_ROWS}" if stage == "partial" else ""
    with explained(source.path if isinstance(source, Table) else Path(source.name)):
        facts = _first_look(engine, f"({_rows(engine, source, list(types))}{head})", types)
        few = [one.name for one in facts.values() if wants_levels(one)]
        many = [one.name for one in facts.values() if wants_uniqueness(one)]
        for start in range(0, max(len(few), len(many)), AT_ONCE):
            seen = few[start : start + AT_ONCE], many[start : start + AT_ONCE]
            relation = f"({_rows(engine, source, list(dict.fromkeys([*seen[0], *seen[1]])))}{head})"
            facts |= _second_look(engine, relation, facts, *seen)
    columns = []
    for name, found in facts.items():
        semantic, reason = infer(found)
        if name in source.force_types:
            semantic, reason = source.force_types[name], "set by force_types"
        columns.append(found.column(semantic, reason, full=stage == "full"))
    rows = next((found.rows for found in facts.values()), 0)
    return DatasourceSchema(
        datasource=source.name,
        stage=stage,
        rows=rows if stage == "full" else None,
        columns=tuple(columns),
        token=token,
        generated_at=int(time.time()),
    )


def _rows(engine: duckdb.DuckDBPyConnection, source: Datasource, names: Sequence[str]) -> str:
    """SQL for these columns. A source that is no file for DuckDB is read by its own `read()`, as a stream, once for each query."""
    if isinstance(source, Table):
        return source.select(engine, names)
    import pyarrow as pa

    types = dict(source.columns())
    schema = pa.schema([(name, pa.type_for_alias(ARROW[types[name]])) for name in names])
    engine.register("source_rows", pa.RecordBatchReader.from_batches(schema, source.read(names)))
    return "SELECT * FROM source_rows"


def _first_look(engine: duckdb.DuckDBPyConnection, relation: str, types: dict[str, ColumnType]) -> dict[str, Facts]:
    figures = [figure for name, kind in types.items() for figure in _figures(quoted(name), kind)]
    (row,) = engine.execute(f"SELECT count(*), {', '.join(figures)} FROM {relation}").fetchall()  # noqa: S608 names are quoted
    rows, facts = int(row[0]), {}
    for position, (name, kind) in enumerate(types.items()):
        count, distinct, low, high, mean, sd, extra = row[1 + _FIGURES * position : 1 + _FIGURES * (position + 1)]
        facts[name] = Facts(
            name=name,
            type=kind,
            rows=rows,
            nulls=rows - int(count),
            distinct=int(distinct),
            min=_value(low),
            max=_value(high),
            mean=_finite(mean),
            sd=_finite(sd),
            whole=bool(extra) if kind == "number" else kind == "integer",
            length=float(extra or 0) if kind == "text" else 0.0,
        )
    return facts


def _figures(c: str, kind: ColumnType) -> list[str]:
    """Count, distinct, least, greatest, mean, deviation, and one that depends on the type. NaN is no value; infinity spoils no mean."""
    valued, finite = c, c
    if kind == "number":
        valued, finite = f"CASE WHEN NOT isnan({c}) THEN {c} END", f"CASE WHEN abs({c}) < 1e150 THEN {c} END"
    extra = {"number": f"bool_and({finite} = trunc({finite}))", "text": f"avg(length({c}))"}.get(kind, "NULL")
    ordered = [f"min({finite})", f"max({finite})"] if kind in _ORDERED else ["NULL", "NULL"]
    moments = [f"avg({finite})", f"stddev_samp({finite})"] if kind in ("integer", "number") else ["NULL", "NULL"]
    return [f"count({valued})", f"approx_count_distinct({valued})", *ordered, *moments, extra]


def _second_look(
    engine: duckdb.DuckDBPyConnection, relation: str, facts: dict[str, Facts], few: Sequence[str], many: Sequence[str]
) -> dict[str, Facts]:
    """Exact levels of `few`, exact uniqueness of `many`, in one query.

    Equal values have equal hashes, so hashes that are all different prove that no value is there twice.
    """
    levels, hashes = [f"c{i}" for i in range(len(few))], [f"h{i}" for i in range(len(many))]
    inner = [f"{quoted(name)} AS {c}" for name, c in zip(few, levels, strict=True)]
    inner += [f"CASE WHEN {quoted(name)} IS NOT NULL THEN hash({quoted(name)}) END AS {h}" for name, h in zip(many, hashes, strict=True)]
    every = [*levels, *hashes]
    is_hash = f"coalesce({', '.join([*hashes, 'NULL'])}) IS NOT NULL"
    keep = " OR ".join([*(f"grouping({c}) = 0" for c in levels), "count(*) > 1"])
    query = (
        f"SELECT g, {', '.join([*levels, is_hash])}, sum(n) FROM ("  # noqa: S608 names are quoted
        f"SELECT grouping({', '.join(every)}) AS g, {', '.join(every)}, count(*) AS n FROM (SELECT {', '.join(inner)} FROM {relation}) "
        f"GROUP BY GROUPING SETS ({', '.join(f'({one})' for one in every)}) HAVING {keep}) GROUP BY ALL"
    )
    found: dict[str, list[Category]] = {name: [] for name in few}
    repeated: set[str] = set()
    for mask, *values, twice, n in engine.execute(query).fetchall():
        position = len(every) - 1 - (~int(mask) & ((1 << len(every)) - 1)).bit_length() + 1
        if position >= len(few):
            repeated |= {many[position - len(few)]} if twice else set()
        elif (value := _value(values[position])) is not None:
            found[few[position]].append(Category(value=value, rows=int(n)))
    seen = {name: replace(facts[name], levels=_sorted(levels), distinct=len(levels)) for name, levels in found.items()}
    proved = {name: replace(facts[name], unique=True, distinct=facts[name].values) for name in many if name not in repeated}
    return seen | proved


def _sorted(levels: list[Category]) -> tuple[Category, ...]:
    return tuple(sorted(levels, key=lambda level: (-level.rows, str(level.value))))


def _value(raw: Any) -> Value:
    """A JSON value; dates as ISO text, NaN as null."""
    if isinstance(raw, dt.date):
        return raw.isoformat()
    if isinstance(raw, float):
        return raw + 0.0 if math.isfinite(raw) else None
    return raw if isinstance(raw, (bool, int, str)) else None


def _finite(raw: Any) -> float | None:
    return float(raw) if raw is not None and math.isfinite(raw) else None
