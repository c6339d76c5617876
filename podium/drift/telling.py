"""Drift in words, for a person: names, rules, rounded counts. No category and no other value of the data is told here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from podium.config import DisclosureSection
from podium.drift.diff import CONSEQUENCE, LEVELS, Change, Drift
from podium.privacy.disclosure import rounded


@dataclass(frozen=True)
class Told:
    """One line of a table."""

    level: str
    column: str
    what: str
    means: str


def told(drift: Drift, rules: DisclosureSection) -> list[Told]:
    """A line for each change, in the order of `drift`."""
    lines = []
    for change in drift.changes:
        what, means = _SAYINGS[change.rule](change, drift, rules)
        lines.append(Told(level=change.level, column=change.column, what=what, means=means))
    return lines


def headline(drift: Drift) -> str:
    """Such as `1 break, 2 drift, 3 notes`."""
    counts = [(level, sum(change.level == level for change in drift.changes)) for level in reversed(LEVELS)]
    return ", ".join(f"{n} {'notes' if level == 'note' and n > 1 else level}" for level, n in counts if n) or "nothing"


def in_brief(drift: Drift) -> str:
    """For a log: the rules that were broken with consequence, and the columns."""
    named = [f"{change.rule} {change.column}".strip() for change in drift.changes if change.level in CONSEQUENCE]
    return ", ".join(named)


def rows_told(count: int | None, rules: DisclosureSection) -> str:
    """A count of rows as it may leave a pod."""
    if count is None:
        return "-"
    return f"fewer than {rules.min_cell}" if 0 < count < rules.min_cell else f"{rounded(count, rules.round_to):,}"


def _dropped(change: Change, _drift: Drift, _rules: DisclosureSection) -> tuple[str, str]:
    return f"column gone (it held {change.before})", "questions about it are refused"


def _retyped(change: Change, _drift: Drift, _rules: DisclosureSection) -> tuple[str, str]:
    return f"type {change.before} → {change.after}", "questions about it may be refused, or mean something else"


def _added(change: Change, _drift: Drift, _rules: DisclosureSection) -> tuple[str, str]:
    return f"new column ({change.after})", "analysts see it; only a grant that names it opens it"


def _retaken(change: Change, _drift: Drift, _rules: DisclosureSection) -> tuple[str, str]:
    return f"taken for {change.after}, was {change.before}", "what may be asked about it has changed; force_types settles it"


def _categories(change: Change, _drift: Drift, _rules: DisclosureSection) -> tuple[str, str]:
    parts = [
        f"{len(values)} {'category' if len(values) == 1 else 'categories'} {word}"
        for word, values in (("new", change.new), ("gone", change.gone))
        if values
    ]
    return ", ".join(parts), "groups appear or disappear; a renamed one does both"


def _distribution(change: Change, _drift: Drift, _rules: DisclosureSection) -> tuple[str, str]:
    figures = [f"stability index about {change.psi or 0:.1f}"]
    if change.higher is not None and change.lower is not None:
        figures.append(f"distance about {max(change.higher, change.lower):.1f}")
    size = "large" if change.level != "note" else "some"
    return f"{size} change of distribution ({', '.join(figures)})", f"{_where(change)}; figures from before do not compare"


def _where(change: Change) -> str:
    """Which way the values went, where that is clear."""
    if change.higher is None or change.lower is None:
        return "categories have other shares"
    if change.higher > 2 * change.lower:
        return "values lie higher"
    return "values lie lower" if change.lower > 2 * change.higher else "values are spread otherwise"


def _nulls(change: Change, drift: Drift, rules: DisclosureSection) -> tuple[str, str]:
    before = f"{rows_told(change.count_before, rules)} of {rows_told(drift.rows_before, rules)} rows"
    after = f"{rows_told(change.count_after, rules)} of {rows_told(drift.rows_after, rules)}"
    more = (change.count_after or 0) * (drift.rows_before or 0) > (change.count_before or 0) * (drift.rows_after or 0)
    means = "fewer rows answer a question about it" if more else "more rows answer a question about it"
    return f"missing values: {before} → {after}", means


def _rows(change: Change, _drift: Drift, rules: DisclosureSection) -> tuple[str, str]:
    before, after = rows_told(change.count_before, rules), rows_told(change.count_after, rules)
    means = "half or more are gone: is the file whole?" if change.level == "drift" else "as data grow or are tidied"
    return f"rows {before} → {after}", means


_SAYINGS: dict[str, Callable[[Change, Drift, DisclosureSection], tuple[str, str]]] = {
    "column_dropped": _dropped,
    "type_changed": _retyped,
    "column_added": _added,
    "semantic_changed": _retaken,
    "categories": _categories,
    "distribution": _distribution,
    "nulls": _nulls,
    "rows": _rows,
}
