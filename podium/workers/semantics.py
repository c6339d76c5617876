"""What a column means, told from a few figures and its name; the reason is recorded with the answer.

When in doubt the answer is the one that gives less away: nothing is offered for grouping that could be an identifier or a text, and
what is called like a person's identifier is one, however often it is there. Numbers of at most 12 whole values are codes: categorical,
unless they look counted. 0/1 numbers and yes/no texts are boolean; booleans stored as such too.
"""

from __future__ import annotations

from dataclasses import dataclass

from podium.contracts import Category, Column, ColumnType, SemanticType, Value
from podium.workers.naming import LONG_TEXT, called, shape_of

__all__ = ["LONG_TEXT", "MAX_LEVELS", "Facts", "described", "infer", "shape_of"]

MAX_LEVELS = 200  # levels of a text that still is a category
MAX_CODES = 12
FEW_CODES = 7  # beyond, whole numbers from 0 or 1 with a thin tail are counts
ROWS_A_LEVEL = 4
REMARK = 16  # characters on average, from which on what is called a remark is one, and no mark
MIN_ROWS_UNIQUE = 20  # below, being unique says nothing
NEARLY_UNIQUE = 0.9
MANY_IDS = 40  # different values from which on a column called an id is one, though they are there again and again
_PAIRS = ({"yes", "no"}, {"y", "n"}, {"true", "false"}, {"ja", "nein"}, {"j", "n"}, {"oui", "non"}, {"o", "n"}, {"si", "no"}, {"sí", "no"})


@dataclass(frozen=True)
class Facts:
    """Figures of one column. `exact`: whether `distinct` is; `unique` None: not known; `length`: a text's average, in bytes."""

    name: str
    type: ColumnType
    rows: int
    nulls: int
    distinct: int
    exact: bool = True
    min: Value = None
    max: Value = None
    mean: float | None = None
    sd: float | None = None
    whole: bool = False
    length: float = 0.0
    levels: tuple[Category, ...] | None = None
    unique: bool | None = False
    shape: str = ""

    @property
    def values(self) -> int:
        """Rows that have a value."""
        return self.rows - self.nulls

    @property
    def some(self) -> str:
        """The number of different values, in words."""
        return f"{'' if self.exact else 'about '}{self.distinct}"


def described(facts: Facts, semantic: SemanticType, reason: str, *, full: bool) -> Column:
    """The schema's entry. An identifier's extremes are identifiers, so they are left out."""
    hidden, amount = semantic == "identifier", semantic == "continuous"
    return Column(
        name=facts.name,
        type=facts.type,
        semantic=semantic,
        reason=reason,
        nullable=facts.nulls > 0 or not full or not facts.rows,
        nulls=facts.nulls,
        distinct=facts.distinct,
        min=None if hidden else facts.min,
        max=None if hidden else facts.max,
        mean=facts.mean if amount else None,
        sd=facts.sd if amount else None,
        categories=(facts.levels or ()) if semantic in ("categorical", "boolean") else (),
    )


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
    if facts.type == "text":
        return _text(facts)
    return _number(facts)


def _number(facts: Facts) -> tuple[SemanticType, str]:
    levels = facts.levels or ()
    if facts.whole and (reason := _identifies(facts)):  # also where they are stored as floats, for some are missing
        return "identifier", reason
    if levels and {0} <= {level.value for level in levels} <= {0, 1}:
        return "boolean", "holds 0 and 1 only"
    if facts.whole and levels and len(levels) <= MAX_CODES and facts.values >= ROWS_A_LEVEL * len(levels):
        return ("continuous", f"{len(levels)} counts") if _counted(facts, levels) else ("categorical", f"{len(levels)} whole numbers only")
    word = called(facts.name)
    # an id of few values: one of many was told above
    if facts.whole and levels and word in ("code", "id") and facts.values >= ROWS_A_LEVEL * len(levels):
        return "categorical", f"called {'a code' if word == 'code' else 'an id'}, {len(levels)} whole numbers"
    return "continuous", f"{facts.some} numbers"


def _identifies(facts: Facts) -> str:
    """Why whole numbers identify: by their name, or because each is there once and they run nearly without gaps. Amounts are spread out."""
    word = called(facts.name)
    several = facts.distinct > 1
    if several and word == "subject":
        return "called an identifier of persons or rows"
    if word in ("id", "contact") and facts.distinct > MANY_IDS:
        return f"called an identifier, {facts.some} values"
    once = facts.values >= MIN_ROWS_UNIQUE and (facts.unique or (facts.unique is None and facts.distinct >= NEARLY_UNIQUE * facts.values))
    dense = isinstance(facts.min, int) and isinstance(facts.max, int) and facts.max - facts.min < 2 * facts.values
    if once and (dense or word in ("id", "number", "contact")):
        return _once(facts)
    return ""


def _counted(facts: Facts, levels: tuple[Category, ...]) -> bool:
    """Counts begin at 0 or 1, have many values, and few rows have the greatest: codes are used more evenly."""
    greatest = next(level.rows for level in levels if level.value == facts.max)
    return len(levels) > FEW_CODES and facts.min in (0, 1) and greatest * len(levels) < facts.values / 5


def _text(facts: Facts) -> tuple[SemanticType, str]:
    word, levels = called(facts.name), facts.levels
    if facts.shape == "image files":
        return "image", "names of image files"
    if facts.shape == "dates":
        return "date", "they look like dates, though not all of one form"
    if facts.shape and facts.distinct > MAX_CODES:
        return "identifier", f"they look like {facts.shape}"
    if (word == "subject" and facts.distinct > 1) or (word in ("id", "contact") and facts.distinct > MANY_IDS):
        return "identifier", f"called an identifier, {facts.some} values"
    if levels and len(levels) == 2 and {str(level.value).strip().lower() for level in levels} in _PAIRS:
        return "boolean", "holds yes and no only"
    if facts.length > LONG_TEXT:
        return "text", f"{facts.length:.0f} characters on average"
    if word == "remark" and facts.length > REMARK:
        return "text", "called a remark"
    if facts.values >= MIN_ROWS_UNIQUE and facts.unique:
        return "identifier", _once(facts)
    if facts.values >= MIN_ROWS_UNIQUE and facts.distinct >= NEARLY_UNIQUE * facts.values:
        return "identifier", f"{facts.some} texts in {facts.values} rows: nearly each is another"
    if word == "person":
        return "text", "called a name of persons"
    if levels is None or len(levels) > MAX_LEVELS:
        return "text", f"{facts.some} texts"
    if len(levels) <= 2 or facts.values >= ROWS_A_LEVEL * len(levels):
        return "categorical", f"{len(levels)} texts"
    return "text", f"{len(levels)} texts in {facts.values} rows"


def _once(facts: Facts) -> str:
    return f"each of its {facts.values} values is there once" if facts.unique else f"about {facts.distinct} values in {facts.values} rows"
