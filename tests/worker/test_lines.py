"""Networks that part at a fork by the seed of their noise, and the line between their ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from memlab.errors import InvalidExperiment, RunFolderError
from memlab.experiment.reading import experiment
from memlab.experiment.schedule import Timeline
from memlab.runs.lines import Line, read_lines, write_lines
from memlab.runs.run_folder import RunFolder
from memlab.training.trainer import StackTrainer
from memlab.worker.lines import interpolated, on_line, pairs
from tests.training.conftest import TRAIN, data_for, members_of, trainer_of

FORKS = [{"at": 2, "noise_seed": 0}, {"at": 2, "noise_seed": 1}]
FLAT = (0.5, 0.5, 0.5)


def train(trainer: StackTrainer, until: int | None = None) -> StackTrainer:
    while trainer.update < (until or trainer.plan.timeline.updates):
        trainer.step()
    return trainer


def parameters(trainer: StackTrainer) -> list[torch.Tensor]:
    return [p.detach().clone() for p in trainer.model.parameters()]


def test_two_seeds_of_noise_share_everything_up_to_the_fork_and_part_there():
    noise = {"dropout": 0.2}
    members = members_of(axes={"fork": [{}, *FORKS]}, seeds=2, regularization=noise)
    stack = trainer_of(members)
    fork = Timeline(members[2].experiment, TRAIN).fork
    assert fork is not None
    train(stack, fork)
    for parameter in parameters(stack):
        for seed in range(2):
            trunk, one, other = (parameter[2 * cell + seed] for cell in range(3))
            assert torch.equal(one, trunk)
            assert torch.equal(other, trunk)
    train(stack, fork + 4)
    first = parameters(stack)[0]
    assert not torch.equal(first[2], first[4])
    assert not torch.equal(first[0], first[2])
    train(stack)
    ends = parameters(stack)
    for position, member in enumerate(members):
        alone = parameters(train(trainer_of([member])))
        for whole, single in zip(ends, alone, strict=True):
            torch.testing.assert_close(whole[position], single[0], rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("stop_at", [5, 7, 8, 9, 14])
def test_resuming_on_either_side_of_the_fork_changes_no_bit(stop_at):
    members = members_of(axes={"fork": FORKS}, seeds=2, regularization={"dropout": 0.2})
    whole, half = train(trainer_of(members)), train(trainer_of(members), stop_at)
    half.keep([0, 3])
    state = {name: tensor.clone() for name, tensor in half.state().items()}
    again = trainer_of(members)
    again.restore(state, half.update, list(half.active), half.steps)
    train(half), train(again)
    for a, b, c in zip(parameters(half), parameters(again), parameters(whole), strict=True):
        assert torch.equal(a, b)
        torch.testing.assert_close(a, c[[0, 3]], rtol=2e-4, atol=2e-5)


def test_pairs_differ_in_the_seed_of_their_noise_alone():
    forks = [*FORKS, {"at": 3, "noise_seed": 0}, {"at": 3, "noise_seed": 1}, {"at": 3}]
    members = members_of(axes={"fork": forks, "optimizer.learning_rate": [0.1, 0.2]}, seeds=2)
    found = pairs(members)
    assert len(found) == 2 * 2 * 2
    for one, other in found:
        assert one.seed == other.seed
        assert one.experiment.fork.at == other.experiment.fork.at
        assert one.experiment.fork.noise_seed != other.experiment.fork.noise_seed
        assert one.experiment.optimizer == other.experiment.optimizer
    assert pairs(members_of(seeds=3)) == []


@pytest.mark.parametrize("scale", [None, 4.0])
def test_points_of_the_line_are_means_of_both_ends_parameters(scale):
    trainer = train(trainer_of(members_of(seeds=2, model={"output_scale": scale})))
    one, other = (trainer.model.select([at]) for at in range(2))
    data = data_for(0)
    found = on_line(one, other, 5, data, "cross-entropy")
    line = interpolated(one, other, 5)
    x = torch.from_numpy(data.test_x)[None]
    torch.testing.assert_close(line(x)[0], one(x)[0])
    if scale is None:
        torch.testing.assert_close(line(x)[4], other(x)[0])
        middle = one.select([0])
        state = other.state_dict()
        half = {name: (value + state[name]) / 2 for name, value in one.state_dict().items()}
        middle.load_state_dict(half)
        torch.testing.assert_close(line(x)[2], middle(x)[0])
    right = (one(x)[0].argmax(-1).numpy() == data.test_y).mean()
    assert found[2][0] == pytest.approx(float(right))
    lost = torch.nn.functional.cross_entropy(one(x)[0], torch.from_numpy(data.test_y))
    assert found[3][0] == pytest.approx(float(lost.detach()), rel=1e-5)
    assert [len(curve) for curve in found] == [5] * 4


def test_lines_are_kept_and_damaged_ones_refused(tmp_path: Path):
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    assert read_lines(folder) == []
    line = Line(0, 3, FLAT, FLAT, (0.9, 0.4, 0.7), FLAT)
    write_lines(folder, [line])
    assert read_lines(folder) == [line]
    assert line.barrier == pytest.approx(0.4)
    assert Line(0, 3, FLAT, FLAT, (0.5, 0.6, 0.5), FLAT).barrier == 0.0
    text = folder.lines.path.read_text()
    for damage in (text.replace("0.9", '"x"'), text.replace("[0.5, 0.5, 0.5]", "[0.5]"), "{"):
        folder.lines.path.write_text(damage)
        with pytest.raises(RunFolderError, match="damaged"):
            read_lines(folder)


def test_a_line_without_a_middle_is_refused():
    with pytest.raises(InvalidExperiment, match="3 points or more"):
        experiment({"evaluation": {"line_points": 2}}, "here")
    assert np.isfinite(experiment({"evaluation": {"line_points": 3}}, "here").stop.epochs)
