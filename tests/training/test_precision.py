"""What `training.precision` changes, and what it leaves alone."""

from __future__ import annotations

import pytest
import torch

from memlab.errors import InvalidExperiment
from memlab.training.trainer import StackTrainer
from memlab.worker import device as devices
from tests.training.conftest import members_of, trainer_of

NETWORKS = {
    "mlp": {"optimizer": {"momentum": 0.9, "learning_rate": 0.05}},
    "batch norm": {"model": {"normalization": "batch"}},
    "layer norm": {"model": {"normalization": "layer"}},
    "dropout, adam": {
        "optimizer": {"name": "adam", "learning_rate": 0.01},
        "regularization": {"dropout": 0.1, "hidden_noise": 0.1},
    },
    "adversarial": {"regularization": {"adversarial_weight": 0.3}},
}


def trained(precision: str, image: bool = False, **tree) -> StackTrainer:
    members = members_of(training={"precision": precision}, stop={"epochs": 20}, **tree)
    trainer = trainer_of(members, image=image)
    for _ in range(trainer.plan.timeline.updates):
        trainer.step()
    return trainer


@pytest.mark.parametrize("variant", NETWORKS, ids=str)
def test_bf16_trains_what_float32_trains(variant):
    exact, rounded = trained("float32", **NETWORKS[variant]), trained("bf16", **NETWORKS[variant])
    a, b = (float(t.evaluate().metrics["train_loss"].mean()) for t in (exact, rounded))
    start = float(trainer_of(members_of()).evaluate().metrics["train_loss"].mean())
    assert b < 0.9 * start
    assert b == pytest.approx(a, rel=0.2)
    assert all(p.dtype == torch.float32 for p in rounded.model.parameters())
    assert any(
        not torch.equal(p, q)
        for p, q in zip(exact.model.parameters(), rounded.model.parameters(), strict=True)
    )


@pytest.mark.parametrize("name", ["cnn", "resnet20"])
def test_convnets_train_in_bf16(name):
    tree = {
        "model": {"name": name, "width": 4, "depth": None},
        "optimizer": {"learning_rate": 0.05},
    }
    members = members_of(seeds=1, training={"precision": "bf16"}, **tree)
    trainer = trainer_of(members, image=True)
    before = float(trainer.evaluate().metrics["train_loss"].mean())
    for _ in range(18):
        trainer.step()
    assert float(trainer.evaluate().metrics["train_loss"].mean()) < before


def test_tf32_on_a_cpu_is_float32_to_the_bit():
    for a, b in zip(
        trained("tf32").model.parameters(), trained("float32").model.parameters(), strict=True
    ):
        assert torch.equal(a, b)


def test_networks_of_different_precision_stand_in_different_stacks():
    from memlab.training.plan import plan

    members = members_of(axes={"training.precision": ["float32", "bf16"]}, seeds=2)
    stacks = plan(members, [60] * 4, [100] * 4)
    assert [len(stack.members) for stack in stacks] == [2, 2]


def test_the_flags_of_a_process_follow_the_experiment():
    for precision, expected in (("tf32", True), ("bf16", False), ("float32", False)):
        devices.compute_in(precision)
        assert torch.backends.cuda.matmul.allow_tf32 is expected
        assert torch.backends.cudnn.allow_tf32 is expected


def test_another_precision_is_refused_by_name():
    with pytest.raises(InvalidExperiment, match=r"training.precision"):
        members_of(training={"precision": "fp8"})
