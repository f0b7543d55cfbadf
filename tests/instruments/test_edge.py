"""The edge of stability of each optimizer, seen by memlab's own optimizers on quadratics."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from memlab.experiment.instruments import instrument
from memlab.instruments.contract import small_trainer, subject_now
from memlab.instruments.hessian_product import hessian_product
from memlab.instruments.sharpness import adam_edge_ratio, edge_ratio
from memlab.training.optimizers import Hyperparameters, StackOptimizer

RATE = 0.1


def stack(name: str, nesterov: bool, members: int, **values: float) -> StackOptimizer:
    """An optimizer of one weight a member, which is 1."""
    defaults = {"momentum": 0.0, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0}
    vectors = {
        k: torch.full((members,), v, dtype=torch.float64) for k, v in (defaults | values).items()
    }
    moves = bool(values.get("momentum"))
    weights = torch.ones(members, 1, dtype=torch.float64)
    made = Hyperparameters(**vectors, moves=moves, decays=False)
    return StackOptimizer(name, nesterov, [weights], made)


def descended(optimizer: StackOptimizer, curvatures: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """|weight| on ½ c w², the largest of all `steps` and of the last tenth, each `[members]`."""
    (weight,) = optimizer.parameters
    rates = torch.full((len(weight),), RATE, dtype=torch.float64)
    ever, late = torch.zeros(2, len(weight), dtype=torch.float64)
    for step in range(steps):
        optimizer.step([curvatures[:, None] * weight], rates)
        ever = torch.maximum(ever, weight.abs()[:, 0])
        if step >= steps - steps // 10:
            late = torch.maximum(late, weight.abs()[:, 0])
    return ever, late


@pytest.mark.parametrize(
    ("momentum", "nesterov", "edge"),
    [(0.0, False, 20.0), (0.9, False, 38.0), (0.9, True, 38 / 2.8), (0.5, True, 15.0)],
)
def test_sgd_converges_just_below_its_edge_and_diverges_just_above(momentum, nesterov, edge):
    unit = float(edge_ratio(torch.tensor([1.0]), RATE, momentum, nesterov))
    assert 1 / unit == pytest.approx(edge, rel=1e-6)
    curvatures = torch.tensor([0.98, 1.02], dtype=torch.float64) / unit
    ever, late = descended(stack("sgd", nesterov, 2, momentum=momentum), curvatures, 2_000)
    assert late[0] < 1e-6
    assert ever[1] > 1e3


@pytest.mark.parametrize("beta1", [0.0, 0.5, 0.9])
def test_adam_with_its_preconditioner_at_rest_does_so_at_the_edge_of_the_scaled_curvature(beta1):
    """Second moments that hardly move, by β₂ → 1 and a step count at which no bias is left."""
    unit = float(adam_edge_ratio(torch.tensor([1.0]), RATE, beta1))
    if beta1 == 0.9:
        assert 1 / unit == pytest.approx(38 / RATE)
    optimizer = stack("adam", False, 2, beta1=beta1, beta2=1 - 1e-13, epsilon=0.0)
    moments = {"moment.0.0": torch.zeros(2, 1), "moment.1.0": torch.full((2, 1), 9.0)}
    optimizer.load(moments, steps=10**16)
    divisors = optimizer.preconditioner()
    assert divisors is not None
    torch.testing.assert_close(divisors[0], torch.full((2, 1), 3.0, dtype=torch.float64))
    curvatures = torch.tensor([0.98, 1.02], dtype=torch.float64) / unit * 3.0
    ever, late = descended(optimizer, curvatures, 2_000)
    assert late[0] < 1e-3
    assert ever[1] > 1e3


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_adam_left_to_itself_settles_at_its_edge(name):
    """Second moments decay until the preconditioned curvature is at the edge (Cohen 2022)."""
    curvatures = torch.tensor([0.5, 5.0, 50.0], dtype=torch.float64)
    optimizer = stack(name, False, 3, beta2=0.99, epsilon=1e-12)
    descended(optimizer, curvatures, 3_000)
    ratios = []
    for _ in range(200):
        descended(optimizer, curvatures, 5)
        divisors = optimizer.preconditioner()
        assert divisors is not None
        ratios.append(adam_edge_ratio(curvatures / divisors[0][:, 0], RATE, 0.9))
    np.testing.assert_allclose(torch.stack(ratios).median(0).values, 1.0, rtol=0.1)


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_the_preconditioned_eigenvalue_is_that_of_the_dense_matrix_and_of_torchs_moments(name):
    rate = 0.01
    adam = {"name": name, "batch_size": 20, "learning_rate": rate}
    trainer = small_trainer(optimizer=adam, width=2)
    subject = subject_now(trainer)
    made = instrument("curvature")
    found = made.measure(subject, made.settings(examples=60, tolerance=1e-4, products=200))
    sample = subject.train_sample(60)
    product = hessian_product(subject.model, sample.x, sample.given, subject.loss)
    moments = {n: t for n, t in trainer.state().items() if n.startswith("optimizer.moment.1.")}
    second = torch.cat([t.flatten(1) for t in moments.values()], 1).double()
    columns = torch.eye(second.shape[1])
    dense = torch.stack([product(c.expand(subject.members, -1)) for c in columns], 1).double()
    divisor = (1 - 0.9**12) * ((second / (1 - 0.999**12)).sqrt() + 1e-8)
    expected = np.linalg.eigvals((dense / divisor[:, :, None]).numpy()).real.max(1)
    np.testing.assert_allclose(found["preconditioned"], expected, rtol=2e-3)
    np.testing.assert_allclose(found["edge"], expected * rate / 38, rtol=2e-3)
    assert bool(torch.as_tensor(found["batch_edge"]).isnan().all())
    assert "preconditioned" in subject.memory


def test_edge_of_nesterov_is_its_own_and_adam_has_none_before_its_first_step():
    made = instrument("curvature")
    rates = {"batch_size": 20, "learning_rate": 0.1}
    subject = subject_now(small_trainer(optimizer={**rates, "momentum": 0.9, "nesterov": True}))
    found = made.measure(subject, made.settings())
    expected = np.asarray(found["sharpness"]) * 0.1 * 2.8 / 3.8
    np.testing.assert_allclose(found["edge"], expected, rtol=1e-5)
    assert bool(torch.as_tensor(found["preconditioned"]).isnan().all())
    trainer = small_trainer(optimizer={**rates, "name": "adam"}, updates=0)
    first = made.measure(subject_now(trainer), made.settings())
    assert bool(torch.as_tensor(first["edge"]).isnan().all())
