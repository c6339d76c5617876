"""What a filter is made of, once read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from podium.plugin import Frozen

Constant = bool | int | float | str
Sign = Literal["==", "!=", "<", "<=", ">", ">="]


class Compare(Frozen):
    """Unknown where the column is null."""

    column: str
    sign: Sign
    value: Constant


class Among(Frozen):
    """The column has one of these values; unknown where it is null."""

    column: str
    values: tuple[Constant, ...]


class IsNull(Frozen):
    """The column has no value; always true or false."""

    column: str


class Not(Frozen):
    """Unknown stays unknown."""

    part: Node


class Both(Frozen):
    """All parts are true; false as soon as one is false."""

    parts: tuple[Node, ...]


class Either(Frozen):
    """One part is true; false only if all are false."""

    parts: tuple[Node, ...]


Condition = Compare | Among | IsNull
Node = Condition | Not | Both | Either
Not.model_rebuild()
Both.model_rebuild()
Either.model_rebuild()


def conditions(node: Node | None) -> Iterator[Condition]:
    """The conditions in the order of the text."""
    match node:
        case Not(part=part):
            yield from conditions(part)
        case Both(parts=parts) | Either(parts=parts):
            for part in parts:
                yield from conditions(part)
        case Compare() | Among() | IsNull():
            yield node
