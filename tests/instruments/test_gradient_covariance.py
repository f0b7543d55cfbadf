"""Covariance and diversity of gradients against numpy on the explicit gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from memlab.instruments.gradient_covariance import (
    example_covariance_trace,
    gradient_covariance,
    gradient_norms,
    mini_batch_gram,
)
from memlab.instruments.noise_scale import gradient_diversity

MEMBERS, EXAMPLES, PARAMETERS = 3, 24, 40


@pytest.fixture
def gradients() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    shape = (MEMBERS, EXAMPLES, PARAMETERS)
    scales = torch.linspace(0.1, 3, PARAMETERS, dtype=torch.float64)
    return torch.randn(shape, generator=generator, dtype=torch.float64) * scales + 0.5


@pytest.fixture
def batches() -> Tensor:
    """Six mini-batches of four examples, others for each member; one index occurs twice."""
    generator = torch.Generator().manual_seed(1)
    orders = [torch.randperm(EXAMPLES, generator=generator) for _ in range(MEMBERS)]
    drawn = torch.stack(orders).view(MEMBERS, 6, 4)
    drawn[0, 0, 1] = drawn[0, 0, 0]
    return drawn


def means(gradients: Tensor, batches: Tensor, member: int) -> np.ndarray:
    return np.stack([gradients[member][batch].mean(0).numpy() for batch in batches[member]])


def test_mini_batch_gram_is_that_of_averaged_gradients(gradients: Tensor, batches: Tensor) -> None:
    found = mini_batch_gram(gradients @ gradients.mT, batches)
    for member in range(MEMBERS):
        averaged = means(gradients, batches, member)
        np.testing.assert_allclose(found[member], averaged @ averaged.T, rtol=1e-12)


def test_covariance_equals_numpys_on_mini_batch_gradients(
    gradients: Tensor, batches: Tensor
) -> None:
    found = gradient_covariance(mini_batch_gram(gradients @ gradients.mT, batches), leading=3)
    for member in range(MEMBERS):
        covariance = np.cov(means(gradients, batches, member).T, bias=True)
        values = np.linalg.eigvalsh(covariance)[::-1]
        assert float(found.trace[member]) == pytest.approx(np.trace(covariance), rel=1e-10)
        np.testing.assert_allclose(found.eigenvalues[member], values[:3], rtol=1e-10)
        smallest = values[len(batches[0]) - 2]
        assert float(found.condition[member]) == pytest.approx(smallest / values[0], rel=1e-8)
        ratio = np.trace(covariance) / values[0]
        assert float(found.relative_trace[member]) == pytest.approx(ratio, rel=1e-10)


def test_rounding_is_not_taken_for_the_smallest_eigenvalue() -> None:
    generator = torch.Generator().manual_seed(2)
    basis = torch.randn(1, 4, 30, generator=generator)
    gradients = torch.randn(1, 16, 4, generator=generator) @ basis
    gram = gradients @ gradients.mT
    found = gradient_covariance(gram)
    values = np.linalg.eigvalsh(np.cov(gradients[0].double().numpy().T, bias=True))[::-1]
    assert float(found.condition[0]) == pytest.approx(values[3] / values[0], rel=1e-3)
    batches = torch.arange(16).view(1, 8, 2)
    found = gradient_covariance(mini_batch_gram(gram, batches), precision=torch.float32)
    averaged = means(gradients.double(), batches, 0)
    values = np.linalg.eigvalsh(np.cov(averaged.T, bias=True))[::-1]
    assert float(found.condition[0]) == pytest.approx(values[3] / values[0], rel=1e-3)


def test_equal_gradients_have_no_covariance() -> None:
    found = gradient_covariance(torch.ones(1, 5, 5))
    assert float(found.trace) == 0
    assert found.condition.isnan().all()
    assert found.relative_trace.isnan().all()


def test_norms_and_trace_are_those_of_the_gradients(gradients: Tensor) -> None:
    gram = gradients @ gradients.mT
    np.testing.assert_allclose(gradient_norms(gram), gradients.norm(dim=2), rtol=1e-12)
    traces = [np.trace(np.cov(g.numpy().T, bias=True)) for g in gradients]
    np.testing.assert_allclose(example_covariance_trace(gram), traces, rtol=1e-12)


def test_diversity_is_its_definition_and_lies_between_its_bounds(gradients: Tensor) -> None:
    found = gradient_diversity(gradients @ gradients.mT)
    expected = gradients.square().sum((1, 2)) / gradients.sum(1).square().sum(1)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert float(gradient_diversity(torch.ones(1, 8, 8))) == pytest.approx(1 / 8)
    assert float(gradient_diversity(torch.eye(8)[None])) == pytest.approx(1)
