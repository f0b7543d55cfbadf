from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from memlab.reports.statistics import above, apart, below, quantity

from .conftest import q


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=40))
def test_interval_is_that_of_scipy(values: list[float]) -> None:
    found = quantity(values)
    assert found is not None
    assert found.ci95 is not None
    sem = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    half = float(stats.t.ppf(0.975, len(values) - 1)) * sem
    assert found.mean == pytest.approx(np.mean(values), abs=1e-9)
    assert found.ci95[0] == pytest.approx(found.mean - half, abs=1e-7)
    assert found.ci95[1] == pytest.approx(found.mean + half, abs=1e-7)


def test_interval_of_two_values_is_the_closed_form() -> None:
    # one degree of freedom is Cauchy: t = tan(0.95 · π / 2), s/√2 = half the distance
    found = quantity([0.0, 1.0])
    assert found is not None
    assert found.half == pytest.approx(0.5 * math.tan(0.95 * math.pi / 2))


def test_interval_of_three_values_is_the_closed_form() -> None:
    # two degrees of freedom: t = α·√(2 / (1 − α²)) with α = 0.95
    found = quantity([1.0, 2.0, 3.0])
    assert found is not None
    assert found.half == pytest.approx(0.95 * math.sqrt(2 / (1 - 0.95**2)) / math.sqrt(3))


def test_one_value_has_no_interval() -> None:
    assert quantity([0.5]) == q(0.5, None, 1)


def test_what_is_not_finite_does_not_count() -> None:
    found = quantity([0.5, math.nan, 0.5, math.inf])
    assert found is not None
    assert (found.mean, found.n, found.ci95) == (0.5, 2, (0.5, 0.5))


@pytest.mark.parametrize("values", [[], [math.nan], [math.inf, math.nan]])
def test_nothing_finite_is_nothing(values: list[float]) -> None:
    assert quantity(values) is None


def test_intervals_that_touch_are_not_apart() -> None:
    one, other, alone = q(0.5, 0.1), q(0.7, 0.1), q(0.9, None, 1)
    assert one is not None
    assert other is not None
    assert alone is not None
    assert not apart(one, other)
    assert apart(one, q(0.71, 0.1) or one)
    assert apart(q(0.71, 0.1) or one, one)
    assert not apart(one, alone)
    assert above(one, 0.3)
    assert not above(one, 0.45)
    assert below(one, 0.7)
    assert not above(alone, 0.0)
