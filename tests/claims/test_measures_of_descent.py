"""What the claims of T, S and B read from finished runs, on curves that are written down."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from memlab.claims import jastrzebski_minima, smith, smith_batch, stability, trajectory
from memlab.claims.finished_run import Evidence, FinishedRun
from tests.claims import synthetic
from tests.claims.synthetic import ROWS, World

REPLICATES = [100, 101]
T = np.linspace(0, 1, ROWS)
FLAT = {name: np.full(ROWS, 0.5) for name in synthetic.METRICS}


def evidence(home: Path, preset: str, values: World) -> Evidence:
    run = synthetic.write(home, preset, values, REPLICATES)
    return Evidence({preset: FinishedRun(run)}, REPLICATES)


def test_the_change_at_one_ratio_is_divided_by_the_change_with_the_ratio(tmp_path: Path):
    """log λ₁ = −0.5 log η/S − 0.1 log S: η and S up by 4 move it by −0.1 log 4; S down by 4 at one
    η by −0.4 log 4; η up by 4 at one S by −0.5 log 4."""

    def values(preset, e, draw):
        size = e.optimizer.batch_size
        sharp = (e.optimizer.learning_rate / size) ** -0.5 * size**-0.1
        return FLAT | {"train_loss": 2.3 * np.exp(-6 * T), "sharpness": np.full(ROWS, sharp)}

    seen = evidence(tmp_path, "minima", values)
    own, known = jastrzebski_minima.only_the_ratio(seen), jastrzebski_minima.one_batch_size(seen)
    assert own.conditions[0].values == pytest.approx([-0.25, -0.25])
    assert own.conditions[1].values == pytest.approx([0.4 * np.log(4)] * 2)
    assert known.conditions[0].values == pytest.approx([-1.25, -1.25])
    assert len(known.conditions) == 1


def test_a_network_that_did_not_come_to_the_loss_is_not_read(tmp_path: Path):
    def values(preset, e, draw):
        return FLAT | {"train_loss": np.full(ROWS, 0.021), "sharpness": np.ones(ROWS)}

    made = jastrzebski_minima.only_the_ratio(evidence(tmp_path, "minima", values))
    assert [one.effect.n for one in made.conditions] == [0, 0]


def test_maxima_are_those_on_the_way_to_one_loss(tmp_path: Path):
    """λ_K rises with time, and faster training is there sooner; one rate is there at one time."""

    def values(preset, e, draw):
        speed = 2 + 5 * e.optimizer.learning_rate
        late = np.where(T > 0.9, 50.0, 0.0)  # a spike when all have been there
        return FLAT | {
            "train_loss": 2.3 * np.exp(-speed * T),
            "largest": 1 + T + late,
            "relative_trace": 1 + T,
            "condition": 1 + T,
        }

    seen = evidence(tmp_path, "early", values)
    _, cells = trajectory.by_rate(seen.run("early"))
    own, small = trajectory._maxima(cells, trajectory.LARGEST)
    rates = np.array([0.05, 0.1, 0.2, 0.4, 0.8])
    there = np.ceil(np.log(2.3 / 1.3) / (2 + 5 * rates) * (ROWS - 1)) / (ROWS - 1)
    np.testing.assert_allclose(own, np.tile(1 + there, (2, 1)))
    assert np.ptp(small, axis=1).max() < 0.02  # the losses of the readings differ by a step
    assert np.ptp(own, axis=1).min() > 0.1


def test_doses_are_compared_as_long_after_each(tmp_path: Path):
    def values(preset, e, draw):
        return FLAT | {
            "train_loss": 2.3 * np.exp(-6 * T),
            "sharpness": np.exp(e.stop.epochs * T / 10),
        }

    made = stability.early_steps_decide(evidence(tmp_path, "dose", values))
    assert made.conditions[0].values == pytest.approx([0.0, 0.0])  # all end at one time
    assert made.conditions[1].values == pytest.approx([-2.4, -2.4], abs=0.01)  # 24 epochs apart


def test_readings_at_the_edge_begin_when_it_is_reached(tmp_path: Path):
    def values(preset, e, draw):
        return FLAT | {"sharpness": np.minimum(10 + 20 * T, 22.0)}

    cell = trajectory.by_rate(evidence(tmp_path, "edge", values).run("edge"))[1][-1]
    found = stability._readings(cell, 0.1)
    assert found["first"] == pytest.approx([0.5, 0.5])
    assert found["largest"] == pytest.approx([1.1, 1.1])
    assert (found["inside"] == 1.0).all()
    assert ((found["mean"] > 1.0) & (found["mean"] < 1.1)).all()


def test_schedules_are_compared_at_the_end_of_each_stage(tmp_path: Path):
    def values(preset, e, draw):
        grown = e.schedule.kind == "grow-batch"
        epoch = e.stop.epochs * T
        return FLAT | {"test_accuracy": 0.5 + 0.01 * grown * (epoch > 15) + 0.01 * (epoch > 31)}

    made = smith.same_curve(evidence(tmp_path, "schedules", values))
    told = {one.label: one.effect.mean for one in made.conditions}
    assert made.primary.label == "grow-batch − decay-rate, sgd, epoch 32"
    assert told["grow-batch − decay-rate, sgd, epoch 12"] == pytest.approx(0.0)
    assert told["grow-batch − decay-rate, sgd, epoch 18"] == pytest.approx(0.01)
    assert told["hybrid − decay-rate, momentum, epoch 32"] == pytest.approx(0.0)
    assert len(told) == 18


def test_the_best_batch_is_the_top_of_a_parabola_inside_the_grid():
    batches = 2.0 ** np.arange(1, 7)
    tops = np.array([[2.0, 2.3], [2.9, 4.2]])
    score = -((np.log(batches) - tops[..., None]) ** 2)
    found = smith_batch._best(score, batches)
    np.testing.assert_allclose(found[:, 0], tops[:, 0])
    assert found[0, 1] == pytest.approx(2.3)
    assert np.isnan(found[1, 1])  # its highest is the last of the grid
