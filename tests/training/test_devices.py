"""No operation of a perceptron's update or evaluation mixes devices, told without a card.

`FakeTensorMode` makes tensors that have a device and a shape but no numbers.
"""

from __future__ import annotations

import itertools

import pytest
import torch
from torch._subclasses import FakeTensorMode

from memlab import child
from memlab.training.arrays import Inputs, StackArrays, Subset
from memlab.training.divergence import Divergence
from memlab.training.evaluation import Forward, Split, evaluate
from memlab.training.fused import FusedPerceptron
from tests.training.conftest import members_of, trainer_of

MEMBERS, EXAMPLES, FEATURES, WIDTH, CLASSES = 3, 40, 12, 8, 4


def on_card(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.zeros(shape, dtype=dtype, device="cuda:0")


def arrays() -> StackArrays:
    def subset(distinct: int) -> Subset:
        inputs = Inputs(on_card(distinct, EXAMPLES, FEATURES), on_card(MEMBERS, dtype=torch.int64))
        return Subset(inputs, on_card(MEMBERS, EXAMPLES, dtype=torch.int64))

    true = on_card(MEMBERS, EXAMPLES, dtype=torch.int64)
    corrupted = on_card(MEMBERS, EXAMPLES, dtype=torch.bool)
    return StackArrays(subset(2), true, corrupted, subset(1), subset(1), CLASSES)


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("loss", ["cross-entropy", "squared"])
def test_a_perceptron_on_a_card_stays_there(padded, loss):
    optimizer = trainer_of(members_of())._optimizer
    with FakeTensorMode():
        sizes = [FEATURES, WIDTH, CLASSES]
        weights = [torch.nn.Parameter(on_card(MEMBERS, a, b)) for a, b in itertools.pairwise(sizes)]
        biases = [torch.nn.Parameter(on_card(MEMBERS, 1, size)) for size in sizes[1:]]
        fused = FusedPerceptron(weights, biases, "relu", loss, optimizer, padded)
        data = arrays()
        index = on_card(MEMBERS, 10, dtype=torch.int64)
        x, targets = data.train.inputs.batch(index, fused.workspace), index
        losses = fused.step(x, targets, on_card(MEMBERS), None, None)
        divergence = Divergence(MEMBERS, losses.device)
        divergence.note(0, losses)
        forward = Forward(fused.logits, WIDTH, whole=not padded)
        parts = ("train", "validation", "test")
        found = evaluate(forward, data, Split.of(data), loss, parts, margins=True)
        devices = {values.device.type for values in found.metrics.values()}
        assert devices == {losses.device.type, divergence.since.device.type} == {"cuda"}


def test_a_worker_is_deterministic_and_does_not_import_the_compiler():
    code = (
        "import sys, torch; from memlab.worker import device; device.be_deterministic(); "
        "print(torch.are_deterministic_algorithms_enabled(), "
        "torch.is_deterministic_algorithms_warn_only_enabled(), 'torch._inductor' in sys.modules)"
    )
    done = child.run(["-c", code])
    assert done.stdout.split() == ["True", "True", "False"], done.stderr
