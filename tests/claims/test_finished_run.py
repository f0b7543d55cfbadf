"""Reading along a trajectory: crossings and values in between, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from memlab.claims.criteria import rolled_rows
from memlab.claims.finished_run import Series
from memlab.claims.needed import needed, replicated
from memlab.claims.registry import chosen
from memlab.experiment import presets


def series(epoch: list[float], values: list[float]) -> Series:
    clock = np.asarray(epoch, float)
    return Series(clock, 10 * clock, np.asarray(values, float))


def test_a_loss_that_falls_exponentially_crosses_where_its_logarithm_does():
    epoch = [0.0, 3.0, 5.0, 11.0]
    losses = series(epoch, [2 * np.exp(-0.4 * t) for t in epoch])
    assert losses.crossing(0.1) == pytest.approx(np.log(20) / 0.4)


def test_a_loss_that_never_falls_so_far_or_starts_below_has_no_crossing():
    assert np.isnan(series([0, 1, 2], [2, 1, 0.5]).crossing(0.1))
    assert np.isnan(series([0, 1], [0.05, 0.01]).crossing(0.1))
    assert np.isnan(series([0, 1, 2], [2, np.nan, np.nan]).crossing(0.1))


def test_values_in_between_look_past_gaps_and_end_where_the_measurements_do():
    sharp = series([0, 1, 2, 4], [1.0, np.nan, 3.0, 7.0])
    assert sharp.between(1.0) == pytest.approx(2.0)
    assert sharp.between(3.0) == pytest.approx(5.0)
    assert np.isnan(sharp.between(4.1))
    assert np.isnan(sharp.between(float("nan")))
    assert np.isnan(series([0, 1], [np.nan, np.nan]).between(0.5))


def test_a_rolled_trend_is_a_latin_square():
    rolled = rolled_rows(np.tile(np.arange(5.0), (5, 1)))
    assert (np.sort(rolled, axis=0) == np.arange(5.0)[:, None]).all()
    assert (np.sort(rolled, axis=1) == np.arange(5.0)).all()


def test_seeds_are_splits_where_a_preset_has_an_axis_of_them():
    tree = replicated(presets.find("easy-laptop").tree, [7, 8, 9])
    assert tree["axes"]["dataset.split_seed"] == [7, 8, 9]
    assert tree["seeds"] == 100
    assert replicated(presets.find("labels-laptop").tree, [7, 8, 9])["seeds"] == [7, 8, 9]
    (made,) = needed(chosen(["A1"]), "laptop", [7, 8, 9])
    assert made.experiment.axes["dataset.split_seed"] == [7, 8, 9]
