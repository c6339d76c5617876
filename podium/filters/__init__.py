"""`where`: which rows a question is about, such as `age > 40 and sex == 'F'`.

A small language of our own, read into frozen classes and carried out by Arrow: nothing is evaluated as Python or passed on as SQL.

    filter      := both ("or" both)*
    both        := denied ("and" denied)*
    denied      := "not" denied | "(" filter ")" | condition
    condition   := column ("==" | "!=" | "<" | "<=" | ">" | ">=") literal
                 | column ["not"] "in" "(" literal ("," literal)* ")"
                 | column "is" ["not"] "null"
    column      := a name, or any name between backquotes: `mean radius`
    literal     := number | 'text' | "text" (a quote in it is doubled) | true | false; dates are text: '2024-01-31'

What holds, as sentences one can test:

1. Text of more than 4 KiB, nesting of more than 50, or more than 50 conditions is refused, whatever it says.
2. Logic has three values as in SQL: a condition on a null is neither true nor false, and a row stays only where the whole is true.
   NaN is null here, as everywhere in Podium.
3. Whether it fails depends on the text and the columns' types, never on a value of any row.
4. An integer column is compared exactly, whatever the number; another number column with the nearest 64-bit number.
5. Identifiers, free text and images cannot be filtered by: `patient == 'P7'` would single a person out.
6. No message repeats a literal: it may be a fact about somebody, and messages reach logs.

**Differencing.** A filter names a subset, and two subsets may differ by one person: the sum over everybody less the sum over everybody but
her is her value, although both stand on many rows. The minimum sizes hold for the filtered rows, which stops narrow questions and not
such pairs. Nothing about one question tells that it is half of a pair, so families of filters are for the budget to bound. Until it
does, the grant is what bounds them: it must cover the columns of a filter too, and `max_runs` is how many questions it allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from podium.contracts import Card
from podium.filters.nodes import Node, conditions
from podium.filters.parse import tree
from podium.filters.types import suit
from podium.plugin import Frozen

if TYPE_CHECKING:
    import pyarrow as pa


class Filter(Frozen):
    """A filter that was read; without a root it keeps every row. `field` names it in errors."""

    root: Node | None = None
    field: str = "where"

    def columns(self) -> tuple[str, ...]:
        """The columns it reads, each once, in the order of the text."""
        return tuple(dict.fromkeys(condition.column for condition in conditions(self.root)))

    def check(self, card: Card) -> None:
        """Raise ConfigError for a column that is not there, may not be filtered by, or is of another type than its literals."""
        for condition in conditions(self.root):
            suit(condition, card, field=self.field)

    def keep(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The rows for which it is true. Raises ConfigError when a column's type is not that of its literals."""
        for batch in batches:
            yield batch if (true := self.true(batch)) is None else batch.filter(true)

    def true(self, batch: pa.RecordBatch) -> pa.BooleanArray | None:
        """For each row whether it is true, null where that is not known; None where every row is kept. Raises as `keep` does."""
        if self.root is None:
            return None
        from podium.filters.rows import truth

        return truth(self.root, batch, field=self.field)


def parse(text: str, *, field: str = "where") -> Filter:
    """The filter that the text stands for; blank text keeps every row. Raises ConfigError (`bad_filter`) with the place and a remedy."""
    return Filter(root=tree(text, field=field), field=field)
