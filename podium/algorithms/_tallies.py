"""What additive algorithms keep of rows: a tally for each level, as a state in JSON, and back.

    {"v": 1, "rows": 200, "cells": [[["sf"], [97]], [["sm"], [103]]]}

A cell is its key (see `_keys`) and what its tally has come to. States come back from a worker and from a database: nothing in them is
believed that does not have the form and the sizes that `state` gives it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from podium.algorithms._keys import decoded, encoded
from podium.contracts import Cell, Partial, Value
from podium.errors import TaskError

VERSION = 1  # raise it when the form of a state changes: parts with states of another version are read again
MOST = 2**63 - 1  # rows


class Tally(ABC):
    """What the rows of one level have come to. `n` of them contributed."""

    n: int

    @abstractmethod
    def state(self) -> list[Any]:
        """All of it, unrounded, as JSON."""

    @abstractmethod
    def absorb(self, state: list[Any]) -> None:
        """Add what another tally's `state` says. Raises TaskError (`bad_state`) for what no `state` says."""

    @abstractmethod
    def figures(self) -> dict[str, int | float]:
        """The values of the cell."""


T = TypeVar("T", bound=Tally)


class Counts(Tally):
    """Named counts of rows. The first is of those that contributed, any other of some of these."""

    def __init__(self, *names: str) -> None:
        self._names = names or ("count",)
        self._counts = [0] * len(self._names)
        self.n = 0

    def add(self, *counts: int) -> None:
        """More rows, in the order of the names."""
        self._counts = [mine + more for mine, more in zip(self._counts, counts, strict=True)]
        self.n = self._counts[0]

    def state(self) -> list[Any]:
        return list(self._counts)

    def absorb(self, state: list[Any]) -> None:
        if len(state) != len(self._names) or any(whole_number(count) > whole_number(state[0]) for count in state):
            raise bad_state()
        self.add(*state)

    def figures(self) -> dict[str, int | float]:
        return dict(zip(self._names, self._counts, strict=True))


class Tallies(Generic[T]):
    """A tally for each key that was met; without `by`, the one of the key () always. `rows` are those that passed the filter."""

    def __init__(self, by: Sequence[str], make: Callable[[], T]) -> None:
        self.rows = 0
        self._by, self._make = tuple(by), make
        self._found: dict[tuple[str, ...], T] = {} if by else {(): make()}

    def __getitem__(self, key: Sequence[Value]) -> T:
        """The tally of that key: 1, 1.0 and True are three."""
        return self._at(encoded(key))

    def state(self) -> dict[str, Any]:
        """All of them as JSON, sorted."""
        cells = [[list(key), tally.state()] for key, tally in self._sorted()]
        return {"v": VERSION, "rows": self.rows, "cells": cells}

    def absorb(self, state: Any) -> None:
        """Add what another one's `state` says. Raises TaskError: `state_version` for that of other code, `bad_state` for anything else."""
        if not isinstance(state, dict) or type(version := state.get("v")) is not int:
            raise bad_state()
        if version != VERSION:
            raise TaskError("a state was made by another version.", remedy="Read the part again.", code="state_version")
        if state.keys() != {"v", "rows", "cells"} or not isinstance(cells := state["cells"], list):
            raise bad_state()
        known: dict[tuple[str, ...], list[Any]] = {}
        for cell in cells:
            match cell:
                case [list() as key, list() as tally] if (levels := decoded(key)) is not None and len(levels) == len(self._by):
                    known[tuple(key)] = tally
                case _:
                    raise bad_state()
        before, rows = sum(tally.n for tally in self._found.values()), whole_number(state["rows"])
        for texts, tally in known.items():
            self._at(texts).absorb(tally)
        if len(known) < len(cells) or sum(tally.n for tally in self._found.values()) - before > rows:
            raise bad_state()
        self.rows += rows

    def partial(self) -> Partial:
        """The share that they stand for, its cells sorted: it does not depend on which came first."""
        cells = (Cell(key=decoded(key) or (), n=tally.n, values=tally.figures()) for key, tally in self._sorted())
        return Partial(by=self._by, rows=self.rows, cells=tuple(cells))

    def _sorted(self) -> list[tuple[tuple[str, ...], T]]:
        return sorted(self._found.items(), key=lambda item: item[0])

    def _at(self, texts: tuple[str, ...]) -> T:
        if texts not in self._found:
            self._found[texts] = self._make()
        return self._found[texts]


def whole_number(value: Any) -> int:
    """A number of rows. Raises TaskError (`bad_state`) for anything else."""
    if type(value) is not int or not 0 <= value <= MOST:
        raise bad_state()
    return value


def bad_state() -> TaskError:
    """What is raised for a state that no `state` says."""
    return TaskError("a state cannot be understood.", remedy="Read the part again.", code="bad_state")
