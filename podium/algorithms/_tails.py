"""The two tail probabilities of a coefficient table, in plain Python: the base install has no scipy.

Both are accurate to about 1e-13 relative, also far out, where 1 - cdf would be nothing but rounding.
"""

from __future__ import annotations

import math

_TINY, _TERMS = 1e-300, 2000


def normal_p(z: float) -> float:
    """The probability that a standard normal is at least as far from 0 as `z`."""
    return math.erfc(abs(z) / math.sqrt(2.0))


def student_p(t: float, degrees: float) -> float:
    """The same for Student's t: the regularised incomplete beta function I_x(degrees/2, 1/2) at x = degrees / (degrees + t²)."""
    square = t * t
    if not math.isfinite(square):
        return 0.0
    return _beta(degrees / 2, 0.5, degrees / (degrees + square), square / (degrees + square))


def _beta(a: float, b: float, x: float, rest: float) -> float:
    """I_x(a, b); `rest` is 1 - x, given apart because subtraction would lose it."""
    if x <= 0.0 or rest <= 0.0:
        return 0.0 if x <= 0.0 else 1.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1.0 - front * _fraction(b, a, rest) / b


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    c, d = 1.0, 1.0 / _away(1.0 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _TERMS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 / _away(1.0 + term * d)
            c = _away(1.0 + term / c)
            value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return value


def _away(value: float) -> float:
    """A denominator that is not 0."""
    return value if abs(value) > _TINY else _TINY
