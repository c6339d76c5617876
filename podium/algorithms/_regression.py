"""What linear and logistic regression share: the question, its checks, and one pod's figures at a point.

The first round gives each term's n, mean and sum of squares about the mean; from these all pods' terms are centred and scaled, so that an
area of 1000 and a smoothness of 0.1 weigh alike. Every later round gives, at coefficients `beta` of the scaled terms, the cross-products
Z'WZ, the score Z'r, and the loss: what Newton's method needs, and exactly what the pooled rows would give when added over pods.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Generator, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field, field_validator, model_validator

from podium.algorithms import Iterative
from podium.algorithms._filtered import Filtered
from podium.algorithms._fit import Fit
from podium.algorithms._terms import INTERCEPT, MAX_TERMS, check_feature, check_levels, term_names
from podium.contracts import Card, CardColumn, Cell, Disclosure, Partial, Released, Value
from podium.errors import TaskError
from podium.plugin import Frozen

if TYPE_CHECKING:
    import pyarrow as pa

    from podium.algorithms._design import Block, Design, Floats


class Point(Frozen):
    """Where the figures of a round are taken: term j becomes (x - center) / scale; `beta` starts with the intercept if there is one."""

    center: tuple[float, ...]
    scale: tuple[float, ...]
    beta: tuple[float, ...]

    @field_validator("scale")
    @classmethod
    def _positive(cls, scale: tuple[float, ...]) -> tuple[float, ...]:
        if not all(value > 0 for value in scale):
            raise ValueError("must be positive")
        return scale


class Regression(Filtered, Iterative):
    """`target` on `features`, with an intercept unless it is False. A categorical feature needs its `levels`; the first is the reference.

    A row with a null, or an undeclared level, in any of these columns is left out; how many is told.
    """

    bound: ClassVar[float]  # of a coefficient of a scaled term, in what is sent to pods

    target: str
    features: tuple[str, ...] = Field(min_length=1, max_length=MAX_TERMS)
    levels: dict[str, tuple[Value, ...]] = {}
    intercept: bool = True
    at: Point | None = None

    @field_validator("levels")
    @classmethod
    def _distinct_levels(cls, levels: dict[str, tuple[Value, ...]]) -> dict[str, tuple[Value, ...]]:
        check_levels(levels)
        return levels

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len({*self.features, self.target}) <= len(self.features):
            raise ValueError("features and target must be different columns")
        if not set(self.levels) <= set(self.features):
            raise ValueError("levels are declared for a column that is not a feature")
        if len(self.terms) > MAX_TERMS:
            raise ValueError(f"the model has more than {MAX_TERMS} terms")
        if self.at is not None:
            wide, terms = len(self.terms), len(self.slopes)
            if (len(self.at.center), len(self.at.scale), len(self.at.beta)) != (terms, terms, wide):
                raise ValueError("at does not fit the model's terms")
            if any(abs(value) > self.bound for value in self.at.beta):
                raise ValueError("at is out of bounds")
        return self

    @property
    def slopes(self) -> tuple[str, ...]:
        """The names of the terms but for the intercept."""
        return term_names(self.features, self.levels)

    @property
    def terms(self) -> tuple[str, ...]:
        """The names of all terms, the intercept first."""
        return (*((INTERCEPT,) if self.intercept else ()), *self.slopes)

    def reads(self) -> tuple[str, ...]:
        return (self.target, *self.features)

    def disclosure(self) -> Disclosure:
        """Sums and cross-products leave unrounded with their exact n; what they rest on is checked and stays."""
        supports = {"groups": "min_cell", **self._supports()}
        exact = _moment_names(self._moments()) if self.at is None else _names(len(self.terms))
        return Disclosure(rounded=("left_out",), exact=("n", *exact), params=len(self.terms), supports=supports)

    def suits(self, card: Card) -> None:
        Iterative.check(self, card)
        self._check_target(card.column(self.target, field=f"algorithm.{self.kind}.target"), card)
        for name in self.features:
            check_feature(card, name, levels=self.levels, field=f"algorithm.{self.kind}.features")

    def share(self, batches: Iterable[pa.RecordBatch]) -> Partial:
        from podium.algorithms._design import Groups

        rows, n, events, groups = 0, 0, 0, Groups()
        gather = _Moments(self._moments()) if self.at is None else _Sums(self, self.at)
        for block in self._design().blocks(batches):
            rows += block.read
            n += len(block.target)
            if len(block.target):
                events += int((block.target > 0).sum())
                groups.add(block.groups)
                gather.add(block)
        values = {"n": n, "left_out": rows - n, **_finite(gather.figures())}
        found = {"groups": groups.smallest, "classes": min(events, n - events), "weight": gather.weight(n)}
        supports = {name: found[name] for name in self.disclosure().supports}
        return Partial(rows=rows, cells=(Cell(n=n, values=values, supports=supports),))

    def rounds(self) -> Generator[Self, Sequence[Released], Fit]:
        from podium.algorithms._newton import fit

        steps = fit(self)
        point = next(steps)
        try:
            while True:
                tables = yield self.model_copy(update={"at": point})
                point = steps.send(tables)
        except StopIteration as end:
            result: Fit = end.value
            return result

    def cut_short(self, rounds: int) -> Fit:
        message = "Ask with a larger max_rounds, if the pods allow it, or simplify the model."
        return Fit(model=self.kind, state="not_converged", message=message, rounds=rounds)

    @abstractmethod
    def at_point(self, linear: Floats, target: Floats) -> tuple[Floats | None, Floats, float]:
        """Of rows with these linear predictors: weights (None: all 1), residuals, and the loss, which is least at the fit."""

    @abstractmethod
    def _check_target(self, column: CardColumn, card: Card) -> None: ...

    @abstractmethod
    def _design(self) -> Design: ...

    def _supports(self) -> dict[str, str]:
        return {}

    def _moments(self) -> int:
        """How many columns have a mean in the first round."""
        return len(self.slopes)


def pairs(terms: int) -> list[tuple[int, int]]:
    """The upper triangle of a square table."""
    return [(i, j) for i in range(terms) for j in range(i, terms)]


def _names(terms: int) -> tuple[str, ...]:
    return (*(f"h{i}.{j}" for i, j in pairs(terms)), *(f"g{i}" for i in range(terms)), "loss")


def _moment_names(columns: int) -> tuple[str, ...]:
    return (*(f"mean{j}" for j in range(columns)), *(f"square{j}" for j in range(columns)))


def _finite(figures: dict[str, float]) -> dict[str, float]:
    if not all(math.isfinite(value) for value in figures.values()):
        raise TaskError("a sum is too large for a number of 64 bits.", remedy="Scale the column.", code="overflow")
    return figures


class _Moments:
    """Each column's mean and sum of squares about it, block by block without loss (Chan, Golub and LeVeque)."""

    def __init__(self, columns: int) -> None:
        import numpy as np

        self._columns, self._n = columns, 0
        self._mean, self._square = np.zeros(columns), np.zeros(columns)

    def add(self, block: Block) -> None:
        import numpy as np

        values = np.column_stack([block.terms, block.target])[:, : self._columns]
        n, mean = len(values), values.mean(axis=0)
        square = ((values - mean) ** 2).sum(axis=0)
        apart, both = mean - self._mean, self._n + n
        self._square += square + apart**2 * (self._n * n / both)
        self._mean += apart * (n / both)
        self._n = both

    def figures(self) -> dict[str, float]:
        return dict(zip(_moment_names(self._columns), [*self._mean.tolist(), *self._square.tolist()], strict=True))

    def weight(self, n: int) -> int:
        return n


class _Sums:
    """Cross-products, score and loss at a point: a block by matrix products, the blocks by exact summation."""

    def __init__(self, model: Regression, at: Point) -> None:
        self._model, self._at = model, at
        self._parts: dict[str, list[float]] = {name: [] for name in _names(len(model.terms))}
        self._weight = 0.0

    def add(self, block: Block) -> None:
        import numpy as np

        scaled = (block.terms - np.array(self._at.center)) / np.array(self._at.scale)
        z = np.column_stack([np.ones(len(scaled)), scaled]) if self._model.intercept else scaled
        weights, residuals, loss = self._model.at_point(z @ np.array(self._at.beta), block.target)
        products = z.T @ (z if weights is None else z * weights[:, None])
        score = z.T @ residuals
        found = [*(products[i, j] for i, j in pairs(z.shape[1])), *score, loss]
        for name, value in zip(self._parts, found, strict=True):
            self._parts[name].append(float(value))
        self._weight += float(len(z) if weights is None else 4 * weights.sum())

    def figures(self) -> dict[str, float]:
        return {name: math.fsum(parts) for name, parts in self._parts.items()}

    def weight(self, n: int) -> int:
        """What the weights add up to, in rows of full weight."""
        return min(n, int(self._weight))
