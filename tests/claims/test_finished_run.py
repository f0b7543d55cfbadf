"""Reading along a trajectory: crossings and values in between, against closed forms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from memlab.claims.finished_run import Series
from memlab.claims.needed import needed, replicated
from memlab.claims.registry import chosen
from memlab.experiment import presets, reading
from memlab.experiment.grid import members


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


def test_replicates_are_splits_where_a_preset_has_an_axis_of_them():
    tree = replicated(presets.find("easy-laptop").tree, [7, 8, 9])
    assert tree["axes"]["dataset.split_seed"] == [7, 8, 9]
    assert len(tree["seeds"]) == 16
    plain = replicated(presets.find("ladder-laptop").tree, [7, 8, 9])
    assert plain["seeds"] == [7, 8, 9]
    assert plain["dataset"]["split_per_seed"]
    assert plain["dataset"]["fresh"]
    made, _ = needed(chosen(["A1"]), "laptop", [7, 8, 9])
    assert made.experiment.axes["dataset.split_seed"] == [7, 8, 9]


@pytest.mark.parametrize("preset", ["easy-laptop", "ladder-laptop"])
def test_boards_of_disjoint_replicates_share_no_seed_and_no_split(preset: str):
    def numbers(replicates: range) -> tuple[set[int], set[int]]:
        tree = replicated(presets.find(preset).tree, replicates)
        made = members(reading.experiment(tree, preset))
        return {m.seed for m in made}, {m.experiment.dataset.split_seed for m in made}

    one, other = numbers(range(200, 203)), numbers(range(300, 303))
    assert all(own.isdisjoint(theirs) for own, theirs in zip(one, other, strict=True))
    assert one[1] == {200, 201, 202}


def test_a_run_has_the_replicates_of_its_most_demanding_claim():
    few, many = chosen(["F1", "F3"])
    claims = [few, replace(many, least=12)]
    (made,) = needed(claims, "laptop", range(200, 208))
    assert made.experiment.seed_list == list(range(200, 212))
    (look,) = needed(claims, "laptop", range(200, 203))
    assert look.experiment.seed_list == [200, 201, 202]
