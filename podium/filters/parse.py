"""From a filter's words to its tree, by recursive descent: one method a rule of the grammar."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from podium.filters.nodes import Among, Both, Compare, Constant, Either, IsNull, Node, Not, Sign
from podium.filters.words import Word, fault, words

MAX_NESTING = 50
MAX_CONDITIONS = 50


def tree(text: str, *, field: str) -> Node | None:
    """The tree of the text; None for blank text. Raises ConfigError."""
    found = words(text, field=field)
    return _Parser(found, field).whole() if len(found) > 1 else None


class _Parser:
    def __init__(self, found: list[Word], field: str) -> None:
        self._words, self._field = found, field
        self._next = self._depth = self._conditions = 0

    def whole(self) -> Node:
        node = self._filter()
        if self._word.is_(")"):
            raise self._fault("this bracket was never opened.")
        if self._word.kind == "sign":
            raise self._fault("a condition has one sign.", "Write `age >= 18 and age <= 40`.")
        if self._word.kind != "end":
            raise self._fault("two conditions stand side by side.", "Join them with `and` or `or`.")
        return node

    def _filter(self) -> Node:
        return self._joined("or", self._both, Either)

    def _both(self) -> Node:
        return self._joined("and", self._denied, Both)

    def _joined(self, keyword: str, part: Callable[[], Node], join: type[Both | Either]) -> Node:
        parts = [part()]
        while self._word.is_(keyword):
            self._take()
            parts.append(part())
        return parts[0] if len(parts) == 1 else join(parts=tuple(parts))

    def _denied(self) -> Node:
        if not self._word.is_("not", "("):
            return self._condition()
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise self._fault(f"brackets and `not` are nested at most {MAX_NESTING} deep.")
        if self._take().is_("not"):
            node: Node = Not(part=self._denied())
        else:
            node = self._filter()
            self._expect(")", "a bracket is not closed here.", "Brackets hold whole conditions, each `column sign value`.")
        self._depth -= 1
        return node

    def _condition(self) -> Node:
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise self._fault(f"a filter has at most {MAX_CONDITIONS} conditions.", "Use `in (…)` for several values of one column.")
        column = self._column()
        word = self._word
        if word.kind == "sign":
            self._take()
            return Compare(column=column, sign=_sign(word), value=self._literal())
        if word.is_("is"):
            return self._null(column)
        if word.is_("in"):
            return self._among(column)
        if word.is_("not"):
            self._take()
            if not self._word.is_("in"):
                raise self._fault("`not` stands before a condition, or before `in`.", "Write `not age > 40` or `age not in (1, 2)`.")
            return Not(part=self._among(column))
        raise self._fault(f"a column alone ({column!r}) is no condition.", _NEEDS)

    def _column(self) -> str:
        word = self._take()
        if word.kind == "name":
            return str(word.value)
        if word.kind == "literal":
            raise self._fault("a condition begins with a column.", "Write `age > 40`, not `40 < age`; column names stand unquoted.", word)
        if word.kind == "end":
            raise self._fault("a condition is missing at the end.", _NEEDS, word)
        raise self._fault("a column's name is missing here.", "A name that is also a keyword stands between backquotes.", word)

    def _literal(self) -> Constant:
        word = self._take()
        if word.kind == "literal":
            return word.value
        if word.is_("null"):
            raise self._fault("nothing compares with null.", "Write `is null` or `is not null`.", word)
        if word.kind == "name":
            raise self._fault("a column is compared with a value, not with a name.", "Put text in quotes: sex == 'F'.", word)
        raise self._fault("a value is missing here.", "A number, quoted text, true or false.", word)

    def _null(self, column: str) -> Node:
        self._take()
        denied = self._word.is_("not")
        if denied:
            self._take()
        self._expect("null", "after `is` comes `null` or `not null`.", "Use == to compare with a value.")
        return Not(part=IsNull(column=column)) if denied else IsNull(column=column)

    def _among(self, column: str) -> Node:
        self._take()
        self._expect("(", "after `in` comes a list in brackets.", "Write `stage in ('I', 'II')`.")
        values = [self._literal()]
        while self._word.is_(","):
            self._take()
            values.append(self._literal())
        self._expect(")", "the list is not closed here.", "Values are separated by commas.")
        return Among(column=column, values=tuple(values))

    def _expect(self, mark: str, message: str, remedy: str) -> None:
        if not self._word.is_(mark):
            raise self._fault(message, remedy)
        self._take()

    @property
    def _word(self) -> Word:
        return self._words[self._next]

    def _take(self) -> Word:
        word = self._word
        self._next = min(self._next + 1, len(self._words) - 1)
        return word

    def _fault(self, message: str, remedy: str = "", word: Word | None = None) -> Exception:
        return fault(message, at=(word or self._word).at, field=self._field, remedy=remedy)


def _sign(word: Word) -> Sign:
    return next(sign for sign in get_args(Sign) if sign == word.value)


_NEEDS = "Write `age > 40`, `smoker == true`, `stage in ('I', 'II')` or `age is null`."
