"""From the replies of all pods to one answer. Pure: no disk, no network.

1. A pod whose whole result was suppressed makes the combined result suppressed.
2. A level that a pod did not release, while that pod kept cells back, may be among those kept back: it is suppressed in the combined
   answer, where it stands without figures.
3. `allow_partial=True` lifts both, and the answer says that it is partial: its status, and per row a column `partial`.
4. A pod that rejected, failed, expired or was cancelled makes the answer partial, never silently smaller; the answer names it. Where none
   has answered, one that was cancelled makes the whole answer cancelled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from podium.contracts import Released, Reply, Status, Value

Key = tuple[Value, ...]
_UNFINISHED = (Status.PENDING_APPROVAL, Status.HELD_FOR_RELEASE, Status.WAITING, Status.RUNNING, Status.QUEUED)
_NO_RESULT = (Status.CANCELLED, Status.REJECTED, Status.FAILED, Status.EXPIRED)


@dataclass(frozen=True)
class Combined:
    """What may be combined: one Released a pod. `incomplete`: the levels of rule 2; `released` has them only with `allow_partial`.

    `closed`: a pod's whole result was suppressed, so that no level at all is complete, not even one that nobody released.
    """

    status: Status
    released: tuple[Released, ...] = ()
    incomplete: frozenset[Key] = frozenset()
    closed: bool = False


def combine(replies: Mapping[str, Reply], *, allow_partial: bool = False) -> Combined:
    """What the answer is, from the latest reply of every pod that was asked (a pod that has not answered yet counts as queued)."""
    statuses = {reply.status for reply in replies.values()}
    for unfinished in _UNFINISHED:
        if unfinished in statuses:
            return Combined(unfinished)
    answered = [reply for reply in replies.values() if reply.status in (Status.RELEASED, Status.SUPPRESSED)]
    if not answered:
        alike = len(statuses) == 1 or Status.CANCELLED in statuses
        return Combined(next(status for status in _NO_RESULT if status in statuses) if alike else Status.FAILED)
    open_ones = [reply.released for reply in answered if reply.released is not None and reply.status == Status.RELEASED]
    closed = len(answered) - len(open_ones)
    if closed and not (allow_partial and open_ones):
        return Combined(Status.SUPPRESSED)
    incomplete = frozenset(_keys(open_ones) if closed else _hidden(open_ones))
    kept = tuple(open_ones if allow_partial else [_without(released, incomplete) for released in open_ones])
    if not any(released.cells for released in kept) and any(released.suppressed for released in open_ones):
        return Combined(Status.SUPPRESSED)
    whole = len(answered) == len(replies) and not (allow_partial and incomplete)
    return Combined(Status.RELEASED if whole else Status.PARTIAL, kept, incomplete, closed > 0)


def label_partial(table: Any, by: tuple[str, ...], incomplete: frozenset[Key], *, closed: bool = False) -> Any:
    """The table with a column `partial`: True where some pod kept back what belongs, or may belong, to the row."""
    keys = [tuple(_plain(value) for value in key) for key in zip(*(table[name] for name in by), strict=True)]
    return table.assign(partial=[closed or key in incomplete or kept != "" for key, kept in zip(keys, table["suppressed"], strict=True)])


def consistent(replies: Mapping[str, Reply]) -> bool:
    """Whether the released results of all pods have the same shape: the same groups, one value a group in each key, no key twice."""
    shapes = [reply.released for reply in replies.values() if reply.released is not None and reply.released.cells]
    for released in shapes:
        keys = [cell.key for cell in released.cells]
        if any(len(key) != len(released.by) for key in keys) or len(set(keys)) < len(keys):
            return False
    return len({released.by for released in shapes}) <= 1


def _keys(every: list[Released]) -> set[Key]:
    return {cell.key for released in every for cell in released.cells}


def _hidden(every: list[Released]) -> set[Key]:
    """Levels that a pod with cells kept back did not release."""
    seen = _keys(every)
    return {key for released in every if released.suppressed for key in seen - {cell.key for cell in released.cells}}


def _without(released: Released, keys: frozenset[Key]) -> Released:
    return released.model_copy(update={"cells": tuple(cell for cell in released.cells if cell.key not in keys)})


def _plain(value: Any) -> Value:
    """A pandas scalar as the value it stands for; every missing value is None."""
    plain: Value = value.item() if hasattr(value, "item") else value
    return None if plain is None or type(plain).__name__ == "NAType" or plain != plain else plain
