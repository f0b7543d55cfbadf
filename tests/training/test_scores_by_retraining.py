"""Memorization and influence of trained networks against plain PyTorch, and against all subsets."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from memlab.data.corruption import Corrupted
from memlab.experiment.keys import key
from memlab.experiment.subset import subset_mask
from memlab.runs.influence import matrix
from memlab.runs.memorization import margin_memorization, memorization, rank_correlation
from memlab.runs.outcomes import Outcomes
from memlab.training.arrays import StackArrays
from memlab.training.plan import plan
from memlab.training.trainer import Shapes, StackTrainer
from tests.training.conftest import CLASSES, FEATURES, TRAIN, data_for, members_of

DATA = data_for(0)
TEST = len(DATA.test_y)


def trained(members, parts: list[Corrupted]) -> tuple[StackTrainer, Outcomes]:
    """The members on their parts to the end, and what became of every example."""
    own = np.stack([part.own for part in parts])
    (made,) = plan(members, [int(own[0].sum())] * len(members), [100] * len(members))
    device = torch.device("cpu")
    arrays = StackArrays.of(parts, CLASSES, device)
    trainer = StackTrainer(made, arrays, Shapes(None, FEATURES, CLASSES), device)
    for _ in range(made.timeline.updates):
        trainer.step()
    found = trainer.evaluate(outcomes=True)
    pieces = [(found.train, DATA.train_given), (found.test, DATA.test_y)]
    labels = [piece[1][: piece[0].predicted.shape[1]] for piece in pieces]
    correct = [p.predicted.numpy() == y for (p, _), y in zip(pieces, labels, strict=True)]
    margin = np.concatenate([piece[0].margins.numpy() for piece in pieces], 1)
    return trainer, outcomes_of(own, np.concatenate(correct, 1), margin)


def outcomes_of(own, correct, margin) -> Outcomes:
    labels = np.zeros(correct.shape[1], np.int32)
    nothing = np.zeros(own.shape[1], bool)
    index, seeds = np.arange(correct.shape[1]), np.arange(len(own))
    half = margin.astype(np.float16)
    return Outcomes(own, correct, half, labels, labels, nothing, index, ("a",), seeds)


def plain(trainer: StackTrainer, member: int, own: np.ndarray) -> np.ndarray:
    """Logits of a network after a loop that knows no stacks, `[train + test, classes]`."""
    weights, biases = trainer.initial().perceptron()
    linears = []
    for weight, bias in zip(weights, biases, strict=True):
        linear = torch.nn.Linear(weight.shape[1], weight.shape[2])
        linear.weight.data.copy_(weight[member].T)
        linear.bias.data.copy_(bias[member, 0])
        linears += [linear, torch.nn.ReLU()]
    model = torch.nn.Sequential(*linears[:-1])
    optimizer = torch.optim.SGD(model.parameters(), 0.2)
    mine, seed = np.flatnonzero(own), trainer.seeds()[member]
    epochs = [mine[key(seed, "order", epoch).permutation(len(mine))] for epoch in range(6)]
    stream = np.concatenate(epochs)
    x, y = torch.from_numpy(DATA.train_x), torch.from_numpy(DATA.train_given)
    for update in range(trainer.plan.timeline.updates):
        batch = stream[update * 16 : (update + 1) * 16]
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
        optimizer.step()
    both = torch.cat([x, torch.from_numpy(DATA.test_x)])
    return model(both).detach().numpy()


def test_scores_agree_with_a_plain_pytorch_reference_on_the_same_masks():
    members = members_of(dataset={"subset": 0.7}, seeds=60, optimizer={"learning_rate": 0.2})
    parts = [replace(DATA, own=subset_mask(0.7, TRAIN, m.seed)) for m in members]
    trainer, ours = trained(members, parts)
    logits = np.stack([plain(trainer, at, part.own) for at, part in enumerate(parts)])
    labels = np.concatenate([DATA.train_given, DATA.test_y])
    at = np.arange(len(labels))
    given = logits[:, at, labels]
    logits[:, at, labels] = -np.inf
    margin = given - logits.max(2)
    reference = outcomes_of(ours.own, margin > 0, margin)
    assert (reference.correct == ours.correct).mean() > 0.995
    for by_margin in (False, True):
        one, two = (matrix(o, by_margin).astype(float) for o in (ours, reference))
        assert rank_correlation(one.ravel(), two.ravel()) >= 0.99
        assert rank_correlation(np.diag(one), np.diag(two)) >= 0.99


@pytest.fixture(scope="module")
def tiny() -> tuple[Outcomes, Outcomes]:
    """Eight examples: networks on their own subsets of 5, and on all 56 subsets, 20 seeds each."""
    eight = replace(
        DATA,
        train_x=DATA.train_x[:8],
        train_given=DATA.train_given[:8],
        train_true=DATA.train_true[:8],
        corrupted=DATA.corrupted[:8],
        drawn=DATA.drawn[:8],
    )
    common = {"optimizer": {"batch_size": 5}, "stop": {"epochs": 12}, "dataset": {"subset": 0.625}}
    drawn = members_of(**common, seeds=list(range(50_000, 51_000)))
    parts = [replace(eight, own=subset_mask(0.625, 8, m.seed)) for m in drawn]
    masks = np.zeros((56, 8), bool)
    for row, chosen in zip(masks, itertools.combinations(range(8), 5), strict=True):
        row[list(chosen)] = True
    every = members_of(**common, seeds=56 * 20)
    of_all = [replace(eight, own=masks[at % 56]) for at in range(len(every))]
    return trained(drawn, parts)[1], trained(every, of_all)[1]


def test_estimates_are_within_three_standard_errors_of_those_over_all_subsets(tiny):
    sampled, exact = tiny
    for measure, values in ((memorization, "correct"), (margin_memorization, "margin")):
        one, two = (measure(o.own, getattr(o, values)[:, :8]) for o in (sampled, exact))
        error = np.hypot(one.standard_error, two.standard_error)
        assert (np.abs(one.value - two.value) <= 3 * error + 1e-3).all()
        assert one.value.max() > 0.2


def test_influences_agree_with_those_over_all_subsets(tiny):
    sampled, exact = tiny
    one, two = (matrix(o, margin=True).astype(float) for o in tiny)
    deviation = exact.margin.astype(float).std(0)
    error = deviation * np.sqrt(2 * (1 / (0.625 * 1000) + 1 / (0.375 * 1000)))
    assert (np.abs(one - two) <= 3 * error).mean() >= 0.99
    assert sampled.networks == 1000
