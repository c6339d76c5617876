"""From what was seen of the columns to the schema."""

from __future__ import annotations

import datetime as dt
import math
import time
from collections.abc import Mapping

from podium.contracts import Category, Column, ColumnType, DatasourceSchema, Value
from podium.datasources import Datasource
from podium.datasources._dressing import words_of
from podium.workers.profile.seen import Seen
from podium.workers.semantics import Facts, described, infer

EPOCH = dt.date(1970, 1, 1)
_SECONDS = {"date": 86_400.0, "timestamp": 1e-6}


def finished(source: Datasource, *, rows: int, seen: dict[str, Seen], full: bool, token: str) -> DatasourceSchema:
    """The schema. The custodian's descriptions are put on later: `podium.datasources._dressing`."""
    labels = {name: words.labels for name, words in words_of(source).items()}

    def column(name: str, one: Seen) -> Column:
        return _column(source, facts_of(name, one, rows=rows), one, labels=labels.get(name, {}), full=full)

    return DatasourceSchema(
        datasource=source.name,
        stage="full" if full else "partial",
        rows=rows if full else None,
        columns=tuple(column(name, one) for name, one in seen.items()),
        token=token,
        generated_at=int(time.time()),
    )


def _column(source: Datasource, facts: Facts, seen: Seen, *, labels: Mapping[str, str], full: bool) -> Column:
    """What the custodian takes the column for: by `force_types`, by labels of half its levels or more; else what its values suggest."""
    if facts.name in source.force_types:
        semantic, reason = source.force_types[facts.name], "set by force_types"
    elif labels and facts.levels and 2 * sum(level.text in labels for level in facts.levels) >= len(facts.levels):
        semantic, reason = "categorical", "labels are given"
    else:
        semantic, reason = infer(facts)
    quantiles = spread_of(seen) if semantic in ("continuous", "date") else ()
    return described(facts, semantic, reason, full=full).model_copy(update={"quantiles": quantiles})


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
    return raw + 0.0 if isinstance(raw, float) else raw  # -0.0 is 0.0
