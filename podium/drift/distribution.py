"""How far apart two distributions of one column lie, told from the little that two schemas keep of them.

**Population stability index**, over categories or bins with shares p and q: PSI = Σ (p - q) ln(p / q), which is Jeffreys' divergence. By
custom 0.1 is some change and 0.2 a large one (Siddiqi, *Credit Risk Scorecards*, 2006). Where nothing has changed, PSI / (1/n + 1/m) is
nearly chi-squared with one degree of freedom fewer than there are bins (Yurdakul, *Statistical Properties of Population Stability Index*,
2018): an index below that law's quantile is chance. The quantile is Wilson and Hilferty's (1931).

**Two-sample Kolmogorov-Smirnov**: D = sup |F - G|, beyond chance where D > c(a) sqrt((n + m) / (n m)) with c(a) = sqrt(-ln(a / 2) / 2)
(Smirnov 1948).

A *sketch* is `Column.quantiles`: values at evenly spaced shares. F is exact at these values and drawn straight between them, so that D
is off by at most one step of each sketch: 2/32 for 33 values. Of shares in bins a sketch tells no more than `SKETCH_ROWS` rows would.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist

ALPHA = 0.001  # for each column: a table of a hundred unchanged ones is told of once in ten refreshes
BINS = 8
SKETCH_ROWS = 670  # an edge is off by up to 1/32, uniformly: two of them vary as the share of an eighth does in so many rows


@dataclass(frozen=True)
class Distance:
    """Kolmogorov and Smirnov's D, in both directions: by how much the later values lie `higher`, and `lower`."""

    higher: float
    lower: float

    @property
    def d(self) -> float:
        """The greatest distance between the two distribution functions."""
        return max(self.higher, self.lower)


def psi(before: Sequence[float], after: Sequence[float], *, n: float, m: float) -> float:
    """The index of two lists of shares, bin by bin, of `n` and `m` rows. A bin that one side lacks counts there as half a row."""
    total = 0.0
    for p, q in zip(before, after, strict=True):
        if p or q:
            p, q = max(p, 0.5 / n), max(q, 0.5 / m)
            total += (p - q) * math.log(p / q)
    return total


def psi_by_chance(bins: int, *, n: float, m: float) -> float:
    """The index that samples of one distribution stay under, but for `ALPHA` of them."""
    if bins < 2:
        return 0.0
    free = bins - 1
    spread = 2 / (9 * free)
    quantile = free * (1 - spread + NormalDist().inv_cdf(1 - ALPHA) * math.sqrt(spread)) ** 3
    return quantile * (1 / n + 1 / m)


def rows_told_by_sketch(n: float) -> float:
    """How many rows' worth a sketch of `n` rows tells of shares."""
    return 1 / (1 / n + 1 / SKETCH_ROWS)


def ks(before: Sequence[float], after: Sequence[float]) -> Distance:
    """The distance of two sketches. Values that are there often make steps, so both sides of each are looked at."""
    gaps = [
        share_up_to(before, value, included=included) - share_up_to(after, value, included=included)
        for value in {*before, *after}
        for included in (True, False)
    ]
    return Distance(higher=max(0.0, *gaps), lower=max(0.0, *(-gap for gap in gaps)))


def ks_by_chance(*, n: float, m: float) -> float:
    """The distance that samples of one distribution stay under, but for `ALPHA` of them."""
    return math.sqrt(-math.log(ALPHA / 2) / 2) * math.sqrt((n + m) / (n * m))


def binned(before: Sequence[float], after: Sequence[float]) -> tuple[list[float], list[float]]:
    """The shares of two sketches in bins that hold about equal parts of both together: neither side is the measure of the other."""
    both = sorted([*before, *after])
    edges = sorted({both[len(both) * place // BINS] for place in range(1, BINS)})
    return _shares(before, edges), _shares(after, edges)


def share_up_to(sketch: Sequence[float], value: float, *, included: bool = True) -> float:
    """The share of rows whose value is at most `value`, or `included=False` less than it."""
    place = (bisect_right if included else bisect_left)(sketch, value)
    if place in (0, len(sketch)):
        return float(place > 0)
    low, high = sketch[place - 1], sketch[place]
    return (place - 1 + (value - low) / (high - low)) / (len(sketch) - 1)


def _shares(sketch: Sequence[float], edges: Sequence[float]) -> list[float]:
    upto = [0.0, *(share_up_to(sketch, edge) for edge in edges), 1.0]
    return [after - before for before, after in pairwise(upto)]
