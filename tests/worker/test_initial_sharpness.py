"""Learning rates as multiples of 1/λ₀, each network's own, measured before its first update."""

from __future__ import annotations

import pytest
import torch

from memlab.training.trainer import StackTrainer
from memlab.worker.initial_sharpness import initial_sharpness
from tests.training.conftest import data_for, members_of, trainer_of

MEASURED = {
    "loss": {"name": "squared"},
    "optimizer": {"batch_size": 16, "learning_rate_of_sharpness": 0.5},
}


def ready(**sections: object) -> StackTrainer:
    trainer = trainer_of(members_of(**MEASURED | sections))
    trainer.take_sharpness(initial_sharpness(trainer))
    return trainer


def largest(trainer: StackTrainer, at: int) -> float:
    """Of the dense Hessian of the mean loss on all training examples, by autograd."""
    data, model = data_for(trainer.plan.members[at].seed), trainer.initial().select([at]).double()
    x = torch.from_numpy(data.train_x)[None].double()
    targets = torch.nn.functional.one_hot(torch.from_numpy(data.train_given), 4).double()
    names = [name for name, _ in model.named_parameters()]
    shapes = [p.shape for p in model.parameters()]
    flat = torch.cat([p.detach().flatten() for p in model.parameters()])

    def loss(vector: torch.Tensor) -> torch.Tensor:
        pieces = vector.split([shape.numel() for shape in shapes])
        state = {n: p.view(s) for n, p, s in zip(names, pieces, shapes, strict=True)}
        outputs = torch.func.functional_call(model, state, (x,))[0]
        return 0.5 * (outputs - targets).square().sum(1).mean()

    return float(torch.linalg.eigvalsh(torch.func.hessian(loss)(flat))[-1])


@pytest.mark.parametrize("scale", [None, 3.0])
def test_each_networks_rate_is_the_multiple_over_its_own_largest_eigenvalue(scale):
    trainer = ready(model={"output_scale": scale})
    rates = trainer.learning_rates()
    for at in range(3):
        divisor = 1 if scale is None else scale**2
        assert rates[at] == pytest.approx(0.5 * divisor / largest(trainer, at), rel=1e-4)
    assert len(set(rates.tolist())) == 3
    assert not trainer.wants_sharpness


def test_members_of_a_stack_have_multiples_of_their_own_and_forks_rates_of_theirs():
    optimizer = {"batch_size": 16}
    axes = {"optimizer.learning_rate_of_sharpness": [0.5, 1.0]}
    trainer = ready(optimizer=optimizer, axes=axes, seeds=2, fork={"at": 2, "learning_rate": 0.07})
    rates = trainer.learning_rates()
    assert rates[2:] == pytest.approx(2 * rates[:2])
    for _ in range(trainer.plan.timeline.updates - 1):
        trainer.step()
    assert trainer.learning_rates() == pytest.approx([0.07] * 4)


@pytest.mark.parametrize("stop_at", [1, 7])
def test_a_restored_stack_goes_on_with_the_rates_that_were_measured(stop_at):
    whole, half = ready(), ready()
    for _ in range(stop_at):
        half.step()
    half.keep([0, 2])
    state = {name: tensor.clone() for name, tensor in half.state().items()}
    again = trainer_of(members_of(**MEASURED))
    again.restore(state, half.update, list(half.active), half.steps)
    assert not again.wants_sharpness
    assert again.learning_rates().tolist() == half.learning_rates().tolist()
    for _ in range(6):
        half.step(), again.step()
    for a, b in zip(half.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(a, b)
    assert half.learning_rates().tolist() == whole.learning_rates()[[0, 2]].tolist()
