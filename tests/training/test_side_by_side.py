"""Convolutional networks in one stack, as a GPU trains small ones, learn what each learns alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from memlab.training.arrays import StackArrays
from memlab.training.captured import Execution
from memlab.training.plan import StackPlan, groups_of
from memlab.training.trainer import Shapes, StackTrainer
from tests.training.conftest import CLASSES, CPU, TRAIN, data_for, members_of, trainer_of

THERE = Execution(True, "direct")
NETWORKS = ("cnn", "alexnet-small", "inception-small", "resnet20", "wrn16-4")
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {"optimizer": {"learning_rate": 0.02}},
    "everything": {
        "optimizer": {"name": "adam", "learning_rate": 0.002},
        "regularization": {"augmentation": "crop-flip", "dropout": 0.2, "weight_decay": 0.01},
    },
}


def side_by_side(tree: dict[str, Any], seeds: int = 3) -> StackTrainer:
    members = members_of(**{**tree, "seeds": seeds})
    (group,) = groups_of(members, [TRAIN] * seeds, [100] * seeds)
    return StackTrainer(
        StackPlan(0, members, group.timeline),
        StackArrays.of([data_for(m.seed, True) for m in members], CLASSES, CPU),
        Shapes((1, 8, 8), 64, CLASSES),
        CPU,
        execution=THERE,
    )


@pytest.mark.parametrize(
    ("name", "variant"), [*((n, "plain") for n in NETWORKS), ("cnn", "everything")]
)
def test_a_member_learns_and_is_evaluated_as_alone(name: str, variant: str) -> None:
    tree = {"model": {"name": name, "width": 4, "depth": None}, **VARIANTS[variant]}
    whole = side_by_side(tree)
    members = members_of(**{**tree, "seeds": 3})
    alone = trainer_of(members[1:2], image=True, execution=THERE)
    for _ in range(4):
        whole.step()
        alone.step()
    for part, expected in zip(whole.model.parameters(), alone.model.parameters(), strict=True):
        torch.testing.assert_close(part[1], expected[0], rtol=1e-3, atol=1e-5)
    found, wanted = whole.evaluate().metrics, alone.evaluate().metrics
    for metric in ("train_loss", "validation_loss", "test_accuracy"):
        torch.testing.assert_close(
            torch.as_tensor(found[metric][1]),
            torch.as_tensor(wanted[metric][0]),
            rtol=1e-3,
            atol=1e-4,
        )
