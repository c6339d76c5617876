"""`1=male;2=female`: the cell of a data dictionary that says what stored values stand for.

A backslash before `;`, `=`, a backslash or white space takes that sign as it is; a line's end separates as `;` does.
"""

from __future__ import annotations

from collections.abc import Mapping

_ESCAPABLE = frozenset(";=\\")
_SEPARATORS = frozenset(";\n\r")
_Sign = tuple[str, bool]  # and whether it is taken as it is


def read_labels(cell: str) -> dict[str, str]:
    """Value → label, values without a label left out. Raises ValueError for a part without `=` and for a value said twice."""
    labels: dict[str, str] = {}
    for part in _parts(cell):
        at = part.index(("=", False)) if ("=", False) in part else -1
        if at < 0:
            raise ValueError("`values` is written as 1=male;2=female")
        value, label = _bare(part[:at]), _bare(part[at + 1 :])
        if value in labels:
            raise ValueError("`values` says what one value stands for twice")
        labels[value] = label
    return {value: label for value, label in labels.items() if label}


def written_labels(labels: Mapping[str, str]) -> str:
    """What `read_labels` takes back."""
    return ";".join(f"{_kept(value)}={_kept(label)}" for value, label in labels.items())


def _parts(cell: str) -> list[list[_Sign]]:
    parts: list[list[_Sign]] = [[]]
    for sign in _signs(cell):
        if not sign[1] and sign[0] in _SEPARATORS:
            parts.append([])
        else:
            parts[-1].append(sign)
    return [part for part in parts if any(literal or not sign.isspace() for sign, literal in part)]


def _signs(cell: str) -> list[_Sign]:
    signs: list[_Sign] = []
    left = iter(cell)
    for sign in left:
        if sign != "\\":
            signs.append((sign, False))
            continue
        after = next(left, "")
        taken = after in _ESCAPABLE or after.isspace() if after else False
        signs += [(after, True)] if taken else [("\\", True), *([(after, False)] if after else [])]
    return signs


def _bare(signs: list[_Sign]) -> str:
    """Without the white space around it."""
    start, end = 0, len(signs)
    while start < end and not signs[start][1] and signs[start][0].isspace():
        start += 1
    while end > start and not signs[end - 1][1] and signs[end - 1][0].isspace():
        end -= 1
    return "".join(sign for sign, _ in signs[start:end])


def _kept(text: str) -> str:
    inner = len(text) - len(text.lstrip()), len(text.rstrip())
    return "".join(
        f"\\{sign}" if sign in _ESCAPABLE or sign in _SEPARATORS or (sign.isspace() and not inner[0] <= at < inner[1]) else sign
        for at, sign in enumerate(text)
    )
