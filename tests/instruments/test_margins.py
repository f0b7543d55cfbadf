"""Margins against plain loops, and as distances."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from memlab.experiment.keys import key
from memlab.experiment.material_spec import ModelSpec
from memlab.instruments.critical_samples import critical_samples
from memlab.instruments.margins import margins, normalized_margins, summarize
from memlab.models import build

torch.set_num_threads(1)


def drawn(*shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).standard_normal(shape))


def test_margin_is_assigned_minus_largest_other_logit():
    logits = drawn(3, 20, 5)
    targets = torch.from_numpy(np.random.default_rng(1).integers(0, 5, (3, 20)))
    ours = margins(logits, targets)
    for m in range(3):
        for i in range(20):
            row, y = logits[m, i].tolist(), int(targets[m, i])
            assert float(ours[m, i]) == row[y] - max(row[:y] + row[y + 1 :])
    assert torch.equal(ours > 0, logits.argmax(-1) == targets)


def test_margins_leave_the_logits_as_they_are():
    logits = drawn(1, 4, 3)
    before = logits.clone()
    margins(logits, torch.zeros(1, 4, dtype=torch.int64))
    assert torch.equal(logits, before)


def test_normalized_margin_of_two_linear_classes_is_the_critical_radius():
    model = build(
        ModelSpec(name="linear"), members=3, image_shape=None, features=6, classes=2
    ).double()
    model.initialize([key(seed, "init") for seed in range(3)])
    x = drawn(3, 50, 6)
    predicted = model(x).argmax(-1)
    distance = normalized_margins(model, x, predicted)
    weight = model.output.weight
    norm = (weight[:, :, 0] - weight[:, :, 1]).abs().sum(1, keepdim=True)
    expected = margins(model(x), predicted) / norm
    torch.testing.assert_close(distance, expected.detach())
    radius = float(distance.median())
    found = critical_samples(model, x, radius, 50, range(3)).critical
    assert bool((distance[found] <= radius).all())
    assert float(found.double().mean()) > 0.4


def test_summary_is_numpys_quantiles_of_the_chosen():
    values = drawn(3, 40)
    chosen = values + drawn(3, 40).flip(1) > 0
    summary = summarize(values, chosen, (0.1, 0.5, 0.9))
    for m in range(3):
        row = values[m][chosen[m]].numpy()
        assert summary.quantiles[:, m].numpy() == pytest.approx(np.quantile(row, [0.1, 0.5, 0.9]))
        assert float(summary.mean[m]) == pytest.approx(row.mean())
        assert float(summary.negative[m]) == pytest.approx((row < 0).mean())
    whole = summarize(values)
    assert torch.equal(whole.quantiles[0], values.amin(1))
    assert torch.equal(whole.quantiles[-1], values.amax(1))


def test_summary_of_nothing_is_nan():
    summary = summarize(drawn(2, 5), torch.tensor([[True] * 5, [False] * 5]))
    assert bool(summary.quantiles[:, 1].isnan().all())
    assert bool(summary.negative[1].isnan())
    assert bool(summary.mean[1].isnan())
    assert bool(summary.quantiles[:, 0].isfinite().all())
