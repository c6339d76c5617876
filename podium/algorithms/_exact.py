"""Sums without any rounding: whole numbers in units of a power of two below what any float can hold.

An exact sum has no order, so the same rows in other batches or parts, or at other times, give the same figures to the last bit; and
nothing is lost where values are large and lie close together, which is where adding up squares goes wrong.

The way to them is numpy's own adding up. Floats are cut into limbs of few bits, so few that adding many up cannot round: twice as many
bits as a limb has, and those of the number of rows, fit the 53 of a float. What a limb's sums come to then goes into Python's integers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from podium.errors import TaskError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

MANTISSA = 53
UNIT = 1200  # sums are kept in units of 2**-UNIT, sums of products in units of 2**-(2 * UNIT)
LARGEST = 1024  # every float is below 2**LARGEST

_SHIFT = 700  # moves what is near an end of a float's range away from it, so that products of limbs stay inside
_HIGH, _LOW = 2.0**340, -420
_TEXT = re.compile(r"(-?[1-9a-f][0-9a-f]{0,1199})p(-?[0-9]{1,4})")


def limbs(values: npt.NDArray[Any], bits: int) -> Iterator[tuple[Floats, int]]:
    """Arrays and exponents: those arrays times 2**exponent add up to `values`, finite ones, all int64 or all float64.

    All numbers of one array are multiples of some power of two, and at most 2**bits times that.
    """
    import numpy as np

    if not len(values):
        return
    if values.dtype.kind == "i" and max(int(values.max()), -int(values.min())) >> MANTISSA:
        for limb, exponent in limbs((values >> 32).astype(np.float64), bits):
            yield limb, exponent + 32
        values = values & 0xFFFF_FFFF
    rest = values.astype(np.float64, copy=False)
    if _size(rest) >= _HIGH:
        high = np.abs(rest) >= _HIGH
        yield from _cut(np.where(high, rest, 0.0) * 2.0**-_SHIFT, _SHIFT, bits)
        rest = np.where(high, 0.0, rest)
    yield from _cut(rest, 0, bits)


def units(value: float, exponent: int) -> int:
    """The float in units of 2**-exponent, of which it is a whole number."""
    numerator, denominator = float(value).as_integer_ratio()
    return (numerator << exponent) // denominator


def ratio(above: int, below: int) -> float:
    """The quotient, correctly rounded. Raises TaskError when it is too large for a float."""
    try:
        return above / below  # Python rounds the quotient of two ints correctly
    except OverflowError:
        raise TaskError("a sum is too large for a number of 64 bits.", remedy="Scale the column.", code="overflow") from None


def as_text(value: int, unit: int) -> str:
    """The number of units of 2**-unit, as `1f4p-2`: hexadecimal, without the zeros at its end, and a power of two."""
    if value == 0:
        return "0"
    zeros = (value & -value).bit_length() - 1
    return f"{value >> zeros:x}p{zeros - unit}"


def from_text(text: Any, unit: int) -> int | None:
    """What `as_text` was given; None for anything that it does not say."""
    if text == "0":
        return 0
    found = _TEXT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    digits, exponent = int(found[1], 16), int(found[2]) + unit
    return digits << exponent if exponent >= 0 and digits & 1 else None


def _cut(rest: Floats, exponent: int, bits: int) -> Iterator[tuple[Floats, int]]:
    """As `limbs`, for floats not near the upper end of their range."""
    while size := _size(rest):
        top = math.frexp(size)[1]  # every number is below 2**top
        if top < _LOW:
            rest, exponent, top = rest * 2.0**_SHIFT, exponent - _SHIFT, top + _SHIFT
        fence = math.ldexp(1.5, top - bits + MANTISSA - 1)  # adding it rounds to multiples of 2**(top - bits), and taking it off is exact
        limb = (rest + fence) - fence
        yield limb, exponent
        rest = rest - limb


def _size(values: Floats) -> float:
    return max(float(values.max()), -float(values.min()))
