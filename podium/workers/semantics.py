"""What a column means, told from a few figures; the reason is recorded with the answer.

When in doubt the answer is the one that gives less away: nothing is offered for grouping that could be an identifier or a text.
0/1 numbers and yes/no texts are boolean; booleans stored as such too. Numbers of at most 12 whole values are codes: categorical.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from podium.contracts import Category, Column, ColumnType, SemanticType, Value

MAX_LISTED = 40  # levels that a schema lists
MAX_LEVELS = 200  # levels of a text that still is a category
MAX_CODES = 12
ROWS_A_LEVEL = 5
MIN_ROWS_UNIQUE = 20  # below, being unique says nothing
LONG_TEXT = 64
_NAMED = re.compile(r"(^|[^a-z])(id|ids|key|uuid|guid|mrn|ssn|rownames?|index|number|nr|no)($|[^a-z])|[a-z](Id|ID)$")
_PAIRS = ({"yes", "no"}, {"y", "n"}, {"true", "false"})


@dataclass(frozen=True)
class Facts:
    """Figures of one column. `distinct` is approximate until `levels` are known or `unique` is proved; `length` is a text's average."""

    name: str
    type: ColumnType
    rows: int
    nulls: int
    distinct: int
    min: Value = None
    max: Value = None
    mean: float | None = None
    sd: float | None = None
    whole: bool = False
    length: float = 0.0
    levels: tuple[Category, ...] | None = None
    unique: bool = False

    @property
    def values(self) -> int:
        """Rows that have a value."""
        return self.rows - self.nulls

    def column(self, semantic: SemanticType, reason: str, *, full: bool) -> Column:
        """The schema's entry. An identifier's extremes are identifiers, so they are left out."""
        listed = self.levels if semantic in ("categorical", "boolean") and self.levels and len(self.levels) <= MAX_LISTED else ()
        hidden = semantic == "identifier"
        amount = semantic == "continuous"
        return Column(
            name=self.name,
            type=self.type,
            semantic=semantic,
            reason=reason,
            nullable=self.nulls > 0 or not full or not self.rows,
            nulls=self.nulls,
            distinct=self.distinct,
            min=None if hidden else self.min,
            max=None if hidden else self.max,
            mean=self.mean if amount else None,
            sd=self.sd if amount else None,
            categories=listed or (),
        )


def wants_levels(facts: Facts) -> bool:
    """Whether the exact levels are worth a second look: few, and of a type that can be a category."""
    few = facts.distinct <= (MAX_LEVELS * 1.2 if facts.type == "text" else 2 * MAX_CODES)
    return few and facts.values > 0 and (facts.type in ("text", "boolean", "integer") or (facts.type == "number" and facts.whole))


def wants_uniqueness(facts: Facts) -> bool:
    """Whether the column may be an identifier, so that its uniqueness must be proved. The sketch may be 15 % off."""
    near = facts.values >= MIN_ROWS_UNIQUE and facts.distinct >= 0.85 * facts.values
    return near and ((facts.type == "text" and facts.length <= LONG_TEXT) or (facts.type == "integer" and _numbers_rows(facts)))


def infer(facts: Facts) -> tuple[SemanticType, str]:
    """The semantic type and why."""
    if facts.type == "boolean":
        return "boolean", "stored as true and false"
    if facts.type in ("date", "timestamp"):
        return "date", f"stored as {facts.type}"
    if facts.type in ("binary", "other"):
        return "text", f"stored as {facts.type}"
    if facts.values == 0:
        return ("text" if facts.type == "text" else "continuous"), "no values yet"
    if facts.unique:
        return "identifier", f"each of its {facts.values} values is there once"
    return _text(facts) if facts.type == "text" else _number(facts)


def _number(facts: Facts) -> tuple[SemanticType, str]:
    levels = facts.levels or ()
    if levels and {level.value for level in levels} <= {0, 1}:
        return "boolean", "holds 0 and 1 only"
    if facts.levels is not None and len(levels) <= MAX_CODES and facts.values >= ROWS_A_LEVEL * len(levels):
        return "categorical", f"{len(levels)} whole numbers only"
    return "continuous", f"{'about ' if facts.levels is None else ''}{facts.distinct} numbers"


def _text(facts: Facts) -> tuple[SemanticType, str]:
    if facts.levels is None or len(facts.levels) > MAX_LEVELS:
        return "text", f"about {facts.distinct} texts"
    if len(facts.levels) == 2 and {str(level.value).strip().lower() for level in facts.levels} in _PAIRS:
        return "boolean", "holds yes and no only"
    if facts.length > LONG_TEXT:
        return "text", f"{facts.length:.0f} characters on average"
    if len(facts.levels) <= 2 or facts.values >= ROWS_A_LEVEL * len(facts.levels):
        return "categorical", f"{len(facts.levels)} texts"
    return "text", f"{len(facts.levels)} texts in {facts.values} rows"


def _numbers_rows(facts: Facts) -> bool:
    """Whole numbers identify rows if they are called so, or if they run nearly without gaps; amounts are spread out."""
    if _NAMED.search(facts.name) or _NAMED.search(facts.name.lower()):
        return True
    return isinstance(facts.min, int) and isinstance(facts.max, int) and facts.max - facts.min < 2 * facts.values
