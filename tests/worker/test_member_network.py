"""What baselines see of a member's network: its tangent kernel, and its trained features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from memlab.baselines import registry
from memlab.errors import InvalidExperiment
from memlab.runs.door import Place
from memlab.training import checkpoint
from memlab.training.checkpoint import Progress
from memlab.training.trainer import StackTrainer
from memlab.worker.member_network import MemberNetwork, Networks
from tests.instruments.test_tangent_kernel import jacobians
from tests.training.conftest import data_for, members_of, trainer_of


def saved(folder: Place, trainer: StackTrainer) -> Networks:
    """The networks of a run of which this trainer wrote the newest checkpoint."""
    progress = Progress(0, trainer.update, 1.0, True, list(trainer.active), trainer.steps, {})
    checkpoint.save(folder, progress, trainer.state())
    return Networks(folder, [trainer.plan])


def network(networks: Networks, trainer: StackTrainer, at: int) -> MemberNetwork:
    member = trainer.plan.members[at]
    return MemberNetwork(networks, member, trainer.shapes, data_for(member.seed))


def folder_of(path: Path) -> Place:
    return Place(path)


def test_features_are_the_trained_members_last_hidden_layer(tmp_path: Path) -> None:
    trainer = trainer_of(members_of())
    for _ in range(10):
        trainer.step()
    trainer.keep([0, 2])
    networks = saved(folder_of(tmp_path), trainer)
    for position, at in enumerate(trainer.active):
        data = data_for(trainer.plan.members[at].seed)
        found = network(networks, trainer, at).features()
        weights, biases = trainer.model.perceptron()
        x = torch.from_numpy(data.test_x)
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            x = torch.relu(x @ weight[position] + bias[position])
        np.testing.assert_allclose(found[2], x.detach().numpy(), rtol=1e-4, atol=1e-5)
        assert [len(part) for part in found] == [60, 20, 20]
    with pytest.raises(InvalidExperiment, match="ended before the others"):
        network(networks, trainer, 1).features()


def test_tangent_kernel_is_that_of_the_members_initialization(tmp_path: Path) -> None:
    trainer = trainer_of(members_of())
    start = trainer.model.select([1])
    for _ in range(10):
        trainer.step()
    networks = saved(folder_of(tmp_path), trainer)
    data = data_for(trainer.plan.members[1].seed)
    found = network(networks, trainer, 1).tangent_kernel()
    x = torch.from_numpy(np.concatenate([data.train_x, data.validation_x, data.test_x]))
    j = jacobians(start, x)
    expected = (torch.einsum("icp,jcp->ij", j, j[:60]) / trainer.shapes.classes).numpy()
    np.testing.assert_allclose(np.concatenate(found), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["tangent-kernel", "rbf-features"])
def test_both_are_baselines_of_the_run(tmp_path: Path, name: str) -> None:
    trainer = trainer_of(members_of())
    for _ in range(18):
        trainer.step()
    networks = saved(folder_of(tmp_path), trainer)
    seen = network(networks, trainer, 0)
    reached = registry.reach(name, seen.data, 4, network=seen)
    assert reached.train_accuracy > 0.35
    assert reached.chosen["penalty"] > 0
