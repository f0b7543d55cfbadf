"""The noise scale against explicit gradients of single examples, and without bias in a sample."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import stdtrit
from torch import Tensor

from memlab.experiment.instruments import instrument
from memlab.instruments.contract import small_trainer, subject_now
from memlab.instruments.noise_scale import noise_scale
from memlab.instruments.sampled import train_gradient
from memlab.instruments.subject import Subject
from memlab.training.loss import example_losses

SAMPLE = 16


def explicit_gradients(subject: Subject) -> Tensor:
    """The gradient of every training example by autograd, `[members, examples, parameters]`."""
    x, labels = subject.arrays.train.inputs.values, subject.arrays.train.labels
    rows = []
    for at in range(labels.shape[1]):
        logits = subject.model(x[:, at : at + 1])
        losses = example_losses(subject.loss, logits, labels[:, at : at + 1], None)
        parts = torch.autograd.grad(losses.sum(), list(subject.model.parameters()))
        rows.append(torch.cat([part.flatten(1) for part in parts], 1))
    return torch.stack(rows, 1).double()


@pytest.fixture(scope="module")
def noisy() -> tuple[Subject, Tensor]:
    """All labels random, learned for long: the gradients of the examples cancel almost."""
    trainer = small_trainer(
        corruption={"kind": "labels", "fraction": 1.0}, seeds=2, updates=400, width=12
    )
    subject = subject_now(trainer)
    return subject, explicit_gradients(subject)


def test_whole_gradient_is_the_mean_of_the_explicit_ones(noisy):
    subject, gradients = noisy
    mean = gradients.mean(1)
    np.testing.assert_allclose(train_gradient(subject), mean, rtol=1e-3, atol=1e-7)


def test_gradient_of_all_in_chunks_is_that_in_one(noisy, monkeypatch):
    subject, gradients = noisy
    monkeypatch.setattr("memlab.instruments.sampled.GRADIENT_CHUNK", 50)
    subject.shared.clear()
    np.testing.assert_allclose(train_gradient(subject), gradients.mean(1), rtol=1e-3, atol=1e-7)


def test_instrument_on_all_examples_is_the_definition(noisy):
    subject, gradients = noisy
    made = instrument("gradient-noise")
    subject.shared.clear()
    found = made.measure(subject, made.settings(examples=1_000))
    square = gradients.mean(1).square().sum(1)
    trace = gradients.var(1, correction=0).sum(1)
    np.testing.assert_allclose(found["gradient_square"], square, rtol=1e-3)
    np.testing.assert_allclose(found["trace"], trace, rtol=1e-3)
    for name in ("noise_scale", "noise_scale_low", "noise_scale_high"):
        np.testing.assert_allclose(found[name], trace / square, rtol=1e-3)


def test_it_is_unbiased_from_a_sample_where_the_noise_dominates(noisy):
    """Over many samples the mean is the truth; the sample's own quotient is far below it."""
    _, gradients = noisy
    square = gradients.mean(1).square().sum(1)
    truth = gradients.var(1, correction=0).sum(1) / square
    assert bool((truth > 2 * SAMPLE).all())
    generator = np.random.default_rng(0)
    whole = gradients @ gradients.mT
    scales, naive = [], []
    for _ in range(1_000):
        gram = of_some(whole, generator, SAMPLE)
        scales.append(noise_scale(gram, square, gradients.shape[1]).trace / square)
        own = gram.mean((1, 2))
        naive.append((gram.diagonal(dim1=1, dim2=2).mean(1) - own) / own)
    drawn = torch.stack(scales)
    error = drawn.std(0) / len(drawn) ** 0.5
    assert bool(((drawn.mean(0) - truth).abs() < 4 * error).all())
    assert bool((error < 0.05 * truth).all())
    assert bool((torch.stack(naive).mean(0) < 0.5 * truth).all())


def test_its_interval_holds_the_truth_from_half_of_the_examples(noisy):
    _, gradients = noisy
    whole, square = gradients @ gradients.mT, gradients.mean(1).square().sum(1)
    truth = gradients.var(1, correction=0).sum(1) / square
    generator = np.random.default_rng(1)
    covered = []
    for _ in range(400):
        found = noise_scale(of_some(whole, generator, 60), square, gradients.shape[1])
        covered.append((found.low <= truth) & (truth <= found.high))
    assert bool((torch.stack(covered).double().mean(0) > 0.85).all())


def of_some(gram: Tensor, generator: np.random.Generator, count: int) -> Tensor:
    """The Gram matrix of `count` of its examples."""
    chosen = torch.from_numpy(generator.permutation(gram.shape[1])[:count])
    return gram[:, chosen[:, None], chosen]


def test_instrument_takes_the_square_from_all_and_the_trace_from_its_sample(noisy):
    subject, gradients = noisy
    made = instrument("gradient-noise")
    subject.shared.clear()
    found = made.measure(subject, made.settings(examples=24))
    index = subject.train_sample(24).index
    square = gradients.mean(1).square().sum(1)
    for member in range(2):
        squares = gradients[member, index[member]].square().sum(1)
        trace = float(squares.mean() - square[member])
        half = float(stdtrit(23, 0.975) * (squares.var() / 24 * (1 - 24 / 120)).sqrt())
        assert float(found["trace"][member]) == pytest.approx(trace, rel=1e-3)
        low = float(found["noise_scale_low"][member])
        assert low == pytest.approx((trace - half) / float(square[member]), rel=2e-3)


def test_a_ratio_whose_interval_holds_0_is_none():
    """One gradient of many is large: its mean square is not known from 5 of 100."""
    gradients = torch.ones(2, 5, 3, dtype=torch.float64)
    gradients[0, 0] = 9.0
    gradients[1] += 0.5 * torch.eye(5, 3)
    square = torch.tensor([2.5, 0.1], dtype=torch.float64)
    found = noise_scale(gradients @ gradients.mT, square, 100)
    assert bool(found.scale[0].isnan())
    assert float(found.low[0]) < 0 < float(found.high[0])
    assert float(found.low[1]) > 0
    assert float(found.scale[1]) == pytest.approx(float(found.trace[1]) / 0.1)
    nowhere = noise_scale(gradients @ gradients.mT, torch.zeros(2), 100)
    assert bool(nowhere.scale.isnan().all())
