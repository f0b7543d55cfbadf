"""The noise scale: exact against its definition, the estimate against a closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from memlab.instruments.noise_scale import (
    batch_squares,
    exact_noise_scale,
    noise_scale_estimate,
)

SMALL, BIG = 4, 16


def test_exact_is_trace_over_squared_mean() -> None:
    gradients = torch.randn(3, 20, 7, dtype=torch.float64) + 0.4
    found = exact_noise_scale(gradients @ gradients.mT)
    square = gradients.mean(1).square().sum(1)
    trace = gradients.var(1, correction=0).sum(1)
    np.testing.assert_allclose(found.square, square, rtol=1e-12)
    np.testing.assert_allclose(found.trace, trace, rtol=1e-12)
    np.testing.assert_allclose(found.scale, trace / square, rtol=1e-12)


def test_batch_squares_are_squared_norms_of_mean_gradients() -> None:
    gradients = torch.randn(2, 10, 5, dtype=torch.float64)
    gram = gradients @ gradients.mT
    each = torch.tensor([[[0, 3, 4], [9, 9, 1]], [[2, 5, 6], [7, 8, 0]]])
    for batches in (each, each[:1]):
        found = batch_squares(gram, batches)
        for member in range(2):
            chosen = batches[member if len(batches) > 1 else 0]
            expected = [gradients[member][batch].mean(0).square().sum() for batch in chosen]
            np.testing.assert_allclose(found[member], expected, rtol=1e-12)


def test_estimate_is_unbiased_for_gaussian_gradients() -> None:
    """g ~ N(μ, diag σ²): E‖g_B‖² = ‖μ‖² + Σσ²/B; both parts within 4 standard errors."""
    generator = torch.Generator().manual_seed(0)
    mean = torch.tensor([0.5, -0.3, 0.1, 0.0], dtype=torch.float64)
    deviation = torch.tensor([1.0, 2.0, 0.5, 1.5], dtype=torch.float64)
    draws = 20_000
    drawn = torch.randn(draws, BIG, 4, generator=generator, dtype=torch.float64)
    gradients = mean + deviation * drawn
    small = gradients[:, :SMALL].mean(1).square().sum(1)
    big = gradients.mean(1).square().sum(1)
    found = noise_scale_estimate(small, big, SMALL, BIG)
    for part, truth in (
        (found.square, mean.square().sum()),
        (found.trace, deviation.square().sum()),
    ):
        error = part.std() / draws**0.5
        assert abs(part.mean() - truth) < 4 * error
        assert error < 0.03 * truth + 0.01
    averaged = noise_scale_estimate(small.mean(), big.mean(), SMALL, BIG)
    closed = float(deviation.square().sum() / mean.square().sum())
    assert float(averaged.scale) == pytest.approx(closed, rel=0.1)


def test_estimate_from_expected_squares_is_the_closed_form() -> None:
    square, trace = torch.tensor([2.0, 0.5]), torch.tensor([6.0, 30.0])
    found = noise_scale_estimate(square + trace / SMALL, square + trace / BIG, SMALL, BIG)
    np.testing.assert_allclose(found.square, square, rtol=1e-6)
    np.testing.assert_allclose(found.trace, trace, rtol=1e-6)
    np.testing.assert_allclose(found.scale, [3.0, 60.0], rtol=1e-6)


def test_estimate_agrees_with_exact_over_the_same_examples() -> None:
    """Batches drawn with replacement from the examples estimate exactly their noise scale."""
    generator = torch.Generator().manual_seed(1)
    gradients = torch.randn(1, 50, 6, generator=generator, dtype=torch.float64) + 0.5
    gram = gradients @ gradients.mT
    exact = exact_noise_scale(gram)
    squares = [
        batch_squares(gram, torch.randint(0, 50, (1, 5_000, size), generator=generator)).mean(1)
        for size in (SMALL, BIG)
    ]
    found = noise_scale_estimate(*squares, SMALL, BIG)
    assert float(found.scale) == pytest.approx(float(exact.scale), rel=0.05)


def test_batches_the_wrong_way_round_are_an_error() -> None:
    with pytest.raises(ValueError, match="smaller"):
        noise_scale_estimate(torch.ones(1), torch.ones(1), 8, 8)
