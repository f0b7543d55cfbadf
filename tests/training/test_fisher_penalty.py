"""The penalty on the Fisher matrix's trace: its definition, its window, its keys."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from memlab.errors import InvalidExperiment
from memlab.experiment.reading import experiment
from memlab.instruments.tangent_kernel import fisher_traces
from memlab.training.captured import Execution
from memlab.training.fisher import fisher_penalty
from memlab.training.plan import groups_of
from memlab.training.randomness import KeyedNoise, Rates, uniform16
from memlab.training.trainer import StackTrainer
from tests.training.conftest import TRAIN, data_for, members_of, trainer_of

PENALIZED = {"regularization": {"fisher_penalty": 0.5}}


def train(trainer: StackTrainer, updates: int | None = None) -> StackTrainer:
    for _ in range(updates or trainer.plan.timeline.updates):
        trainer.step()
    return trainer


def parameters(trainer: StackTrainer) -> list[torch.Tensor]:
    return [p.detach().clone() for p in trainer.model.parameters()]


def test_an_update_is_that_of_the_loss_and_the_squared_gradient_of_drawn_labels():
    (member,) = members_of(seeds=1, **PENALIZED)
    trainer = trainer_of([member])
    data = data_for(member.seed)
    x, y = torch.from_numpy(data.train_x), torch.from_numpy(data.train_given)
    own = [p.detach()[0].clone().requires_grad_(True) for p in trainer.model.parameters()]
    for update in range(6):
        index = trainer._batch_index(16)[0]
        h = x[index]
        for layer in range(0, 6, 2):
            h = h @ own[layer] + own[layer + 1]
            h = torch.relu(h) if layer < 4 else h
        u = (uniform16(member.seed, "uniform:fisher", update, 16).astype(np.float64) + 0.5) / 65536
        below = h.detach().softmax(-1).double().cumsum(-1).numpy()
        drawn = torch.from_numpy((below < u[:, None]).sum(1).clip(max=3))
        ce = torch.nn.functional.cross_entropy
        pieces = torch.autograd.grad(ce(h, drawn), own, create_graph=True)
        total = ce(h, y[index]) + 0.5 * sum(piece.square().sum() for piece in pieces)
        for value, gradient in zip(own, torch.autograd.grad(total, own), strict=True):
            value.data -= 0.2 * gradient
        trainer.step()
    for a, b in zip(parameters(trainer), own, strict=True):
        torch.testing.assert_close(a[0], b.detach(), rtol=1e-4, atol=1e-5)


def test_the_penalty_is_the_fisher_trace_over_the_batch_on_average():
    trainer = train(trainer_of(members_of(seeds=2)), 6)
    x = torch.from_numpy(data_for(0).train_x)[None]
    expected = fisher_traces(trainer.model, x, "cross-entropy").mean(1) / 60
    rates = Rates.of([m.experiment for m in trainer.plan.members])
    weights, found = torch.ones(2), []
    own = list(trainer.model.parameters())
    for update in range(300):
        noise = KeyedNoise([0, 1], rates, update)
        found.append(fisher_penalty(trainer.model(x), own, noise, weights).detach())
    drawn = torch.stack(found)
    error = drawn.std(0) / 300**0.5
    assert ((drawn.mean(0) - expected).abs() < 4 * error).all()
    assert (error < 0.1 * expected).all()


def test_outside_of_its_window_nothing_is_changed_and_inside_it_is():
    window = {"fisher_penalty": 0.5, "fisher_from": 2, "fisher_until": 3}
    penalized = trainer_of(members_of(regularization=window))
    plain = trainer_of(members_of(), fused=False)
    first, last = (penalized.plan.timeline.update_at(epoch) for epoch in (2, 3))
    assert penalized._objective.fisher.borders == {first, last}
    train(penalized, first), train(plain, first)
    for a, b in zip(parameters(penalized), parameters(plain), strict=True):
        assert torch.equal(a, b)
    train(penalized, last - first)
    assert penalized._objective.penalty is not None
    assert any(
        not torch.equal(a, b)
        for a, b in zip(parameters(penalized), parameters(train(plain, last - first)), strict=True)
    )
    state = {name: tensor.clone() for name, tensor in penalized.state().items()}
    plain.restore(state, penalized.update, list(penalized.active), penalized.steps)
    train(penalized, 5), train(plain, 5)
    for a, b in zip(parameters(penalized), parameters(plain), strict=True):
        assert torch.equal(a, b)


def test_members_with_windows_of_their_own_train_alone_as_in_a_stack():
    axes = {
        "regularization.fisher_penalty": [0.2, 1.0],
        "regularization.fisher_until": [1.0, 3.0],
    }
    members = members_of(axes=axes, seeds=1)
    stack = parameters(train(trainer_of(members)))
    for position, member in enumerate(members):
        alone = parameters(train(trainer_of([member])))
        for whole, single in zip(stack, alone, strict=True):
            torch.testing.assert_close(whole[position], single[0], rtol=2e-4, atol=2e-5)


def test_members_without_a_penalty_stay_in_a_stack_of_their_own_with_the_bits_they_had():
    axes = {"regularization.fisher_penalty": [0.0, 0.5]}
    members = members_of(axes=axes, seeds=2)
    groups = groups_of(members, [TRAIN] * 4, [100] * 4)
    assert [[m.index for m in group.members] for group in groups] == [[0, 1], [2, 3]]
    without = trainer_of(groups[0].members)
    assert without._fused is not None
    for a, b in zip(
        parameters(train(without)), parameters(train(trainer_of(members_of(seeds=2)))), strict=True
    ):
        assert torch.equal(a, b)


@pytest.mark.parametrize("stop_at", [5, 9, 15])
def test_restored_training_ends_bit_for_bit_like_uninterrupted_training(stop_at):
    window = {"fisher_penalty": 0.5, "fisher_from": 2, "fisher_until": 4}
    members = members_of(regularization=window)
    whole, half = train(trainer_of(members)), train(trainer_of(members), stop_at)
    state = {name: tensor.clone() for name, tensor in half.state().items()}
    again = trainer_of(members)
    again.restore(state, half.update, list(half.active), half.steps)
    train(again, whole.update - stop_at)
    for a, b in zip(parameters(whole), parameters(again), strict=True):
        assert torch.equal(a, b)


def test_over_the_buffers_of_a_graph_it_draws_the_same_from_any_update_on():
    members = members_of(**PENALIZED)
    static, direct = (
        train(trainer_of(members, execution=Execution(True, step)), 10)
        for step in ("static", "direct")
    )
    for a, b in zip(parameters(static), parameters(direct), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    ("sections", "sentence"),
    [
        ({"loss": {"name": "squared"}}, "draws labels from probabilities"),
        (
            {"regularization": {"fisher_from": 3, "fisher_until": 2}},
            "after fisher_from, which is 3",
        ),
    ],
)
def test_what_cannot_be_is_refused(sections, sentence):
    tree = {"regularization": {"fisher_penalty": 0.5, **sections.get("regularization", {})}}
    with pytest.raises(InvalidExperiment, match=sentence):
        experiment({**sections, **tree}, "here")
