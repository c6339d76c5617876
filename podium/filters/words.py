"""From a filter's text to its words, each with its place. What looks like another language's word is refused with ours."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from podium.errors import ConfigError
from podium.filters.nodes import Constant

MAX_BYTES = 4096
KEYWORDS = ("and", "or", "not", "in", "is", "null", "true", "false")
_WORD = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w.]))
      | (?P<name>[^\W\d]\w*)
      | (?P<quoted>`[^`]+`)
      | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
      | (?P<sign>==|!=|<=(?!>)|>=|<(?!>)|>)
      | (?P<mark>[(),])""",
    re.VERBOSE,
)
_OTHERS = {
    "=": "Use == to compare.",
    "<>": "Use !=.",
    "<=>": "Use ==, or `is null`.",
    "&": "Write `and`.",
    "&&": "Write `and`.",
    "|": "Write `or`.",
    "||": "Write `or`.",
    "!": "Write `not`.",
    "~": "Write `not`.",
    "'": "Close the text with the quote that opened it; double a quote inside it.",
    '"': "Close the text with the quote that opened it; double a quote inside it.",
    "`": "Close the column's name with a second backquote.",
    ";": "One filter only; join conditions with `and` or `or`.",
}
_ELSE = "Compare columns with numbers, quoted text, true or false; a column's name with other signs stands between backquotes."


@dataclass(frozen=True)
class Word:
    """`value` is the name or the literal; `at` counts characters from 1."""

    kind: Literal["name", "literal", "sign", "mark", "keyword", "end"]
    value: Constant
    at: int

    def is_(self, *words: str) -> bool:
        """Whether it is one of these keywords, signs or marks."""
        return self.kind in ("keyword", "sign", "mark") and self.value in words


def fault(message: str, *, at: int | None, field: str, remedy: str = "") -> ConfigError:
    """A filter that cannot be read. The message holds no literal."""
    place = f"at character {at}: " if at else ""
    return ConfigError(f"{place}{message}", field=field, remedy=remedy, code="bad_filter")


def words(text: str, *, field: str) -> list[Word]:
    """The words, and an end. Raises ConfigError."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise fault("half a character (a lone surrogate) is not text.", at=None, field=field) from None
    if size > MAX_BYTES:
        raise fault(f"a filter has at most {MAX_BYTES} bytes.", at=None, field=field, remedy="Ask in several questions.")
    found, place = [], 0
    while place < len(text):
        match = _WORD.match(text, place)
        if match is None:
            raise _unknown(text, place, field)
        if match.lastgroup != "space":
            found.append(_word(str(match.lastgroup), match.group(), place + 1, field))
        place = match.end()
    return [*found, Word("end", "", len(text) + 1)]


def _word(kind: str, part: str, at: int, field: str) -> Word:
    if kind == "number":
        return Word("literal", _number(part, at, field), at)
    if kind == "text":
        return Word("literal", part[1:-1].replace(part[0] * 2, part[0]), at)
    if kind == "quoted":
        return Word("name", part[1:-1], at)
    if kind == "name":
        lower = part.lower()
        if lower in ("true", "false"):
            return Word("literal", lower == "true", at)
        return Word("keyword", lower, at) if lower in KEYWORDS else Word("name", part, at)
    return Word("sign" if kind == "sign" else "mark", part, at)


def _number(part: str, at: int, field: str) -> int | float:
    value = float(part)
    if not math.isfinite(value):
        raise fault("the number is too large.", at=at, field=field, remedy="Numbers go up to 1.7e308.")
    return int(part) if part.lstrip("+-").isdigit() else value


def _unknown(text: str, place: int, field: str) -> ConfigError:
    for length in (3, 2, 1):
        part = text[place : place + length]
        if part in _OTHERS:
            message = "a quote is not closed." if part in "'\"`" else f"{part} is not a sign of this language."
            return fault(message, at=place + 1, field=field, remedy=_OTHERS[part])
    return fault("this is not a word of this language.", at=place + 1, field=field, remedy=_ELSE)
