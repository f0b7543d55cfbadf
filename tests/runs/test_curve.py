from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from memlab.estimate import over_seeds
from memlab.runs.curve import curve_of, downsample
from memlab.runs.moments import Moments, combined

VALUES = st.floats(-1e3, 1e3) | st.just(float("nan"))


@given(
    values=arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(2, 9)), elements=VALUES),
    cut=st.integers(1, 8),
)
def test_a_curve_does_not_depend_on_how_members_are_cut_into_stacks(values, cut):
    epoch = np.arange(len(values), dtype=float)
    cut = min(cut, values.shape[1] - 1)
    whole = curve_of(Moments.of(epoch, values))
    parts = [Moments.of(epoch, values[:, :cut]), Moments.of(epoch, values[:, cut:])]
    cut_up = curve_of(combined(parts, [False, False]))
    for name in ("mean", "low", "high", "minimum", "maximum", "members"):
        np.testing.assert_allclose(getattr(cut_up, name), getattr(whole, name), 1e-9, 1e-6)


def test_the_interval_is_the_t_interval_of_the_mean() -> None:
    values = np.random.default_rng(0).normal(size=(4, 5))
    curve = curve_of(Moments.of(np.arange(4.0), values))
    for index, sample in enumerate(values):
        low, high = stats.t.interval(0.95, 4, loc=sample.mean(), scale=stats.sem(sample))
        assert (curve.low[index], curve.high[index]) == pytest.approx((low, high))
    alone = curve_of(Moments.of(np.arange(4.0), values[:, :1]))
    assert np.isnan(alone.low).all()
    np.testing.assert_array_equal(alone.mean, values[:, 0])


def test_what_is_not_there_is_left_out_per_epoch() -> None:
    nan = np.nan
    curve = curve_of(Moments.of(np.arange(3.0), np.array([[1, 3.0], [nan, 5], [nan, nan]])))
    np.testing.assert_array_equal(curve.mean, [2, 5, nan])
    np.testing.assert_array_equal(curve.maximum, [3, 5, nan])
    assert curve.members.tolist() == [2, 1, 0]


def test_stacks_are_aligned_by_epoch_and_ended_ones_carried_forward() -> None:
    short = Moments.of(np.array([0.0, 1.0]), np.array([[0.0], [2.0]]))
    long = Moments.of(np.array([0.0, 0.1 + 0.2, 1.0, 2.0]), np.array([[4.0], [4.0], [4.0], [4.0]]))
    late = curve_of(combined([short, long], [False, False]))
    assert late.epoch.tolist() == [0, 0.3, 1, 2]
    assert late.mean.tolist() == [2, 4, 3, 4]
    ended = curve_of(combined([short, long], [True, False]))
    assert ended.mean.tolist() == [2, 4, 3, 3]
    assert ended.members.tolist() == [2, 1, 2, 2]


@given(
    y=arrays(np.float64, st.integers(1, 300), elements=VALUES),
    points=st.integers(1, 120),
)
def test_no_spike_disappears_when_points_are_left_out(y, points):
    x = np.arange(len(y), dtype=float)
    at, low, high, last = downsample(x, y, points)
    assert len(at) == min(points, len(y))
    assert at[-1] == x[-1]
    assert np.array_equal(last[-1], y[-1], equal_nan=True)
    if np.isnan(y).all():
        assert np.isnan(high).all()
    else:
        assert np.nanmax(high) == np.nanmax(y)
        assert np.nanmin(low) == np.nanmin(y)


def test_a_thinned_curve_says_so_and_zooming_brings_the_rest_back() -> None:
    values = np.zeros((1000, 2))
    values[617] = 9.0
    moments = Moments.of(np.arange(1000.0), values)
    thin = curve_of(moments, points=50)
    assert thin.thinned
    assert len(thin.epoch) == 50
    assert thin.maximum.max() == thin.mean_high.max() == 9
    near = curve_of(moments, points=50, span=(600, 640))
    assert not near.thinned
    assert near.mean[17] == 9


@given(
    values=arrays(np.float64, st.tuples(st.integers(1, 90), st.integers(1, 3)), elements=VALUES),
    cuts=st.lists(st.integers(1, 89), max_size=6),
    most=st.integers(2, 20),
)
def test_bounded_moments_do_not_depend_on_when_rows_came_and_lose_no_extreme(values, cuts, most):
    epoch = np.arange(len(values), dtype=float)
    ends = sorted({*(min(cut, len(values)) for cut in cuts), len(values)})
    kept, rows = Moments.empty(), 0
    for end in ends:
        kept = kept.extended(rows, Moments.of(epoch[rows:end], values[rows:end]), most)
        rows = end
        assert len(kept.epoch) <= most
    whole = Moments.of(epoch, values)
    scale = 1 + np.nanmax(np.abs(values), initial=0.0) ** 2  # sums are the same but for rounding
    for mine, its in zip(kept.arrays(), whole.coarser(kept.stride).arrays(), strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-12, atol=1e-12 * scale)
    newest = tuple(array[-1] for array in whole.arrays()[:4])
    found = [array[-1] for array in kept.arrays()[:4]]
    np.testing.assert_allclose(found, newest, rtol=1e-12, atol=1e-12 * scale)
    if np.isfinite(whole.mean).any():
        best = np.nanargmax(whole.mean)
        at = np.nanargmax(kept.mean_high)
        assert (kept.mean_high[at], kept.peak[at]) == (whole.mean[best], epoch[best])
        assert np.nanmin(kept.minimum) == np.nanmin(whole.minimum)
        assert np.nanmax(kept.maximum) == np.nanmax(whole.maximum)


@pytest.mark.parametrize("ended", [False, True])
def test_bounded_stacks_of_different_lengths_are_one_curve(ended: bool) -> None:
    long, short = (np.linspace(0.0, 1.0, rows)[:, None] * np.ones(2) for rows in (1000, 601))
    shares = [
        Moments.empty().extended(0, Moments.of(np.arange(float(len(values))), values), 64)
        for values in (long, short)
    ]
    curve = curve_of(combined(shares, [False, ended]))
    exact = curve_of(
        combined(
            [Moments.of(np.arange(1000.0), long), Moments.of(np.arange(601.0), short)],
            [False, ended],
        )
    )
    assert curve.thinned
    assert len(curve.epoch) <= 64
    where = np.searchsorted(exact.epoch, curve.epoch)
    np.testing.assert_array_equal(curve.members, exact.members[where])
    assert np.abs(curve.mean - exact.mean[where]).max() <= 16 / 600  # a stride apart
    assert (curve.mean_low <= exact.mean[where] + 1e-12).all()
    assert (curve.mean_high >= exact.mean[where] - 1e-12).all()


def test_the_newest_interval_is_its_own_however_much_the_curve_is_thinned() -> None:
    fall = np.linspace(10.0, 0.0, 1000)[:, None] + np.array([-0.01, 0.0, 0.01])
    moments = Moments.empty().extended(0, Moments.of(np.arange(1000.0), fall), 64)
    shown = curve_of(moments, 8)
    assert shown.half[-1] == pytest.approx(over_seeds(fall[-1]).half, rel=1e-6)
    assert shown.high[-1] - shown.mean[-1] > 10 * shown.half[-1]
