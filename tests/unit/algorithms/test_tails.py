"""The two tail probabilities against scipy, from the middle to far out."""

import math

import pytest
from scipy import stats

from podium.algorithms._tails import normal_p, student_p


@pytest.mark.parametrize("z", [0.0, 1e-9, 0.3, 1.0, -1.96, 5.0, 20.0, -37.0])
def test_normal(z):
    assert normal_p(z) == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-12)


@pytest.mark.parametrize("degrees", [1, 2, 3, 7, 30, 431, 10_000, 2_000_000])
@pytest.mark.parametrize("t", [0.0, 1e-6, 0.5, -1.0, 1.97, 4.5, -12.0, 60.0])
def test_student(t, degrees):
    expected = 2 * stats.t.sf(abs(t), degrees)
    assert student_p(t, degrees) == pytest.approx(expected, rel=1e-8, abs=1e-300)


def test_it_does_not_break_at_the_end_of_the_numbers():
    assert student_p(1e308, 5) == 0.0
    assert normal_p(1e308) == 0.0
    assert math.isfinite(student_p(1e150, 1))
