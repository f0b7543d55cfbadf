"""Loss sensitivity, direct and unrolled, and the Gini coefficient."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from memlab.experiment.keys import key
from memlab.experiment.material_spec import ModelSpec
from memlab.instruments import unrolled_sensitivity as unrolled
from memlab.instruments.gini import gini, gini_interval
from memlab.instruments.sensitivity import (
    class_sensitivity,
    loss_sensitivity,
    off_diagonal_share,
)
from memlab.instruments.unrolled_sensitivity import (
    NoPerceptron,
    draw_batches,
    unrolled_gradients,
    unrolled_sensitivity,
)
from memlab.models import StackedModel, build
from memlab.training.loss import example_losses

torch.set_num_threads(1)
MEMBERS, N, FEATURES, CLASSES = 3, 12, 5, 3
SEEDS = [1, 2, 3]
RATES = torch.tensor([0.5, 0.2, 0.1], dtype=torch.float64)
UPDATES = 4


def network(activation: str = "relu", members: int = MEMBERS, name: str = "mlp") -> StackedModel:
    sizes = {} if name == "linear" else {"width": 16, "depth": 2, "activation": activation}
    model = build(
        ModelSpec(name=name, **sizes),
        members=members,
        image_shape=None,
        features=FEATURES,
        classes=CLASSES,
    )
    model.initialize([key(seed, "init") for seed in SEEDS[:members]])
    return model.double()


def data(examples: int = N) -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(8)
    x = torch.from_numpy(rng.standard_normal((MEMBERS, examples, FEATURES)))
    return x, torch.from_numpy(rng.integers(0, CLASSES, (MEMBERS, examples)))


def batches(updates: int = UPDATES, size: int = 4) -> Tensor:
    rng = np.random.default_rng(4)
    drawn = [[rng.permutation(N)[:size] for _ in range(MEMBERS)] for _ in range(updates)]
    return torch.from_numpy(np.array(drawn))


@pytest.mark.parametrize("loss", ["cross-entropy", "squared"])
def test_direct_sensitivity_is_the_gradient_of_each_examples_own_loss(loss):
    model, (x, y) = network("tanh"), data()
    ours = loss_sensitivity(model, x, y, loss)
    for i in range(N):
        leaf = x[:, i : i + 1].clone().requires_grad_(True)
        example_losses(loss, model(leaf), y[:, i : i + 1]).sum().backward()
        torch.testing.assert_close(ours[:, i], leaf.grad.abs().sum((1, 2)), rtol=1e-10, atol=1e-13)


def test_direct_sensitivity_of_shared_inputs_equals_that_of_copies():
    model, (x, y) = network(), data()
    copies = x[:1].expand(MEMBERS, -1, -1)
    torch.testing.assert_close(
        loss_sensitivity(model, x[:1], y), loss_sensitivity(model, copies, y)
    )


def test_sensitivity_of_a_fitted_example_keeps_its_digits_in_float32():
    model, (x, y) = network(name="linear"), data()
    with torch.no_grad():
        model.output.weight.mul_(30)
    y = model(x).argmax(-1)
    exact = loss_sensitivity(model, x, y)
    assert float(exact.min()) < 1e-7
    single = loss_sensitivity(model.float(), x.float(), y)
    torch.testing.assert_close(single.double(), exact, rtol=1e-4, atol=0.0)


@pytest.mark.parametrize("loss", ["cross-entropy", "squared"])
def test_class_matrix_is_the_loss_under_each_label_at_inputs_of_each_class(loss):
    model, (x, y) = network(), data()
    matrix = class_sensitivity(model, x, y, CLASSES, loss)
    for label in range(CLASSES):
        norms = loss_sensitivity(model, x, torch.full_like(y, label), loss)
        for m in range(MEMBERS):
            for of in range(CLASSES):
                expected = norms[m, y[m] == of].mean()
                assert float(matrix[m, label, of]) == pytest.approx(float(expected), rel=1e-10)


def test_off_diagonal_share_of_known_matrices():
    assert float(off_diagonal_share(torch.eye(4))) == 0.0
    assert float(off_diagonal_share(torch.ones(4, 4))) == pytest.approx(0.75)
    assert float(off_diagonal_share(1 - torch.eye(4))) == 1.0
    missing = torch.tensor([[3.0, torch.nan], [1.0, torch.nan]])
    assert float(off_diagonal_share(missing)) == pytest.approx(0.25)


def test_missing_class_is_nan_in_its_column_only():
    model, (x, _) = network(), data()
    matrix = class_sensitivity(model, x, torch.zeros(MEMBERS, N, dtype=torch.int64), CLASSES)
    assert bool(matrix[:, :, 1:].isnan().all())
    assert bool(matrix[:, :, 0].isfinite().all())


def trained_losses(
    model: StackedModel, x: Tensor, fixed: Tensor, y: Tensor, steps: Tensor, loss: str
) -> list[Tensor]:
    """L_t `[members, examples]` after each update, with autograd through the whole training."""
    weights, biases = ([*map(torch.Tensor.clone, part)] for part in model.perceptron())
    act = {"relu": torch.relu, "tanh": torch.tanh}[model.spec.activation]
    rows = torch.arange(len(y))[:, None]

    def losses(inputs: Tensor, labels: Tensor) -> Tensor:
        for w, b in zip(weights[:-1], biases[:-1], strict=True):
            inputs = act(inputs @ w + b)
        return example_losses(loss, inputs @ weights[-1] + biases[-1], labels)

    found = []
    for index in steps:
        total = losses(x[rows, index], y[rows, index]).mean(1).sum()
        slopes = torch.autograd.grad(total, [*weights, *biases], create_graph=True)
        rate = RATES[: len(y), None, None]
        half = len(weights)
        weights = [w - rate * g for w, g in zip(weights, slopes[:half], strict=True)]
        biases = [b - rate * g for b, g in zip(biases, slopes[half:], strict=True)]
        found.append(losses(fixed, y))
    return found


@pytest.mark.parametrize("loss", ["cross-entropy", "squared"])
def test_unrolled_sensitivity_equals_autograd_through_the_whole_training(loss):
    model, (x, y) = network("relu"), data()
    leaf = x.clone().requires_grad_(True)
    expected = torch.zeros(MEMBERS, N, dtype=torch.float64)
    for values in trained_losses(model, leaf, x, y, batches(), loss):
        (slope,) = torch.autograd.grad(values.mean(1).sum(), leaf, retain_graph=True)
        expected += slope.abs().sum(2) / UPDATES
    ours = unrolled_sensitivity(model, x, y, batches(), RATES, CLASSES, loss=loss).examples
    torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-14)
    assert float(ours.max()) > 1e-3


def test_unrolled_gradients_equal_finite_differences():
    model, (x, y) = network("tanh"), data()
    even = torch.full((1, MEMBERS, N), 1 / N, dtype=torch.float64)
    ours = unrolled_gradients(model, x, y, batches(), RATES, even, [2, UPDATES])[:, 0]
    step = 1e-5
    with torch.no_grad():
        start = {name: p.clone() for name, p in model.named_parameters()}
    for example, feature in ((0, 0), (3, 2), (7, 4), (11, 1)):
        ends = []
        for sign in (1, -1):
            moved = x.clone()
            moved[:, example, feature] += sign * step
            values = trained_losses(model, moved, x, y, batches(), "cross-entropy")
            ends.append(torch.stack([values[1].mean(1), values[UPDATES - 1].mean(1)]))
        numeric = (ends[0] - ends[1]) / (2 * step)
        torch.testing.assert_close(
            ours[:, :, example, feature], numeric.detach(), rtol=1e-6, atol=1e-10
        )
    for name, p in model.named_parameters():
        assert torch.equal(p, start[name])


def test_unrolled_class_matrix_is_by_class_of_loss_and_input():
    model, (x, y) = network("tanh"), data()
    matrix = unrolled_sensitivity(model, x, y, batches(), RATES, CLASSES, at=[3]).classes
    leaf = x.clone().requires_grad_(True)
    values = trained_losses(model, leaf, x, y, batches(), "cross-entropy")[2]
    for label in range(CLASSES):
        chosen = (y == label).double()
        loss = (values * chosen).sum(1) / chosen.sum(1)
        (slope,) = torch.autograd.grad(loss.sum(), leaf, retain_graph=True)
        norms = slope.abs().sum(2)
        for m in range(MEMBERS):
            for of in range(CLASSES):
                expected = norms[m, y[m] == of].mean()
                assert float(matrix[m, label, of]) == pytest.approx(float(expected), rel=1e-9)


def test_example_never_trained_on_has_no_unrolled_effect():
    model, (x, y) = network(), data()
    index = torch.arange(4).expand(UPDATES, MEMBERS, 4)
    ours = unrolled_sensitivity(model, x, y, index, 0.2, CLASSES).examples
    assert bool((ours[:, 4:] == 0).all())
    assert bool((ours[:, :4] > 0).all())


def test_what_is_averaged_until_a_moment_is_what_an_earlier_end_would_have_given():
    model, (x, y) = network(), data()
    at = [1, 3, UPDATES]
    whole = unrolled_sensitivity(model, x, y, batches(), RATES, CLASSES, at=at)
    until = unrolled_sensitivity(model, x, y, batches(), RATES, CLASSES, at=at[:2])
    torch.testing.assert_close(whole.examples_until[1], until.examples)
    torch.testing.assert_close(whole.classes_until[1], until.classes)
    values = trained_losses(model, x, x, y, batches(), "cross-entropy")
    expected = torch.stack([values[t - 1].mean(1) for t in at])
    torch.testing.assert_close(whole.losses, expected.detach())


def test_groups_of_t_change_nothing(monkeypatch):
    model, (x, y) = network(), data()
    whole = unrolled_sensitivity(model, x, y, batches(), RATES, CLASSES)
    monkeypatch.setattr("memlab.instruments.unrolled_sensitivity.BUDGET", 1)
    parts = unrolled_sensitivity(model, x, y, batches(), RATES, CLASSES)
    torch.testing.assert_close(parts.examples, whole.examples)
    torch.testing.assert_close(parts.classes, whole.classes)


def test_stack_of_three_equals_each_alone():
    model, (x, y) = network(), data()
    direct = loss_sensitivity(model, x, y)
    matrix = class_sensitivity(model, x, y, CLASSES)
    unrolled = unrolled_sensitivity(model, x, y, batches(), RATES, CLASSES).examples
    for m in range(MEMBERS):
        one, part = model.select([m]), slice(m, m + 1)
        steps = batches()[:, part]
        torch.testing.assert_close(loss_sensitivity(one, x[part], y[part])[0], direct[m])
        torch.testing.assert_close(class_sensitivity(one, x[part], y[part], CLASSES)[0], matrix[m])
        alone = unrolled_sensitivity(one, x[part], y[part], steps, RATES[part], CLASSES)
        torch.testing.assert_close(alone.examples[0], unrolled[m])


def test_batches_are_epochs_in_which_each_example_comes_once():
    drawn = draw_batches([key(seed, "batches") for seed in SEEDS], examples=10, updates=7, size=3)
    assert drawn.shape == (7, MEMBERS, 3)
    for member in range(MEMBERS):
        for epoch in (drawn[:3, member], drawn[3:6, member]):
            assert len(epoch.unique()) == 9
    assert not torch.equal(drawn[:, 0], drawn[:, 1])


def test_unrolled_sensitivity_refuses_what_it_does_not_cover():
    model = build(
        ModelSpec(name="mlp", width=8, depth=1, normalization="batch"),
        members=MEMBERS,
        image_shape=None,
        features=FEATURES,
        classes=CLASSES,
    )
    x, y = data()
    with pytest.raises(NoPerceptron, match="is not a plain perceptron"):
        unrolled_sensitivity(model, x.float(), y, batches(), 0.1, CLASSES)
    with pytest.raises(ValueError, match="4"):
        unrolled_sensitivity(network(), x, y, batches(), 0.1, CLASSES, at=[5])


def test_gini_closed_forms():
    n = 1000
    assert float(gini(torch.full((n,), 3.0))) == pytest.approx(0.0, abs=1e-12)
    assert float(gini(torch.nn.functional.one_hot(torch.tensor(7), n))) == pytest.approx(1 - 1 / n)
    grid = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    assert float(gini(-torch.log1p(-grid))) == pytest.approx(0.5, abs=2e-3)
    assert float(gini(grid.flip(0))) == pytest.approx(1 / 3, abs=1e-3)
    assert bool(gini(torch.zeros(2, n)).isnan().all())


def test_gini_is_half_the_relative_mean_difference():
    values = torch.rand(4, 30, generator=torch.Generator().manual_seed(1)).double()
    differences = (values[:, :, None] - values[:, None]).abs().mean((1, 2))
    torch.testing.assert_close(gini(values), differences / (2 * values.mean(1)))
    torch.testing.assert_close(gini(5 * values), gini(values))


def test_bootstrap_interval_is_that_of_explicit_resampling():
    values = torch.from_numpy(np.random.default_rng(2).exponential(size=(1, 40)))
    ours = gini_interval(values, [5], counter=3, resamples=200)
    drawn = key(5, "gini", 3).integers(0, 40, (200, 40))
    explicit = gini(values[0].sort().values[torch.from_numpy(drawn)])
    low, high = np.quantile(explicit.numpy(), [0.025, 0.975])
    assert float(ours.low) == pytest.approx(low, rel=1e-10)
    assert float(ours.high) == pytest.approx(high, rel=1e-10)
    assert float(ours.low) < float(ours.value) < float(ours.high)


def test_bootstrap_interval_covers_the_true_gini_about_as_often_as_it_says():
    values = torch.from_numpy(np.random.default_rng(6).uniform(size=(200, 100)))
    interval = gini_interval(values, range(200), resamples=300)
    inside = (interval.low <= 1 / 3) & (interval.high >= 1 / 3)
    assert 0.88 <= float(inside.double().mean()) <= 0.99


def test_bootstrap_is_keyed_by_member_and_counter(monkeypatch):
    values = torch.rand(3, 50, generator=torch.Generator().manual_seed(3))
    first = gini_interval(values, [4, 5, 6], counter=1)
    alone = gini_interval(values[1:2], [5], counter=1)
    assert float(alone.low) == float(first.low[1])
    assert not torch.equal(gini_interval(values, [4, 5, 6], counter=2).low, first.low)
    monkeypatch.setattr("memlab.instruments.gini.CHUNK", 50 * 1000)
    torch.testing.assert_close(gini_interval(values, [4, 5, 6], counter=1).high, first.high)


def test_networks_too_large_for_all_their_parameters_are_refused_in_a_sentence(monkeypatch):
    monkeypatch.setattr(unrolled, "MOST_FLOATS", 1000)
    model = build(
        ModelSpec(name="mlp", width=8), members=2, image_shape=None, features=5, classes=3
    )
    model.initialize([np.random.default_rng(m) for m in range(2)])
    x, y = torch.randn(1, 6, 5), torch.zeros(2, 6, dtype=torch.int64)
    batches = torch.zeros(40, 2, 3, dtype=torch.int64)
    with pytest.raises(unrolled.TooLarge, match="for fewer updates"):
        unrolled.unrolled_sensitivity(model, x, y, batches, 0.1, 3)
