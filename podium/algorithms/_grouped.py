"""What the algorithms with `by` share: the field itself, its check, and the table an analyst sees."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import field_validator

from podium.algorithms._checks import grouping
from podium.algorithms._filtered import Filtered
from podium.contracts import Card, Released, Value

if TYPE_CHECKING:
    import pandas as pd

MAX_BY = 2
KEPT_BACK = "(kept back)"
Key = tuple[Value, ...]


class Grouped(Filtered):
    """An algorithm that answers once, or once a level of at most two categorical columns.

    `shows` are the columns of its table besides the levels: a column of the same name cannot be grouped by.
    """

    shows: ClassVar[tuple[str, ...]]

    by: str | tuple[str, ...] | None = None

    @field_validator("by")
    @classmethod
    def _few(cls, by: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        names = (by,) if isinstance(by, str) else by
        if names is not None and not 1 <= len(names) <= MAX_BY:
            raise ValueError(f"takes one or {MAX_BY} columns")
        if names is not None and len(set(names)) < len(names):
            raise ValueError("names the same column twice")
        unclashing(names or (), cls.shows)
        return by

    @property
    def levels(self) -> tuple[str, ...]:
        """The columns of `by`, always a tuple."""
        return (self.by,) if isinstance(self.by, str) else self.by or ()

    def suits(self, card: Card) -> None:
        for name in self.levels:
            grouping(card, name, field=f"algorithm.{self.kind}.by")


def unclashing(names: Sequence[str], shows: Sequence[str]) -> None:
    """Raise ValueError where a level's column would be overwritten by a figure's in the table."""
    for name in names:
        if name in (*shows, "suppressed", "partial"):
            raise ValueError(f"a column named {name!r} would hide a column of the answer; ask the custodian to rename it")


def sums(tables: Sequence[Released], add: Callable[[list[int | float]], int | float]) -> dict[Key, dict[str, int | float]]:
    """Each level's values, added over all tables."""
    found: dict[Key, dict[str, list[int | float]]] = {}
    for table in tables:
        for cell in table.cells:
            mine = found.setdefault(cell.key, {})
            for name, value in cell.values.items():
                mine.setdefault(name, []).append(value)
    return {key: {name: add(parts) for name, parts in values.items()} for key, values in found.items()}


def completed(
    counts: dict[Key, dict[str, int | float]], every: Iterable[Key], *, tables: Sequence[Released], hidden: frozenset[Key]
) -> tuple[dict[Key, dict[str, int | float]], frozenset[Key]]:
    """Counts and hidden keys with all of `every` among them: what no table has is 0 if nothing at all was kept back, else hidden."""
    missing = {key for key in every if key not in counts} - hidden
    if hidden or any(table.suppressed for table in tables):
        return counts, hidden | missing
    return counts | {key: {"count": 0} for key in missing}, hidden


def as_table(
    by: Sequence[str], figures: Mapping[Key, Mapping[str, Any]], *, tables: Sequence[Released], hidden: frozenset[Key], names: Sequence[str]
) -> pd.DataFrame:
    """One row a level, sorted, nulls last; `suppressed` names the rule where figures are missing.

    Which levels a pod kept back is not known. Where no level of the table can be among them, a last row KEPT_BACK stands for them, so
    that a table never looks complete when it is not.
    """
    import pandas as pd

    if not hidden and any(table.suppressed for table in tables):
        hidden = frozenset([(KEPT_BACK,) * len(by)])
    keys = sorted({*figures, *hidden}, key=lambda key: (key == (KEPT_BACK,) * len(by), [_rank(level) for level in key]))
    data: dict[str, list[Any]] = {name: [key[position] for key in keys] for position, name in enumerate(by)}
    for name in names:
        data[name] = [None if key in hidden else figures[key][name] for key in keys]
    data["suppressed"] = ["min_cell" if key in hidden else "" for key in keys]
    table = pd.DataFrame(data, columns=list(data))
    for name in names:
        whole = all(isinstance(value, int) for value in data[name] if value is not None)
        kinds = (pd.Int64Dtype(), "int64") if whole else (pd.Float64Dtype(), "float64")
        table[name] = pd.Series(data[name], dtype=kinds[0] if None in data[name] else kinds[1])
    return table


def _rank(level: Value) -> tuple[int, Any]:
    """Numbers and booleans before text, null last."""
    if level is None:
        return 2, 0
    return (1, level) if isinstance(level, str) else (0, level)
