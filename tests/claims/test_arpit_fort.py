"""What Arpit's and Fort's claims read off: at a loss, at matched memorization, at a moment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from memlab.claims.arpit_examples import UPDATES, across_when_fitted, at_level, few_carry_the_loss
from memlab.claims.arpit_hypotheses import at_matched, critical_with_time
from memlab.claims.finished_run import Evidence, FinishedRun
from memlab.claims.fort import overfitting
from memlab.claims.fort_distance import one_rate_at_those_times, rate_sets_length
from tests.claims import synthetic, synthetic_arpit_fort

REPLICATES = list(range(100, 108))


def evidence(home: Path, world: synthetic.World, *presets: str) -> Evidence:
    runs = {name: FinishedRun(synthetic.write(home, name, world, REPLICATES)) for name in presets}
    return Evidence(runs, REPLICATES)


def test_a_value_is_read_where_the_loss_comes_to_a_level_on_a_scale_of_logarithms():
    losses, values = np.array([1.0, 0.1, 0.001]), np.array([0.0, 1.0, 3.0])
    assert at_level(losses, values, 0.01) == pytest.approx(2.0)
    assert np.isnan(at_level(losses, values, 1e-4))
    assert np.isnan(at_level(losses, values, 2.0))


def test_matched_memorization_is_a_mean_over_the_range_that_strengths_have_to_span():
    memorized = np.array([[1.0, 1.0], [0.5, 0.9], [0.0, 0.4]])
    learned = np.array([[0.0, 0.0], [1.0, 1.0], [1.0, 1.0]])
    found = at_matched(memorized, learned)
    assert found[0] == pytest.approx(0.5 * 1.0 + 0.5 * 0.8, abs=0.01)  # 1 up to 0.5, then falling
    assert np.isnan(found[1])


def test_random_labels_stand_in_at_the_moment_of_the_loss_of_real_data(tmp_path):
    def world(preset, e, draw):
        made = synthetic.planted(preset, e, draw)
        if preset == "unrolled-fit":  # the share is the number of updates in thousands
            made["off_diagonal_until"] = made["updates"] / 1000
        return made

    found = across_when_fitted(evidence(tmp_path, world, "unrolled", "unrolled-fit"))
    # planted: real data have lost 100 ÷ 30 at the end, random labels t ÷ 100
    gap = (UPDATES * 100 / 30 - UPDATES) / 1000
    assert found.contrast == pytest.approx(np.full(8, gap), rel=1e-6)


def test_few_examples_carry_the_loss_is_a_difference_of_the_same_replicate(tmp_path):
    found = few_carry_the_loss(evidence(tmp_path, synthetic.planted, "unrolled"))
    assert found.primary.effect.mean == pytest.approx(0.2, abs=0.01)
    assert len(found.panels) == 1


def test_real_data_are_read_at_the_time_at_which_noise_was_fitted(tmp_path):
    def world(preset, e, draw):
        made = synthetic.planted(preset, e, draw)
        t = np.linspace(0, 1, synthetic.ROWS)
        p = 0.0 if e.corruption.kind == "none" else e.corruption.fraction
        return made | {"ratio": t, "train_loss": 2.3 * np.exp(-t * (14 - 7 * p))}

    found = critical_with_time(evidence(tmp_path, world, "kinds"))
    slow, fast = np.log(23) / 7, np.log(23) / 14
    assert found.contrast == pytest.approx(np.full(8, slow - fast), rel=0.01)


def test_the_moment_of_overfitting_is_chosen_on_the_other_half(tmp_path):
    def world(preset, e, draw):
        made = synthetic.planted(preset, e, draw)
        t = np.linspace(0, 1, synthetic.ROWS)
        world.seen += 1
        lowest = 0.2 if world.seen % 2 else 0.6
        return made | {"validation_loss": (t - lowest) ** 2}

    world.seen = 0
    run = FinishedRun(synthetic.write(tmp_path, "overfit", world, REPLICATES))
    first, last = overfitting(run)
    loss = synthetic_arpit_fort.falling(np.array([0.2, 0.6]))["train_loss"]
    assert first[::2] == pytest.approx(np.full(4, loss[1]), rel=1e-6)
    assert first[1::2] == pytest.approx(np.full(4, loss[0]), rel=1e-6)
    assert (last < first).all()


def test_one_rate_at_the_others_times_has_its_own_progress_alone(tmp_path):
    def world(preset, e, draw):
        made = synthetic.planted(preset, e, draw)
        t = np.linspace(0, 1, synthetic.ROWS)
        rate = e.optimizer.learning_rate
        return made | {"critical_length": 2 - t, "train_loss": 2.3 * np.exp(-80 * rate * t)}

    runs = evidence(tmp_path, world, "length")
    # ξ follows time alone: each rate has it at its own time, and so has the slowest read there
    same = rate_sets_length(runs).contrast, one_rate_at_those_times(runs).contrast
    assert same[0] == pytest.approx(same[1], rel=1e-6)
    assert (same[0] > 0).all()
