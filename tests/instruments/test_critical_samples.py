"""LASS against the exact answer for linear classifiers, and its promises on any network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from memlab.experiment.keys import key
from memlab.experiment.material_spec import ModelSpec
from memlab.instruments.critical_samples import CriticalCurve, critical_curve, critical_samples
from memlab.models import StackedModel, build
from memlab.training.adversarial import LANGEVIN, STEP, cross_entropy, search_step

torch.set_num_threads(1)
MEMBERS, N, FEATURES, CLASSES = 3, 150, 10, 4
SEEDS = [11, 12, 13]
RADII = (0.02, 0.05, 0.1, 0.2, 0.4)


def network(
    name: str = "mlp", image: bool = False, classes: int = CLASSES, **sizes: int
) -> StackedModel:
    features = 64 if image else FEATURES
    model = build(
        ModelSpec(name=name, **sizes),
        members=MEMBERS,
        image_shape=(1, 8, 8) if image else None,
        features=features,
        classes=classes,
    )
    model.initialize([key(seed, "init") for seed in SEEDS])
    return model


def inputs(members: int = MEMBERS, *shape: int) -> Tensor:
    drawn = np.random.default_rng(3).standard_normal((members, N, *(shape or (FEATURES,))))
    return torch.from_numpy(drawn.astype(np.float32))


def exact(model: StackedModel, x: Tensor) -> np.ndarray:
    """min over classes j of margin_j ÷ ‖w_k − w_j‖₁: the critical radius, `[members, n]`."""
    weight = model.output.weight.detach().double().numpy()
    bias = model.output.bias.detach().double().numpy()
    logits = x.double().numpy() @ weight + bias
    own = logits.argmax(-1)
    radii = np.full(logits.shape, np.inf)
    for m in range(MEMBERS):
        for i in range(N):
            k = own[m, i]
            for j in set(range(logits.shape[-1])) - {k}:
                norm = np.abs(weight[m, :, k] - weight[m, :, j]).sum()
                radii[m, i, j] = (logits[m, i, k] - logits[m, i, j]) / norm
    return radii.min(-1)


@pytest.mark.parametrize(("classes", "certainty"), [(2, 1), (4, 8), (4, 4096)])
@pytest.mark.parametrize("radius", RADII)
def test_linear_classifier_nearly_all_critical_samples_found_and_never_a_wrong_one(
    radius, classes, certainty
):
    model, x = network("linear", classes=classes), inputs()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(certainty)
    truth = exact(model, x) <= radius
    found = critical_samples(model, x, radius, 100, SEEDS).critical.numpy()
    assert not (found & ~truth).any()
    assert truth.any()
    assert found.sum() >= 0.96 * truth.sum()


def test_every_reported_x_hat_is_in_the_box_and_of_another_class():
    model, x = network(width=16, depth=2), inputs()
    result = critical_samples(model, x, 0.3, 10, SEEDS)
    assert 0.1 < float(result.ratio.mean()) < 0.9
    distance = (result.found - x).abs().amax(2)
    assert float(distance.max()) <= 0.3 * (1 + 1e-5)
    other = model(result.found).argmax(-1) != model(x).argmax(-1)
    assert bool(other[result.critical].all())
    assert bool((result.steps[result.critical] >= 1).all())
    assert bool((result.steps[result.critical] <= 10).all())
    assert bool((result.steps[~result.critical] == 10).all())
    assert len(result.steps[result.critical].unique()) > 1


def test_class_that_changes_only_during_the_search_is_not_critical():
    model, x = network(width=16, depth=2), inputs()

    def inconsistent(batch: Tensor) -> Tensor:
        logits = model(batch)
        return -logits if batch.requires_grad else logits

    result = critical_samples(inconsistent, x, 0.05, 3, SEEDS)
    other = model(result.found).argmax(-1) != model(x).argmax(-1)
    assert not bool((result.critical & ~other).any())
    assert float(result.ratio.mean()) < 0.5


def test_search_stops_at_the_first_step_that_changes_the_class():
    model, x = network(width=16, depth=2), inputs()
    full = critical_samples(model, x, 0.3, 10, SEEDS)
    for steps in (1, 4):
        short = critical_samples(model, x, 0.3, steps, SEEDS)
        expected = full.critical & (full.steps <= steps)
        assert torch.equal(short.critical, expected)
        torch.testing.assert_close(short.found[expected], full.found[expected])


def test_one_step_is_arpits_formula():
    model, x = network("linear"), inputs()
    predicted = model(x).argmax(-1)
    z = torch.from_numpy(np.random.default_rng(0).standard_normal(x.shape).astype(np.float32))
    start = x + 0.01 * z
    moved, logits = search_step(
        model, cross_entropy, start, x, predicted, torch.tensor(0.1), z.flip(0)
    )
    chance = logits.softmax(-1) - torch.nn.functional.one_hot(predicted, CLASSES)
    slope = chance @ model.output.weight.mT
    assert pytest.approx(0.25 / 0.3) == STEP
    assert pytest.approx(0.2 / 0.3) == LANGEVIN
    expected = start + 0.25 / 3 * slope.sign() + 0.2 / 3 * z.flip(0)
    torch.testing.assert_close(moved, (expected - x).clamp(-0.1, 0.1) + x)


def test_curve_is_the_union_of_searches_at_smaller_radii():
    model, x = network(width=16, depth=2), inputs()
    curve = critical_curve(model, x, RADII[::-1], 8, SEEDS)
    assert curve.radii == RADII
    union = torch.zeros(MEMBERS, N, dtype=torch.bool)
    for place, radius in enumerate(RADII):
        single = critical_samples(model, x, radius, 8, SEEDS)
        assert torch.equal(curve.steps[place][~union], single.steps[~union])
        assert bool((curve.steps[place][union] == 0).all())
        union = union | single.critical
        assert torch.equal(curve.critical[place], union)


def test_radius_where_the_ratio_reaches_a_value_is_interpolated():
    critical = torch.zeros(2, 3, 10, dtype=torch.bool)
    critical[0, 0, :2] = critical[0, 1, :4] = True
    critical[1, 0, :6] = critical[1, 1, :4] = True
    curve = CriticalCurve((0.1, 0.2), critical, torch.zeros(2, 3, 10))
    radius = curve.radius_at(0.4)
    assert float(radius[0]) == pytest.approx(0.15)
    assert float(radius[1]) == pytest.approx(0.1)
    assert bool(radius[2].isnan())
    assert float(curve.radius_at(0.1)[0]) == pytest.approx(0.05)


@pytest.mark.parametrize("shared", [False, True])
def test_stack_of_three_equals_each_alone(shared):
    model = network(width=16, depth=2)
    x = inputs(1 if shared else MEMBERS)
    together = critical_samples(model, x, 0.3, 10, SEEDS, counter=4)
    for m in range(MEMBERS):
        own = x if shared else x[m : m + 1]
        alone = critical_samples(model.select([m]), own, 0.3, 10, SEEDS[m : m + 1], counter=4)
        assert torch.equal(alone.critical[0], together.critical[m])
        assert torch.equal(alone.steps[0], together.steps[m])
        torch.testing.assert_close(alone.found[0], together.found[m])


def test_key_decides_the_search_and_nothing_else_does():
    model, x = network(width=16, depth=2), inputs()
    state = torch.random.get_rng_state()
    first = critical_samples(model, x, 0.3, 5, SEEDS, counter=1)
    torch.manual_seed(99)
    again = critical_samples(model, x, 0.3, 5, SEEDS, counter=1)
    assert torch.equal(first.found, again.found)
    other = critical_samples(model, x, 0.3, 5, SEEDS, counter=2)
    assert not torch.equal(first.found, other.found)
    reseeded = critical_samples(model, x, 0.3, 5, [11, 12, 14], counter=1)
    assert torch.equal(first.steps[0], reseeded.steps[0])
    assert not torch.equal(first.found[2], reseeded.found[2])
    torch.random.set_rng_state(state)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_images_through_a_convnet_are_searched_too():
    model, x = network("cnn", image=True, width=4), inputs(1, 1, 8, 8)[:, :40]
    result = critical_samples(model, x, 0.5, 5, SEEDS)
    assert result.found.shape == (MEMBERS, 40, 1, 8, 8)
    assert float(result.ratio.mean()) > 0.1
    assert bool((model(result.found).argmax(-1) != model(x).argmax(-1))[result.critical].all())


def test_diverged_network_has_no_critical_samples():
    model = network(width=16, depth=2)
    with torch.no_grad():
        model.output.weight[1] = torch.nan
    result = critical_samples(model, inputs(), 0.3, 3, SEEDS)
    assert float(result.ratio[1]) == 0.0
    assert float(result.ratio[0]) > 0.0
