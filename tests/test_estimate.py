from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from memlab.estimate import Estimate, means, over_seeds


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=40))
def test_interval_is_that_of_scipy(values: list[float]) -> None:
    found = over_seeds(values)
    assert found.bounded
    sem = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    half = float(stats.t.ppf(0.975, len(values) - 1)) * sem
    assert found.mean == pytest.approx(np.mean(values), abs=1e-9)
    assert found.low == pytest.approx(found.mean - half, abs=1e-7)
    assert found.high == pytest.approx(found.mean + half, abs=1e-7)


def test_interval_of_two_values_is_the_closed_form() -> None:
    # one degree of freedom is Cauchy: t = tan(0.95 · π / 2), s/√2 = half the distance
    found = over_seeds([0.0, 1.0])
    assert found.half == pytest.approx(0.5 * math.tan(0.95 * math.pi / 2))


def test_interval_of_three_values_is_the_closed_form() -> None:
    # two degrees of freedom: t = α·√(2 / (1 − α²)) with α = 0.95
    found = over_seeds([1.0, 2.0, 3.0])
    assert found.half == pytest.approx(0.95 * math.sqrt(2 / (1 - 0.95**2)) / math.sqrt(3))


def test_one_value_has_no_interval() -> None:
    found = over_seeds([0.5])
    assert (found.mean, found.n, found.ends) == (0.5, 1, None)
    assert math.isnan(found.half)
    assert found.document() == {"mean": 0.5, "ci95": None, "n": 1}


def test_what_is_not_finite_does_not_count() -> None:
    found = over_seeds([0.5, math.nan, 0.5, math.inf])
    assert (found.mean, found.n, found.ends) == (0.5, 2, (0.5, 0.5))


@pytest.mark.parametrize("values", [[], [math.nan], [math.inf, math.nan]])
def test_nothing_finite_is_nothing(values: list[float]) -> None:
    found = over_seeds(values)
    assert math.isnan(found.mean)
    assert found.or_none() is None


def test_intervals_that_touch_are_not_apart() -> None:
    one, other, alone = (Estimate.around(*pair) for pair in ((0.5, 0.1), (0.7, 0.1), (0.9,)))
    assert not one.apart(other)
    assert one.apart(Estimate.around(0.71, 0.1))
    assert Estimate.around(0.71, 0.1).apart(one)
    assert not one.apart(alone)
    assert not alone.apart(one)


def test_means_are_students_and_leave_out_what_is_not_finite() -> None:
    values = np.array([[1.0, np.nan, np.inf], [2.0, np.nan, np.inf], [4.5, np.nan, np.inf]])
    mean, half = means(values)
    low, high = stats.t.interval(0.95, 2, mean[0], stats.sem(values[:, 0]))
    assert mean[0] == pytest.approx(2.5)
    assert (mean[0] - half[0], mean[0] + half[0]) == pytest.approx((low, high))
    assert np.isnan(mean[1])
    assert np.isinf(mean[2])
