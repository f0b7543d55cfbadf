"""Small stacks on made-up data, for tests of training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from memlab.data.corruption import Corrupted
from memlab.experiment import grid, reading
from memlab.experiment.grid import Member
from memlab.experiment.network_fields import leave_behind
from memlab.training.arrays import StackArrays
from memlab.training.captured import Execution
from memlab.training.layouts import Layout
from memlab.training.plan import plan
from memlab.training.trainer import Shapes, StackTrainer

FEATURES, CLASSES, TRAIN = 12, 4, 60
CPU = torch.device("cpu")
torch.set_num_threads(1)


def members_of(**tree: Any) -> tuple[Member, ...]:
    """Members of a small experiment; `tree` overrides its sections."""
    base: dict[str, Any] = {
        "model": {"name": "mlp", "width": 8, "depth": 2},
        "optimizer": {"batch_size": 16, "learning_rate": 0.2},
        "stop": {"epochs": 5},
        "seeds": 3,
    }
    for section, body in tree.items():
        base[section] = {**base.get(section, {}), **body} if isinstance(body, dict) else body
    leave_behind(base, [f"model.{leaf}" for leaf in tree.get("model", {})])
    return grid.members(reading.experiment(base, "test"))


def data_for(seed: int, image: bool = False) -> Corrupted:
    """Random inputs with random labels, a third of which are wrong; labels differ by seed."""
    shared, own = np.random.default_rng(5), np.random.default_rng(100 + seed)
    shape = (1, 8, 8) if image else (FEATURES,)
    x = shared.standard_normal((TRAIN + 40, *shape)).astype(np.float32)
    true = shared.integers(0, CLASSES, TRAIN + 40)
    given = true[:TRAIN].copy()
    chosen = own.permutation(TRAIN)[: TRAIN // 3]
    given[chosen] = (given[chosen] + 1) % CLASSES
    changed = given != true[:TRAIN]
    return Corrupted(
        train_x=x[:TRAIN],
        train_given=given,
        train_true=true[:TRAIN],
        corrupted=changed,
        drawn=changed,
        validation_x=x[TRAIN : TRAIN + 20],
        validation_y=true[TRAIN : TRAIN + 20],
        test_x=x[TRAIN + 20 :],
        test_y=true[TRAIN + 20 :],
        changed_fraction=float(changed.mean()),
    )


def trainer_of(
    members: Sequence[Member],
    fused: bool = True,
    image: bool = False,
    layout: Layout = "contiguous",
    execution: Execution | None = None,
    device: torch.device = CPU,
) -> StackTrainer:
    """A trainer of these members as one stack."""
    (made,) = plan(members, [TRAIN] * len(members), [100] * len(members))
    arrays = StackArrays.of([data_for(m.seed, image) for m in members], CLASSES, device)
    shapes = Shapes((1, 8, 8), 64, CLASSES) if image else Shapes(None, FEATURES, CLASSES)
    return StackTrainer(made, arrays, shapes, device, fused, layout, execution)


@pytest.fixture
def make_trainer() -> Callable[..., StackTrainer]:
    """`make_trainer(fused=True, **sections)`."""

    def made(fused: bool = True, image: bool = False, **tree: Any) -> StackTrainer:
        return trainer_of(members_of(**tree), fused, image)

    return made
