"""Sums of values and of their squares without any rounding: whole numbers in units of 2**-1200, below what any float can hold.

An exact sum has no order, so the same rows in other batches, or at other times, give the same figures to the last bit; and nothing
is lost where values are large and lie close together, which is where adding up squares goes wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from podium.errors import TaskError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

UNIT = 1200
LIMB = 22  # 64 bits in three limbs: a product has at most 44 bits, so that 2**18 of them fit 63
CHUNK = 1 << 18
MANTISSA = 53


class Moments:
    """n, sum and squares of what was added so far."""

    def __init__(self) -> None:
        self.n = 0
        self._whole = True
        self._sum = self._squares = 0

    def add(self, values: npt.NDArray[Any]) -> None:
        """Add finite values, all int64 or all float64."""
        self.n += len(values)
        for start in range(0, len(values), CHUNK):
            for whole, exponent in _scaled(values[start : start + CHUNK]):
                total, squares = _limbs(whole)
                self._sum += total << (UNIT + exponent)
                self._squares += squares << 2 * (UNIT + exponent)
        self._whole = self._whole and values.dtype.kind == "i"

    def figures(self) -> dict[str, int | float]:
        """n; sum + sum_low, the sum to 106 bits (an int and 0 for integers); m2, the sum of squared deviations, correctly rounded.

        Raises TaskError when one is too large for a float.
        """
        total, low = self._halves()
        m2 = _ratio(self.n * self._squares - self._sum * self._sum, self.n << 2 * UNIT) if self.n else 0.0
        return {"n": self.n, "sum": total, "sum_low": low, "m2": m2}

    def _halves(self) -> tuple[int | float, float]:
        if self._whole:
            return self._sum >> UNIT, 0.0
        total = _ratio(self._sum, 1 << UNIT)
        numerator, denominator = total.as_integer_ratio()
        return total, _ratio(self._sum - (numerator << UNIT) // denominator, 1 << UNIT)


def _scaled(values: npt.NDArray[Any]) -> Iterator[tuple[npt.NDArray[np.int64], int]]:
    """The values as whole numbers times 2**exponent, one array an exponent."""
    import numpy as np

    if values.dtype.kind == "i":
        yield values, 0
        return
    fractions, exponents = np.frexp(values)
    whole = (fractions * 2.0**MANTISSA).astype(np.int64)
    order = np.argsort(exponents, kind="stable")
    found, starts = np.unique(exponents[order], return_index=True)
    for exponent, part in zip(found.tolist(), np.split(whole[order], starts[1:]), strict=True):
        yield part, exponent - MANTISSA


def _limbs(values: npt.NDArray[np.int64]) -> tuple[int, int]:
    """The exact sum of at most CHUNK values, and of their squares."""
    mask = (1 << LIMB) - 1
    limbs = [values & mask, (values >> LIMB) & mask, values >> 2 * LIMB]
    total = sum(int(limb.sum()) << LIMB * place for place, limb in enumerate(limbs))
    squares = 0
    for i, one in enumerate(limbs):
        for j, other in enumerate(limbs[i:], start=i):
            squares += (int((one * other).sum()) * (1 if i == j else 2)) << LIMB * (i + j)
    return total, squares


def _ratio(above: int, below: int) -> float:
    try:
        return above / below  # Python rounds the quotient of two ints correctly
    except OverflowError:
        raise TaskError("a sum is too large for a number of 64 bits.", remedy="Scale the column.", code="overflow") from None
