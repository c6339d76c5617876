"""What a standing task may tell by being answered again and again. The gate looks at one release; this looks at two.

Who has both of two answers can take one from the other. What is left is an answer about the datapoints in which they differ. So:

1. A repeat whose datapoints differ from those of the task's last release by fewer than `min_cell` is kept back whole, by the rule
   `too_few_new`. What differs: datapoints that came, that changed and that went. One that left quarantine came; one that entered it is
   not counted, so that the rule may wait longer than it must and never shorter.
2. One that is answered on new data only stands on what came and changed, and on nothing else: what went is in no figure of it and does not
   help it over the line.
3. The difference is taken to the last release of this very task, never to a repeat that was kept back: what was too few adds up.
4. The first release has none before it, and this rule says nothing about it.
5. Of a cumulative answer with exact figures each cell is looked at by itself, for eight new datapoints may be seven in one cell and one in
   another, or one that has a value and passes the filter. A cell that is not what it was at its own last release leaves only if it
   differs by `min_cell` datapoints for certain: by how much its number grew or shrank, or, where every datapoint is in it, by those that
   came or changed. One that is as it was leaves again, and so does one that never left.
6. Where no cell is left, the repeat is kept back whole. Rounded counts alone are not looked at: there one datapoint is what rounding hides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from podium.contracts import Cell, Disclosure, Partial, Value


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Datapoints, by how they differ between the last release and now. Each is counted once."""

    new: int = 0
    changed: int = 0
    gone: int = 0


def too_few_new(difference: Difference, *, cumulative: bool, min_cell: int) -> bool:
    """Whether the repeat has to wait for more."""
    return difference.new + difference.changed + (difference.gone if cumulative else 0) < min_cell


def untold(partial: Partial, last: Iterable[Cell], *, difference: Difference, good: int, disclosure: Disclosure, min_cell: int) -> Partial:
    """The partial without the cells that would tell too much when set against `last`, each cell as it was when it last left.

    `good`: how many datapoints the answer is about.
    """
    if not disclosure.exact:
        return partial
    before = {_place(cell): cell for cell in last}
    came = difference.new + difference.changed
    kept = (cell for cell in partial.cells if not _few(cell, before.get(_place(cell)), came=came if cell.n == good else 0, least=min_cell))
    return partial.model_copy(update={"cells": tuple(kept)})


def last_left(partial: Partial, last: Iterable[Cell], *, left: Iterable[tuple[Value, ...]]) -> tuple[Cell, ...]:
    """Each cell as it was when it last left, now that those with these keys have."""
    keys = {_key(key) for key in left}
    now = {_place(cell): cell for cell in partial.cells if _place(cell) in keys}
    return tuple(({_place(cell): cell for cell in last} | now).values())


def _few(cell: Cell, before: Cell | None, *, came: int, least: int) -> bool:
    if before is None or (cell.n, cell.values) == (before.n, before.values):
        return False
    return max(abs(cell.n - before.n), came) < least


def _place(cell: Cell) -> str:
    return _key(cell.key)


def _key(key: tuple[Value, ...]) -> str:
    return repr([(type(level).__name__, level) for level in key])  # 1 and True are two levels
