"""JSON from strangers, read without forgiveness: a key given twice, NaN, an infinity or deep nesting is refused.

The usual readers keep the last of two equal keys in silence, so that two parties can read two meanings from one signed text.
"""

from __future__ import annotations

import json
import math
from typing import Any

MAX_DEPTH = 32


def read(data: bytes, *, floats: bool = True, depth: int = MAX_DEPTH) -> Any:
    """The value that UTF-8 JSON `data` stands for. Raises ValueError, whose text never quotes the data."""
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite if floats else _no_float,
        )
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise ValueError("not JSON in UTF-8") from None
    if _deeper_than(value, depth):
        raise ValueError("nested too deeply")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key stands twice")
    return fields


def _no_constant(_: str) -> float:
    raise ValueError("NaN and infinity are not numbers")


def _no_float(_: str) -> float:
    raise ValueError("only whole numbers are allowed")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _deeper_than(value: Any, depth: int) -> bool:
    level = [value]
    for _ in range(depth):
        level = [child for item in level if isinstance(item, dict | list) for child in (item.values() if isinstance(item, dict) else item)]
        if not level:
            return False
    return any(isinstance(item, dict | list) for item in level)
