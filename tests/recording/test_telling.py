"""What a loop tells beside the usual: figures of its own, indices that are none, no `with`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import memlab
from memlab import child
from memlab.runs.ledger import read_ledger
from memlab.runs.run_folder import RunFolder
from tests.patience import SECONDS
from tests.recording.loops import CLASSES, Data, mlp, told


def test_figures_told_after_the_batches_are_of_the_epoch_that_ended(data: Data) -> None:
    net, accuracies = mlp(), [0.2, 0.7, 0.5]
    with memlab.record(net, (data.x, data.y), instruments=None) as run:
        for accuracy in accuracies:
            for x, y, index in run.batches(data.loader(64)):
                run.step(net(x), y, index)
            run.epoch(validation_accuracy=accuracy)
    found = memlab.load(run.id)
    seen = found.series("validation_accuracy")
    assert max(seen.epochs) == 3
    last = dict(zip(seen.epochs, seen.values[0], strict=True))
    assert [last[epoch] for epoch in (1.0, 2.0, 3.0)] == accuracies
    trained = found.series("train_accuracy").values[0]
    assert trained[-1] == trained[-1]  # the last row has the figures of training too
    (ledger,) = read_ledger(RunFolder(run.path))
    assert ledger.progress["best_epoch"].tolist() == [2.0]
    assert ledger.progress["best_validation_accuracy"] == pytest.approx([0.7])


def test_an_epoch_told_after_batches_without_figures_counts_once(data: Data) -> None:
    net = mlp()
    with memlab.record(net, (data.x, data.y), instruments=None) as run:
        for _ in range(2):
            for x, y, index in run.batches(data.loader(64)):
                run.step(net(x), y, index)
            run.epoch()
    assert max(memlab.load(run.id).series("train_loss").epochs) == 2


@pytest.mark.parametrize(
    ("shift", "words"),
    [
        (lambda i: i + 10_000, "no training example"),
        (lambda i: i - 10_000, "no training example"),
        (lambda i: i[:3], "one number for each"),
        (lambda i: i.flip(0), "not those that train has"),
    ],
)
def test_indices_that_are_wrong_from_the_start_are_told_once(shift, words, data: Data) -> None:
    net, order = mlp(), torch.arange(64)
    with told() as warned, memlab.record(net, (data.x, data.y), instruments=None) as run:
        for _ in range(3):
            run.step(net(data.x[:64]), data.y[:64], shift(order))
        run.epoch()
        suspects = run.suspects()
    assert words in warned[0]
    if words == "not those that train has":
        assert len(warned) == 1
    else:  # and that there is no ledger to find suspects in
        assert len(warned) == 2
        assert "come with an index" in warned[1]
        assert len(suspects) == 0
    assert RunFolder(run.path).state.state == "finished"


def test_a_value_that_is_no_number_is_left_out_and_the_others_kept(data: Data) -> None:
    net = mlp()
    with told() as warned, memlab.record(net, (data.x, data.y), instruments=None) as run:
        run.step(net(data.x), data.y, torch.arange(len(data.x)))
        run.log(text="warm", norm=torch.tensor(1.5))
        run.epoch()
    assert len(warned) == 1
    assert "text is str" in warned[0]
    assert RunFolder(run.path).state.state == "finished"


def test_an_instrument_asked_for_and_never_measured_is_told(data: Data) -> None:
    net = mlp()
    recording = memlab.record(net, (data.x, data.y), instruments=["stiffness"], share=1e-9)
    with told() as warned, recording as run:
        run.step(net(data.x), data.y, torch.arange(len(data.x)))
        run.epoch()
    assert [("stiffness was asked for" in each) for each in warned] == [True]


SCRIPT = """
import torch, memlab
net = torch.nn.Linear(5, {classes})
x, y = torch.randn(64, 5), torch.arange(64) % {classes}
run = memlab.record(net, (x, y), instruments=None)
run.step(net(x), y, torch.arange(64))
run.epoch()
{rest}
"""


@pytest.mark.parametrize(("rest", "state"), [("", "finished"), ("1 / 0", "failed")])
def test_a_recording_that_nobody_closed_ends_with_its_script(
    rest: str, state: str, home: Path, tmp_path: Path
) -> None:
    script = tmp_path / "loop.py"
    script.write_text(SCRIPT.format(classes=CLASSES, rest=rest))
    done = subprocess.run(
        [sys.executable, str(script)],
        env=child.environment(os.environ),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    run = memlab.load("last")
    assert f"memlab records {run.id}" in done.stderr
    assert run.state.state == state


def test_mixed_labels_are_no_wrong_ones(data: Data) -> None:
    index = torch.arange(len(data.x))
    shares = 0.7 * torch.nn.functional.one_hot(data.y, CLASSES).float()
    shares += 0.3 * torch.nn.functional.one_hot(data.y.flip(0), CLASSES).float()
    mixed = 1 - shares  # the largest is never the training example's own
    with told() as warned, memlab.record(mlp(), (data.x, data.y), instruments=None) as run:
        run.step(10.0 * torch.nn.functional.one_hot(data.y, CLASSES), mixed, index)
        run.epoch()
    assert warned == []
    assert memlab.load(run.id).series("train_accuracy").values[0, -1] == 1.0
