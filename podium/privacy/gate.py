"""The one way out. Every result passes `release()`; nothing else in Podium hands a figure from rows to anybody.

What holds, as sentences one can test:

1. A figure that the algorithm did not declare, or that is not a finite number, stops the whole result (fail closed).
2. Cells that claim more rows than were read, or the same level twice, stop the whole result: the worker is not trusted.
3. Fewer than `min_rows` rows read: nothing leaves.
4. More than `max_levels` groups a grouping column, or more than `max_result_rows` cells: nothing leaves.
5. A cell with fewer than `min_cell` rows does not leave, and neither does its level: who reads the release learns that
   something was kept back, not what, how many cells, or how near they came.
6. If no cell is left, nothing leaves. An empty release is never mistaken for zero.
7. Declared counts leave rounded to `round_to`; declared exact figures leave as they are, once the sizes above hold.
8. `rows` counts the rows behind released cells alone, rounded, so that it cannot be set against them to find a hidden one.
9. Cells leave sorted by level: their order says nothing about the data.
10. A cell that does not state exactly the declared supports, or states one larger than its rows, stops the whole result.
11. A cell with a support under `min_cell`, or with more parameters fitted to it than `max_params_ratio` of its rows, does not leave.
    Which rule kept it back is told by name; no support ever leaves.
12. A run that has released `max_rounds` rounds releases nothing more, whatever it is asked.

These hold for one release. What several releases tell when they are set against each other is not the gate's to see.
"""

from __future__ import annotations

import math

from podium.contracts import Cell, Disclosure, Partial, Released, ReleasedCell, Suppression
from podium.errors import TaskError
from podium.privacy.disclosure import Rules, rounded


def release(partial: Partial, *, disclosure: Disclosure, rules: Rules, rounds_before: int = 0) -> Released:
    """What of `partial` may leave under `rules`, when this run has released `rounds_before` rounds already.

    Raises TaskError (`gate_closed`) when the partial breaks its own declaration.
    """
    _check(partial, disclosure)
    if rounds_before >= rules.max_rounds:
        return _nothing(partial, "max_rounds")
    if partial.rows < rules.min_rows:
        return _nothing(partial, "min_rows")
    if partial.by and len(partial.cells) > rules.max_levels ** len(partial.by):
        return _nothing(partial, "max_levels")
    if len(partial.cells) > rules.max_result_rows:
        return _nothing(partial, "max_result_rows")
    broken = {_order(cell): _broken(cell, disclosure, rules) for cell in partial.cells}
    kept = sorted((cell for cell in partial.cells if not broken[_order(cell)]), key=_order)
    told = sorted(filter(None, set(broken.values())))
    if not kept:
        return _nothing(partial, told[0] if told else "min_cell")
    return Released(
        by=partial.by,
        rows=rounded(sum(cell.n for cell in kept), rules.round_to),
        cells=tuple(ReleasedCell(key=cell.key, values=_figures(cell, disclosure, rules)) for cell in kept),
        suppressed=tuple(Suppression(rule=rule, scope="cells") for rule in told),
    )


def _check(partial: Partial, disclosure: Disclosure) -> None:
    declared = {*disclosure.rounded, *disclosure.exact}
    for cell in partial.cells:
        if len(cell.key) != len(partial.by):
            raise _closed("a cell's levels do not match the grouping columns")
        if not declared.issuperset(cell.values):
            raise _closed("a figure was not declared")
        if not all(math.isfinite(value) for value in cell.values.values()):
            raise _closed("a figure is not a finite number")
        if set(cell.supports) != set(disclosure.supports) or not all(0 <= support <= cell.n for support in cell.supports.values()):
            raise _closed("a cell does not say what its figures rest on")
    if sum(cell.n for cell in partial.cells) > partial.rows:
        raise _closed("the cells claim more rows than were read")
    if len({_order(cell) for cell in partial.cells}) < len(partial.cells):
        raise _closed("a level stands twice")


def _broken(cell: Cell, disclosure: Disclosure, rules: Rules) -> str:
    """The first rule that keeps this cell back, or nothing."""
    if cell.n < rules.min_cell:
        return "min_cell"
    if disclosure.params > rules.max_params_ratio * cell.n:
        return "max_params_ratio"
    return next((rule for name, rule in sorted(disclosure.supports.items()) if cell.supports[name] < rules.min_cell), "")


def _figures(cell: Cell, disclosure: Disclosure, rules: Rules) -> dict[str, int | float]:
    return {
        name: rounded(int(value), rules.round_to) if name in disclosure.rounded else value for name, value in sorted(cell.values.items())
    }


def _order(cell: Cell) -> tuple[tuple[bool, str, str], ...]:
    return tuple((level is None, type(level).__name__, str(level)) for level in cell.key)


def _nothing(partial: Partial, rule: str) -> Released:
    return Released(by=partial.by, suppressed=(Suppression(rule=rule, scope="result"),))


def _closed(why: str) -> TaskError:
    return TaskError(f"The gate stayed closed: {why}.", code="gate_closed")
