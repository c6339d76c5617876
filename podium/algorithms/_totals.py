"""Exact sums of columns, alone or with all their products: the tallies of means, variances and covariances."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from podium.algorithms._exact import LARGEST, MANTISSA, UNIT, as_text, from_text, limbs, ratio, units
from podium.algorithms._tallies import Tally, bad_state, whole_number

if TYPE_CHECKING:
    import numpy.typing as npt

ROWS = 14  # 2**14 rows at once: 39 bits of each are added up in one go
ROWS_OF_PRODUCTS = 13  # products of limbs of 20 bits have 40
SQUARE = 2 * UNIT


class Total(Tally):
    """n and the sum of one column."""

    def __init__(self) -> None:
        self.n = 0
        self._whole = True
        self._sum = 0

    def add(self, values: npt.NDArray[Any]) -> None:
        """Add finite values, all int64 or all float64."""
        if not len(values):
            return
        self.n += len(values)
        if values.dtype.kind == "i":
            # Halves: a batch of fewer than 2**31 rows cannot overflow either sum.
            self._sum += ((int((values >> 32).sum()) << 32) + int((values & 0xFFFF_FFFF).sum())) << UNIT
            return
        self._whole = False
        for start in range(0, len(values), 1 << ROWS):
            for limb, exponent in limbs(values[start : start + (1 << ROWS)], MANTISSA - ROWS):
                self._sum += units(limb.sum(), UNIT + exponent)

    def state(self) -> list[Any]:
        return [self.n, self._whole, as_text(self._sum, UNIT)]

    def absorb(self, state: list[Any]) -> None:
        match state:
            case [n, bool() as whole, text]:
                self._sum += read_sum(text, n=whole_number(n), whole=whole)
                self.n += n
                self._whole = self._whole and whole
            case _:
                raise bad_state()

    def figures(self) -> dict[str, int | float]:
        """`n` and `sum`, an int if every value was one, else correctly rounded. Raises TaskError when it is too large for a float."""
        return {"n": self.n, "sum": self._sum >> UNIT if self._whole else ratio(self._sum, 1 << UNIT)}


class Products(Tally):
    """n, the sum of each of some columns, and the sum of the products of each two of them, a column with itself included."""

    def __init__(self, columns: int) -> None:
        self.n = 0
        self._pairs = list(itertools.combinations_with_replacement(range(columns), 2))
        self._whole = [True] * columns
        self._sums = [0] * columns
        self._products = dict.fromkeys(self._pairs, 0)

    def add(self, columns: Sequence[npt.NDArray[Any]]) -> None:
        """Add rows, none of them with a missing value: finite numbers, a column all int64 or all float64."""
        if not len(columns[0]):
            return
        self.n += len(columns[0])
        self._whole = [whole and column.dtype.kind == "i" for whole, column in zip(self._whole, columns, strict=True)]
        for start in range(0, len(columns[0]), 1 << ROWS_OF_PRODUCTS):
            self._multiply([column[start : start + (1 << ROWS_OF_PRODUCTS)] for column in columns])

    def state(self) -> list[Any]:
        sums = [as_text(total, UNIT) for total in self._sums]
        return [self.n, list(self._whole), sums, [as_text(self._products[pair], SQUARE) for pair in self._pairs]]

    def absorb(self, state: list[Any]) -> None:
        match state:
            case [n, list() as wholes, list() as totals, list() as texts] if (
                all(isinstance(whole, bool) for whole in wholes)
                and len(wholes) == len(totals) == len(self._sums)
                and len(texts) == len(self._pairs)
            ):
                sums = [read_sum(text, n=whole_number(n), whole=whole) for text, whole in zip(totals, wholes, strict=True)]
                products = _read_products(dict(zip(self._pairs, texts, strict=True)), n=n, sums=sums)
            case _:
                raise bad_state()
        self.n += n
        self._whole = [mine and theirs for mine, theirs in zip(self._whole, wholes, strict=True)]
        self._sums = [mine + theirs for mine, theirs in zip(self._sums, sums, strict=True)]
        self._products = {pair: self._products[pair] + products[pair] for pair in self._pairs}

    def figures(self) -> dict[str, int | float]:
        """`n`; of each column `sum0` + `sum_low0`; of each pair `product0.1`, the products of the deviations from their means, summed.

        The sum is told to 106 bits (an int and 0 for integers), all else correctly rounded. Raises TaskError when one is too large.
        """
        found: dict[str, int | float] = {"n": self.n}
        for place in range(len(self._sums)):
            found[f"sum{place}"], found[f"sum_low{place}"] = self.halves(place)
        return found | {f"product{i}.{j}": self.deviations(i, j) for i, j in self._pairs}

    def halves(self, place: int) -> tuple[int | float, float]:
        """A column's sum as the nearest float and what that leaves out."""
        total = self._sums[place]
        if self._whole[place]:
            return total >> UNIT, 0.0
        nearest = ratio(total, 1 << UNIT)
        return nearest, ratio(total - units(nearest, UNIT), 1 << UNIT)

    def deviations(self, i: int, j: int) -> float:
        """The products of two columns' deviations from their means, summed."""
        return ratio(self.n * self._products[i, j] - self._sums[i] * self._sums[j], self.n << SQUARE) if self.n else 0.0

    def _multiply(self, columns: Sequence[npt.NDArray[Any]]) -> None:
        import numpy as np

        bits = (MANTISSA - ROWS_OF_PRODUCTS) // 2
        cut = [(place, exponent, limb) for place, column in enumerate(columns) for limb, exponent in limbs(column, bits)]
        if not cut:
            return
        matrix = np.stack([limb for _, _, limb in cut])
        sums, products = matrix.sum(axis=1).tolist(), (matrix @ matrix.T).tolist()
        for row, (i, exponent, _) in enumerate(cut):
            self._sums[i] += units(sums[row], UNIT + exponent)
            for column, (j, other, _) in enumerate(cut[row:], start=row):
                product = units(products[row][column], SQUARE + exponent + other)
                self._products[i, j] += 2 * product if i == j and row != column else product


class Moments(Products):
    """n, sum and squares of one column."""

    def __init__(self) -> None:
        super().__init__(1)

    def figures(self) -> dict[str, int | float]:
        """n; sum + sum_low, the sum to 106 bits (an int and 0 for integers); m2, the sum of squared deviations, correctly rounded.

        Raises TaskError when one is too large for a float.
        """
        total, low = self.halves(0)
        return {"n": self.n, "sum": total, "sum_low": low, "m2": self.deviations(0, 0)}


def read_sum(text: Any, *, n: int, whole: bool) -> int:
    """The sum of n values, of integers if `whole`. Raises TaskError (`bad_state`)."""
    total = from_text(text, UNIT)
    if total is None or abs(total) > n << (UNIT + (63 if whole else LARGEST)) or (whole and total & ((1 << UNIT) - 1)):
        raise bad_state()
    return total


def _read_products(texts: dict[tuple[int, int], Any], *, n: int, sums: Sequence[int]) -> dict[tuple[int, int], int]:
    """The sums of products that n rows with these sums can have. Raises TaskError (`bad_state`)."""
    found: dict[tuple[int, int], int] = {}
    for pair, text in texts.items():
        product = from_text(text, SQUARE)
        if product is None or abs(product) > n << (SQUARE + 2 * LARGEST):
            raise bad_state()
        found[pair] = product
    for (i, j), product in found.items():
        if 2 * abs(product) > found[i, i] + found[j, j] or (i == j and sums[i] ** 2 > n * product):
            raise bad_state()
    return found
