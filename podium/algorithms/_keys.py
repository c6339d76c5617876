"""Levels as text, so that a state in JSON tells 1, 1.0, True, "1" and None apart, whatever has stored it in between.

A letter says the type: `n`, `btrue`, `i1`, `f0x1.0000000000000p+0`, `s1`. Dates and times are text already (see `_levels`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from podium.contracts import Value
from podium.errors import TaskError


def encoded(key: Sequence[Value]) -> tuple[str, ...]:
    """A text for each level of a key. Raises TaskError for an infinite one, which no answer can name."""
    return tuple(map(_text, key))


def decoded(texts: Any) -> tuple[Value, ...] | None:
    """The key; None for anything that `encoded` does not say."""
    if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) for text in texts):
        return None
    try:
        key = tuple(map(_level, texts))
        return key if encoded(key) == tuple(texts) else None
    except (ValueError, OverflowError, TaskError):
        return None


def _text(level: Value) -> str:
    match level:
        case None:
            return "n"
        case bool():
            return f"b{level}".lower()
        case int():
            return f"i{level}"
        case float():
            if not math.isfinite(level):
                raise TaskError("a column of levels holds an infinite value.", remedy="The custodian must correct it.", code="not_finite")
            return f"f{level.hex()}"
    return f"s{level}"


def _level(text: str) -> Value:
    sort, rest = text[:1], text[1:]
    match sort:
        case "n":
            return None
        case "b":
            return rest == "true"
        case "i":
            return int(rest)
        case "f":
            return float.fromhex(rest)
        case "s":
            return rest
    raise ValueError("no level")
