"""Scaled outputs: α(f − f₀), its gradient divided by α², in training and in instruments."""

from __future__ import annotations

import pytest
import torch

from memlab.errors import InvalidExperiment
from memlab.experiment.reading import experiment
from memlab.instruments.gram import gram
from memlab.instruments.hessian_product import hessian_product
from memlab.instruments.tangent_kernel import tangent_kernel
from memlab.training.loss import example_losses
from memlab.training.trainer import StackTrainer
from tests.training.conftest import data_for, members_of, trainer_of


def train(trainer: StackTrainer, updates: int) -> StackTrainer:
    for _ in range(updates):
        trainer.step()
    return trainer


def lazy(scale: float = 5.0, **sections: object) -> StackTrainer:
    return trainer_of(members_of(model={"output_scale": scale}, **sections))


def inputs(seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(data_for(seed).train_x)[None]


def test_outputs_start_at_zero_and_are_those_of_a_loop_over_the_scaled_difference():
    (member,) = members_of(seeds=1, model={"output_scale": 5.0})
    trainer = trainer_of([member])
    start = {name: value.clone() for name, value in trainer.model.named_parameters()}
    plain = trainer_of(members_of(seeds=1)).model
    data = data_for(member.seed)
    x, y = torch.from_numpy(data.train_x), torch.from_numpy(data.train_given)
    assert (trainer.model(x[None]) == 0).all()
    for name, value in plain.named_parameters():
        assert torch.equal(value, start[name])
    own = {name: value.clone().requires_grad_(True) for name, value in start.items()}
    call = torch.func.functional_call
    for _ in range(8):
        index = trainer._batch_index(16)[0]
        found = 5.0 * (call(plain, own, (x[None, index],)) - call(plain, start, (x[None, index],)))
        loss = example_losses(trainer.loss, found, y[None, index]).mean() / 25.0
        gradients = torch.autograd.grad(loss, list(own.values()))
        with torch.no_grad():
            for value, gradient in zip(own.values(), gradients, strict=True):
                value -= trainer.learning_rates()[0] * gradient
        trainer.step()
    for name, value in trainer.model.named_parameters():
        torch.testing.assert_close(value, own[name], rtol=1e-4, atol=1e-6)
        assert not torch.equal(value, start[name])


def test_the_larger_the_scale_the_less_a_network_moves_for_the_same_outputs():
    moved, outputs = [], []
    for scale in (10.0, 1000.0):
        trainer = lazy(scale, seeds=1, loss={"name": "squared"})
        start = torch.cat([p.detach().flatten() for p in trainer.model.parameters()])
        train(trainer, 18)
        end = torch.cat([p.detach().flatten() for p in trainer.model.parameters()])
        moved.append(float((end - start).norm()))
        outputs.append(trainer.model(inputs()).detach())
    assert moved[0] / moved[1] == pytest.approx(100, rel=0.1)
    gap = float((outputs[0] - outputs[1]).norm() / outputs[1].norm())
    assert gap < 0.1 < float(outputs[1].norm())


def test_members_alone_stacked_selected_and_restored_agree():
    members = members_of(model={"output_scale": 5.0})
    whole = train(trainer_of(members), 12)
    for position, member in enumerate(members):
        alone = train(trainer_of([member]), 12)
        for a, b in zip(whole.model.parameters(), alone.model.parameters(), strict=True):
            torch.testing.assert_close(a[position], b[0], rtol=2e-4, atol=2e-5)
    half = train(trainer_of(members), 7)
    half.keep([0, 2])
    state = {name: tensor.clone() for name, tensor in half.state().items()}
    again = trainer_of(members)
    again.restore(state, half.update, list(half.active), half.steps)
    train(half, 5), train(again, 5)
    assert torch.equal(half.model(inputs()), again.model(inputs()))
    for a, b in zip(half.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(a, b)
    torch.testing.assert_close(half.model(inputs()), whole.model(inputs())[[0, 2]])


def test_instruments_see_the_scaled_outputs():
    trainer = train(lazy(3.0), 4)
    model, x = trainer.model.double(), inputs().double()[:, :6]
    plain = trainer_of(members_of()).model.double()
    plain.load_state_dict(model.state_dict())
    torch.testing.assert_close(tangent_kernel(model, x), 9 * tangent_kernel(plain, x))
    y = torch.zeros(1, 6, dtype=torch.int64)
    found = gram(model, x, y, "cross-entropy")
    for member in range(3):
        one = model.select([member])
        rows = []
        for at in range(6):
            loss = example_losses("cross-entropy", one(x[:, at : at + 1]), y[:, :1]).sum()
            pieces = torch.autograd.grad(loss, list(one.parameters()))
            rows.append(torch.cat([piece.flatten() for piece in pieces]))
        expected = torch.stack(rows) @ torch.stack(rows).T
        assert (found[member] - expected).abs().max() <= 1e-10 * expected.abs().max()
    product = hessian_product(model, x, y, "squared")
    vector = torch.ones(3, sum(p[0].numel() for p in model.parameters()), dtype=torch.float64)
    assert torch.isfinite(product(vector)).all()
    assert float(product(vector).norm()) > 0


@pytest.mark.parametrize(
    ("sections", "sentence"),
    [
        ({"training": {"precision": "bf16"}}, "needs float32"),
        ({"model": {"output_scale": 0.0}}, "output_scale"),
    ],
)
def test_what_cannot_be_scaled_is_refused(sections, sentence):
    tree = {"model": {"output_scale": 5.0}} | sections
    with pytest.raises(InvalidExperiment, match=sentence):
        experiment(tree, "here")


def test_batch_normalization_is_refused():
    with pytest.raises(InvalidExperiment, match="batch normalization has none of"):
        trainer_of(members_of(model={"output_scale": 2.0, "normalization": "batch"}))
