"""Networks that end at a train loss are measured there, each in its own time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from memlab.claims.finished_run import FinishedRun
from memlab.claims.jastrzebski_minima import at_the_end, read_at
from memlab.experiment.metrics import TRAIN_LOSS
from tests.worker.conftest import finished_run

SHARPNESS = "curvature.sharpness"
LOSS = 0.9


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    home: Path = tmp_path_factory.mktemp("ended")
    folder = finished_run(
        home,
        corruption={"kind": "none"},
        regularization={"dropout": 0.0},
        optimizer={"batch_size": 20},
        dataset={"train": 100, "validation": 20, "test": 20},
        stop={"epochs": 40, "train_loss": LOSS},
        evaluation={"every": 1},
        instruments={"on": ["curvature"], "cadence": 1000.0, "examples": 50},
        axes={"optimizer.learning_rate": [0.05, 0.3]},
    )
    return FinishedRun(folder)


def test_each_network_ends_at_the_first_evaluation_below_the_loss(run: FinishedRun):
    ended = set()
    for cell in run.cells:
        for one in cell.series(TRAIN_LOSS):
            first = int(np.flatnonzero(one.values <= LOSS)[0])
            assert (one.values[first:] == one.values[first]).all()  # kept, not trained on
            ended.add(one.epoch[first])
    assert len(ended) > 1


def test_it_is_measured_where_it_ends_although_no_turn_was_due(run: FinishedRun):
    for cell in run.cells:
        sharp, losses = at_the_end(cell, LOSS)
        assert np.isfinite(sharp).all()
        assert (losses <= LOSS).all()
        for one, loss in zip(cell.series(SHARPNESS), cell.series(TRAIN_LOSS), strict=True):
            end = loss.epoch[np.flatnonzero(loss.values <= LOSS)[0]]
            assert end in one.epoch
            at_first, at_the_last = one.values[0], one.at(end)
            assert at_first != at_the_last
            assert np.isfinite(read_at(loss, one, 1.2))
    assert np.isnan(at_the_end(run.cells[0], LOSS / 10)[0]).all()
