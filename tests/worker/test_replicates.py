"""Replicates: networks whose splits differ are trained, recorded and resumed like all others."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from memlab.baselines.registry import reach
from memlab.claims.finished_run import FinishedRun
from memlab.experiment import reading
from memlab.experiment.grid import members
from memlab.runs import lifecycle
from memlab.runs.baselines import read_baselines
from memlab.runs.example_scores import labellings
from memlab.runs.ledger import read_ledger
from memlab.runs.run_folder import RunFolder
from memlab.training import checkpoint
from memlab.worker.material import Material
from tests.patience import wait_for
from tests.worker.conftest import SMALL, ended, finished_run, merged
from tests.worker.test_resume import final_tensors, tables

Start = Callable[..., RunFolder]
EVERY = {"checkpoints": {"every_seconds": 0.0, "keep": 100}}
REPLICATES = {"dataset": {"split_per_seed": True}, "seeds": [207, 4], **EVERY}
METRICS = ("train_loss", "validation_accuracy", "test_accuracy")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Two replicates at two shares of noise, in one stack; only to be read."""
    return finished_run(tmp_path_factory.mktemp("whole"), **REPLICATES)


def test_networks_of_different_splits_train_in_one_stack_as_they_do_alone(
    whole: RunFolder, tmp_path: Path
):
    run = FinishedRun(whole)
    assert len(list(whole.series.path.glob("stack-*.json"))) == 1
    alone = FinishedRun(finished_run(tmp_path, dataset={"split_seed": 4}, seeds=[4], **EVERY))
    for metric in METRICS:
        for own, other in zip(run.cells, alone.cells, strict=True):
            together = own.series(metric)[1].values
            np.testing.assert_allclose(together, other.series(metric)[0].values, rtol=2e-5)
    both = [[one.values for one in cell.series("train_loss")] for cell in run.cells]
    assert all(not np.allclose(first, second) for first, second in both)


def test_replicates_of_a_killed_worker_resume_bit_for_bit(start: Start, whole: RunFolder):
    folder = start(**REPLICATES)
    wait_for(lambda: len(checkpoint.found(folder.checkpoints, 0)) >= 3)
    pid = folder.state.pid
    if pid is not None and folder.state.living:
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not folder.state.living)
    if folder.state.state != "finished":
        lifecycle.resume(folder)
        ended(folder)
    assert final_tensors(folder) == final_tensors(whole)
    assert tables(folder) == tables(whole)


def test_ledger_and_baselines_see_each_replicates_own_examples(tmp_path: Path):
    tree = merged(
        REPLICATES, instruments={"on": ["ledger"]}, baselines={"on": ["1-nn"]}, stop={"epochs": 2}
    )
    folder = finished_run(tmp_path, **tree)
    plain = reading.experiment(merged(SMALL, **tree), "test")
    material = Material((), lambda done, total: None)
    own = {m.index: material.corrupted(m) for m in members(plain)}
    splits = {m.index: material.splits(m) for m in members(plain)}
    found = labellings(read_ledger(folder))
    assert len(list(folder.series.path.glob("stack-*.json"))) == 2  # a stack a split
    seen = {member for labelling in found for member in labelling.members}
    assert seen == set(own)
    for labelling in found:
        for member in labelling.members:
            assert np.array_equal(labelling.index, splits[member].train.index)
            assert np.array_equal(labelling.given, own[member].train_given)
    for row in read_baselines(folder):
        data = own[row["member"]]
        assert row["test_accuracy"] == reach("1-nn", data, 10, 0).test_accuracy


def test_an_evidence_takes_those_replicates_alone_that_its_claim_has(whole: RunFolder):
    run = FinishedRun(whole)
    assert run.only([4]).cells[0].members == run.cells[0].members[1:]
    assert list(run.only([4]).cells[1].final("test_accuracy")) == [
        run.cells[1].final("test_accuracy")[1]
    ]
    assert run.only([4, 207]) is run
    assert run.replicates == [207, 4]
