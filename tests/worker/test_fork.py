"""A forked run is the run with a fork from the start, whatever of it was copied."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from memlab.errors import InvalidExperiment
from memlab.experiment import reading
from memlab.runs import forking, lifecycle
from memlab.runs.run_folder import RunFolder
from tests.worker.conftest import ended
from tests.worker.test_resume import EVERY, final_tensors, tables

Start = Callable[..., RunFolder]


def test_a_fork_from_a_checkpoint_equals_the_forked_experiment_from_the_start(
    start: Start, home: Path
):
    source = ended(start(**EVERY, instruments={"on": ["ledger", "margins"], "cadence": 1.0}))
    made = forking.forked(source, 3.0, ["learning_rate=0.05", "weight_decay=0.01"])
    started: list[int] = []
    fork = lifecycle.start(
        reading.to_toml(made),
        "fork",
        home / "runs",
        fill=lambda folder: started.append(forking.inherit(source, made, folder)),
    )
    whole = lifecycle.start(reading.to_toml(made), "whole", home / "runs")
    assert started[0] > 0
    for folder in (ended(fork), ended(whole)):
        assert folder.state.state == "finished", folder.worker_log.read_text()
    assert final_tensors(fork) == final_tensors(whole)
    assert tables(fork) == tables(whole)
    assert final_tensors(fork) != final_tensors(source)


@pytest.mark.parametrize(
    ("at", "settings", "sentence"),
    [
        (6.0, ["learning_rate=0.1"], "must be from 0 to below 6"),
        (-1.0, ["learning_rate=0.1"], "must be from 0 to below 6"),
        (1.0, [], "needs something that changes"),
        (1.0, ["model.width=3"], "a fork may change learning_rate"),
        (1.0, ["learning_rate=0.1,0.2"], "one value of learning_rate"),
        (1.0, ["learning_rate"], "a fork may change"),
        (1.0, ["learning_rate=much"], "fork.learning_rate = 'much'"),
        (1.0, ["nonsense=1"], "no field 'nonsense'"),
        (1.0, ["schedule=step"], "step needs milestones"),
    ],
)
def test_what_a_fork_cannot_be_is_said_in_a_sentence(made_run, at, settings, sentence):
    with pytest.raises(InvalidExperiment) as caught:
        forking.forked(made_run(), at, settings)
    assert sentence in str(caught.value)


def test_a_fork_is_not_forked_again(made_run):
    with pytest.raises(InvalidExperiment, match="is a fork already"):
        forking.forked(made_run(fork={"at": 1}), 2.0, ["dropout=0.1"])
    with pytest.raises(InvalidExperiment, match="is a fork already"):
        forking.forked(made_run(axes={"fork": [{}, {"at": 1}]}), 2.0, ["dropout=0.1"])


def test_a_run_without_a_checkpoint_so_early_begins_at_the_beginning(made_run, tmp_path: Path):
    source, folder = made_run(), made_run()
    made = forking.forked(source, 1.0, ["batch_size=32"])
    assert forking.inherit(source, made, folder) == 0
    assert not list(folder.checkpoints.iterdir())
