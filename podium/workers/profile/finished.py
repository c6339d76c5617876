"""From what was seen of the columns to the schema, dressed in the custodian's words."""

from __future__ import annotations

import datetime as dt
import math
import time

from podium.contracts import Category, Column, ColumnType, DatasourceSchema, Value
from podium.datasources import About, Datasource
from podium.workers.profile.seen import Seen
from podium.workers.semantics import Facts, described, infer

EPOCH = dt.date(1970, 1, 1)
_SECONDS = {"date": 86_400.0, "timestamp": 1e-6}


def finished(source: Datasource, *, rows: int, seen: dict[str, Seen], full: bool, token: str) -> DatasourceSchema:
    """The schema."""
    return DatasourceSchema(
        datasource=source.name,
        stage="full" if full else "partial",
        rows=rows if full else None,
        columns=tuple(dressed(source, facts_of(name, one, rows=rows), one, full=full) for name, one in seen.items()),
        token=token,
        generated_at=int(time.time()),
    )


def dressed(source: Datasource, facts: Facts, seen: Seen, *, full: bool) -> Column:
    """One column as the custodian wants it shown: `force_types` first, then her labels, then what its values suggest."""
    words = source.about.get(facts.name, About())
    if facts.name in source.force_types:
        semantic, reason = source.force_types[facts.name], "set by force_types"
    elif words.labels:
        semantic, reason = "categorical", "labels are given"
    else:
        semantic, reason = infer(facts)
    column = described(facts, semantic, reason, full=full)
    quantiles = spread_of(seen) if semantic in ("continuous", "date") else ()
    return column.model_copy(update={"quantiles": quantiles, **words.model_dump()})


def facts_of(name: str, seen: Seen, *, rows: int) -> Facts:
    """The figures that a semantic type is told from."""
    deviation = math.sqrt(seen.square / (seen.finite - 1)) if seen.finite > 1 and math.isfinite(seen.square) else None
    counted = seen.kind in ("integer", "number") and seen.finite > 0 and math.isfinite(seen.mean)
    unique = seen.unique() if seen.values else False
    return Facts(
        name=name,
        type=seen.kind,
        rows=rows,
        nulls=rows - seen.values,
        distinct=seen.values if unique else seen.distinct,
        exact=unique is True or seen.levels is not None or seen.sketch.exact,
        min=_value(seen.low, seen.kind),
        max=_value(seen.high, seen.kind),
        mean=seen.mean if counted else None,
        sd=deviation if counted else None,
        whole=seen.whole,
        length=seen.length / seen.values if seen.values else 0.0,
        levels=_sorted(seen.levels) if seen.levels else None,
        unique=unique,
        shape=seen.shape,
    )


def spread_of(seen: Seen) -> tuple[float, ...]:
    """Quantiles of a column of numbers, or of times as seconds since 1970."""
    if seen.low is None or seen.high is None:
        return ()
    scale = _SECONDS.get(seen.kind, 1.0)
    return tuple(scale * value for value in seen.spread.quantiles(seen.low, seen.high))


def _sorted(levels: dict[Value, int]) -> tuple[Category, ...]:
    """The levels by their rows; infinity, which JSON has no word for, is none."""
    named = [level for level in levels if not isinstance(level, float) or math.isfinite(level)]
    return tuple(Category(value=level, rows=levels[level]) for level in sorted(named, key=lambda level: (-levels[level], str(level))))


def _value(raw: float | None, kind: ColumnType) -> Value:
    """A JSON value; dates as ISO text, those that no calendar of Python's has as null."""
    try:
        if raw is not None and kind == "date":
            return (EPOCH + dt.timedelta(days=int(raw))).isoformat()
        if raw is not None and kind == "timestamp":
            return (dt.datetime.combine(EPOCH, dt.time()) + dt.timedelta(microseconds=int(raw))).isoformat()
    except OverflowError:
        return None
    return raw
