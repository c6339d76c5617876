"""The two measures of drift, against scipy on the raw data and against what must hold of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, ks_2samp

from podium.drift.distribution import ALPHA, binned, ks, ks_by_chance, psi, psi_by_chance, rows_told_by_sketch, share_up_to

STEP = 1 / 32
LAWS = {
    "normal": lambda rng, n: rng.normal(50, 10, n),
    "skewed": lambda rng, n: rng.lognormal(3, 1, n),
    "whole": lambda rng, n: rng.poisson(6, n).astype(float),
    "mostly zero": lambda rng, n: np.where(rng.random(n) < 0.7, 0.0, rng.exponential(5, n)),
}
numbers = st.lists(st.floats(-1e9, 1e9, allow_nan=False), min_size=2, max_size=60)


def sketch(values):
    return tuple(float(q) for q in np.quantile(values, np.linspace(0, 1, 33), method="inverted_cdf"))


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("shift", [0.0, 0.5, 3.0, 20.0])
def test_ks_is_scipys_within_the_sketch(law, shift):
    rng = np.random.default_rng(4)
    before, after = LAWS[law](rng, 4000), LAWS[law](rng, 3000) + shift
    assert ks(sketch(before), sketch(after)).d == pytest.approx(ks_2samp(before, after).statistic, abs=2 * STEP + 1 / 3000)


@pytest.mark.parametrize("n", [60, 400, 10_000])
def test_ks_by_chance_is_where_scipys_p_value_falls_under_alpha(n):
    d = ks_by_chance(n=n, m=n)
    assert ks_2samp(np.arange(n), np.arange(n) + round(d * n) + 2, method="asymp").pvalue < ALPHA
    assert ks_2samp(np.arange(n), np.arange(n) + round(d * n) - 4, method="asymp").pvalue > ALPHA


def test_psi_of_a_normal_that_moves_is_the_square_of_its_shift():
    """Jeffreys' divergence of N(0, 1) and N(d, 1) is d squared; bins lose a little of it."""
    rng = np.random.default_rng(1)
    before = rng.normal(0, 1, 100_000)
    for shift in (0.3, 0.5, 0.8):
        p, q = binned(sketch(before), sketch(rng.normal(shift, 1, 100_000)))
        assert shift**2 * 0.85 < psi(p, q, n=100_000, m=100_000) < shift**2 * 1.05


def test_a_value_that_is_there_often_is_looked_at_from_both_sides():
    distance = ks([5.0] * 33, [10 * share / 32 for share in range(33)])
    assert (distance.higher, distance.lower) == (0.5, 0.5)


def test_psi_of_categories_by_hand():
    assert psi([0.5, 0.5], [0.75, 0.25], n=100, m=100) == pytest.approx(0.25 * np.log(1.5) + 0.25 * np.log(2))
    assert psi([1.0, 0.0], [0.9, 0.1], n=100, m=100) == pytest.approx(0.1 * np.log(1 / 0.9) + 0.095 * np.log(0.1 / 0.005))


@pytest.mark.parametrize("bins", [2, 3, 8, 40])
def test_psi_by_chance_is_chi_squared(bins):
    assert psi_by_chance(bins, n=200, m=300) == pytest.approx(chi2.ppf(1 - ALPHA, bins - 1) * (1 / 200 + 1 / 300), rel=0.04)


@pytest.mark.parametrize("n", [60, 300, 5000])
def test_without_drift_neither_measure_is_beyond_chance(n):
    rng, loud, worth = np.random.default_rng(9), 0, rows_told_by_sketch(n)
    for law in LAWS.values():
        for _ in range(50):
            before, after = sketch(law(rng, n)), sketch(law(rng, n))
            p, q = binned(before, after)
            loud += psi(p, q, n=n, m=n) > max(0.1, psi_by_chance(len(p), n=worth, m=worth))
            loud += ks(before, after).d > max(0.1, ks_by_chance(n=n, m=n))
    assert loud <= 1  # of 400


@given(numbers, numbers)
def test_symmetric(one, other):
    a, b = sketch(one), sketch(other)
    there, back = ks(a, b), ks(b, a)
    assert (there.higher, there.lower) == (back.lower, back.higher)
    (p, q), (s, r) = binned(a, b), binned(b, a)
    assert (p, q) == (r, s)
    assert psi(p, q, n=90, m=70) == pytest.approx(psi(s, r, n=70, m=90))


@given(numbers)
def test_identical_is_no_distance(values):
    a = sketch(values)
    assert ks(a, a).d == 0
    assert psi(*binned(a, a), n=100, m=100) == 0


@given(numbers, st.integers(1, 1000), st.integers(1, 1000))
def test_a_greater_shift_is_no_smaller_distance(values, shift, more):
    a = sketch([round(value) for value in values])
    near, far = ([value + by for value in a] for by in (shift, shift + more))
    assert ks(a, far).d >= ks(a, near).d - 1e-9
    assert ks(a, near).lower == 0


@given(numbers, st.floats(-2e9, 2e9), st.floats(-2e9, 2e9))
def test_a_share_is_a_share_and_grows(values, x, y):
    a, (low, high) = sketch(values), sorted([x, y])
    assert 0 <= share_up_to(a, low, included=False) <= share_up_to(a, low) <= share_up_to(a, high) <= 1
    assert (share_up_to(a, a[-1]), share_up_to(a, a[0], included=False)) == (1, 0)
