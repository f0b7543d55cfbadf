"""Probes against scikit-learn's ridge; activations against the layers themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge as SklearnRidge
from torch import Tensor

from memlab.experiment.keys import key
from memlab.experiment.material_spec import ModelSpec
from memlab.instruments.probes import (
    ProbeLabels,
    Ridge,
    input_features,
    probe,
    probe_layers,
)
from memlab.instruments.representation import activations, hidden_layers, untrained
from memlab.models import Noise, StackedModel, build
from memlab.models.layers import StackedLinear
from memlab.models.stacked import Shape

torch.set_num_threads(1)
MEMBERS, CLASSES = 3, 4


def network(name: str, **sizes: object) -> StackedModel:
    model = build(
        ModelSpec(name=name, **sizes),
        members=MEMBERS,
        image_shape=(1, 16, 16),
        features=256,
        classes=CLASSES,
    )
    model.initialize([key(seed, "init") for seed in range(MEMBERS)])
    return model


def images(n: int, members: int = MEMBERS) -> Tensor:
    drawn = np.random.default_rng(n).standard_normal((members, n, 1, 16, 16))
    return torch.from_numpy(drawn.astype(np.float32))


def problem(n: int, features: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training and validation features and labels with a linear signal and noise."""
    rng = np.random.default_rng(9)
    direction = rng.standard_normal((MEMBERS, features, CLASSES)) / np.sqrt(features)
    x = rng.standard_normal((MEMBERS, n + 80, features)) + 2.0
    y = ((x - 2.0) @ direction + 0.5 * rng.standard_normal((MEMBERS, n + 80, CLASSES))).argmax(-1)
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    return x[:, :n], y[:, :n], x[:, n:], y[:, n:]


@pytest.mark.parametrize(("n", "features"), [(100, 12), (30, 70), (25, 25)])
@pytest.mark.parametrize("penalty", [1e-3, 1.0, 50.0])
def test_probe_equals_scikit_learns_ridge(n, features, penalty):
    x, y, other, _ = problem(n, features)
    probe = Ridge.of(x).solve(y, CLASSES, torch.full((MEMBERS,), penalty, dtype=torch.float64))
    for m in range(MEMBERS):
        reference = SklearnRidge(alpha=penalty).fit(x[m].numpy(), np.eye(CLASSES)[y[m].numpy()])
        assert probe.weight[m].T.numpy() == pytest.approx(reference.coef_, rel=1e-6, abs=1e-9)
        expected = reference.predict(other[m].numpy())
        assert probe.scores(other)[m].numpy() == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("n", "features"), [(100, 12), (40, 70)])
def test_penalty_is_the_one_of_best_validation_accuracy(n, features):
    x, y, other, labels = problem(n, features)
    penalties = (1e-4, 1e-2, 0.1, 1.0, 10.0, 1e3)
    chosen = Ridge.of(x).choose(y, CLASSES, other, labels, penalties)
    for m in range(MEMBERS):
        centred = (x[m] - x[m].mean(0)).numpy()
        scale = (centred**2).sum() / features
        accuracies = {}
        for relative in penalties:
            model = SklearnRidge(alpha=relative * scale)
            model.fit(x[m].numpy(), np.eye(CLASSES)[y[m].numpy()])
            right = model.predict(other[m].numpy()).argmax(1) == labels[m].numpy()
            accuracies[relative] = right.mean()
        best = max(accuracies.values())
        largest = max(r for r, a in accuracies.items() if a == best)
        assert float(chosen.penalty[m]) == pytest.approx(largest * scale)
        assert float(chosen.accuracy(other, labels)[m]) == pytest.approx(best)
        assert len(set(accuracies.values())) > 1


def test_probe_of_a_dead_layer_predicts_the_most_frequent_class():
    _, y, other, labels = problem(50, 6)
    y[:, :30] = 2
    dead = torch.ones(MEMBERS, 50, 6)
    chosen = Ridge.of(dead).choose(y, CLASSES, other * 0 + 1, labels)
    assert bool((chosen.scores(dead).argmax(-1) == 2).all())


def test_probe_of_given_labels_repeats_lies_and_both_are_judged_on_the_same_test_labels():
    rng = np.random.default_rng(3)
    x, y, other, labels = problem(60, 100)
    given = torch.from_numpy(rng.integers(0, CLASSES, y.shape))
    known = ProbeLabels(y, given, labels[:, :40], labels[:, 40:])
    found = probe(x, other[:, :40], other[:, 40:], known, CLASSES, (1e-9,))
    assert float(found.repeated.min()) == 1.0
    assert float(found.true.mean()) > float(found.given.mean()) + 0.05
    expected = Ridge.of(x).choose(y, CLASSES, other[:, :40], labels[:, :40], (1e-9,))
    torch.testing.assert_close(found.true, expected.accuracy(other[:, 40:], labels[:, 40:]))


def test_layers_inputs_and_random_features_go_through_one_door():
    model = network("mlp", width=20, depth=2)
    x = images(120, 1)
    y = torch.from_numpy(np.random.default_rng(1).integers(0, CLASSES, (MEMBERS, 120)))
    labels = ProbeLabels(y[:, :60], y[:, :60], y[:, 60:90], y[:, 90:])
    parts = [x[:, :60], x[:, 60:90], x[:, 90:]]
    for network_ in (model, untrained(model, [5, 6, 7])):
        layers = [activations(network_, part) for part in parts]
        found = probe_layers(*layers, labels, CLASSES)
        assert list(found) == ["hidden.0", "hidden.1"]
        assert found["hidden.1"].true.shape == (MEMBERS,)
    on_inputs = probe(*input_features(parts, MEMBERS), labels, CLASSES)
    assert on_inputs.true.shape == (MEMBERS,)


def test_stack_of_three_equals_each_alone():
    x, y, other, labels = problem(40, 70)
    known = ProbeLabels(y, y.flip(1), labels, labels)
    together = probe(x, other, other, known, CLASSES)
    for m in range(MEMBERS):
        part = slice(m, m + 1)
        own = ProbeLabels(*(t[part] for t in (known.true, known.given, labels, labels)))
        alone = probe(x[part], other[part], other[part], own, CLASSES)
        torch.testing.assert_close(alone.true[0], together.true[m])
        torch.testing.assert_close(alone.given[0], together.given[m])


LAYERS = {
    "linear": ({}, []),
    "mlp": ({"width": 7, "depth": 3}, ["hidden.0", "hidden.1", "hidden.2"]),
    "cnn": ({"width": 4}, ["stages.0", "stages.1", "dense.0", "dense.1"]),
    "alexnet-small": ({"width": 4}, ["stages.0", "stages.1", "dense.0", "dense.1"]),
    "inception-small": ({"width": 8}, ["first", *(f"blocks.{i}" for i in range(10))]),
    "resnet20": ({"width": 4}, ["first", *(f"blocks.{i}" for i in range(9))]),
    "wrn16-4": ({"width": 4}, ["first", *(f"blocks.{i}" for i in range(6)), "last"]),
}


@pytest.mark.parametrize("name", LAYERS)
def test_activations_of_every_architecture(name):
    sizes, expected = LAYERS[name]
    model = network(name, **sizes)
    x = images(9, 1)
    found = activations(model, x, chunk=4)
    assert list(found) == expected == list(hidden_layers(model))
    for values in found.values():
        assert values.shape[:2] == (MEMBERS, 9)
        assert values.dim() == 3
    for m in range(MEMBERS):
        for layer, values in activations(model.select([m]), x).items():
            torch.testing.assert_close(values[0], found[layer][m], rtol=1e-4, atol=1e-5)
    assert not any(layer._forward_hooks for layer in hidden_layers(model).values())


def test_activations_are_what_the_layers_compute():
    mlp, x = network("mlp", width=7, depth=2), images(5)
    first, second = (layer.linear for layer in mlp.hidden)
    inner = torch.relu(x.flatten(2) @ first.weight + first.bias)
    found = activations(mlp, x)
    torch.testing.assert_close(found["hidden.0"], inner)
    torch.testing.assert_close(found["hidden.1"], torch.relu(inner @ second.weight + second.bias))
    resnet = network("resnet20", width=4, normalization="none")
    conv = resnet.first.conv
    found = activations(resnet, x)["first"]
    for m in range(MEMBERS):
        maps = torch.nn.functional.conv2d(x[m], conv.weight[m], conv.bias[m], padding=1)
        torch.testing.assert_close(found[m], maps.mean((2, 3)), rtol=1e-4, atol=1e-6)


class Overwriting(StackedModel):
    """A model that applies its activation over what its layer returned."""

    def __init__(self, spec: ModelSpec, members: int, shape: Shape) -> None:
        super().__init__(spec, members, shape)
        self.first = StackedLinear(members, shape.features, 5)
        self.output = StackedLinear(members, 5, shape.classes)

    def forward(self, x: Tensor, noise: Noise | None = None) -> Tensor:
        return self.output(torch.relu_(self.first(x)))


def test_activations_are_not_overwritten_by_what_follows():
    model = Overwriting(ModelSpec(name="mlp"), MEMBERS, Shape(None, 6, CLASSES))
    model.initialize([key(seed, "init") for seed in range(MEMBERS)])
    x = problem(20, 6)[0].float()
    torch.testing.assert_close(activations(model, x)["first"], model.first(x).detach())


def test_untrained_network_is_keyed_and_not_where_training_started():
    model = network("mlp", width=7, depth=2)
    first, again = untrained(model, [0, 1, 2]), untrained(model, [0, 1, 2])
    weight = first.hidden[0].linear.weight
    assert torch.equal(weight, again.hidden[0].linear.weight)
    assert not torch.equal(weight, model.hidden[0].linear.weight)
    assert float(weight.detach().abs().max()) <= 1 / 16
