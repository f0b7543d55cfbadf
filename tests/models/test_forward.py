"""A stack is its members: forward and backward against each alone and against PyTorch's layers."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from memlab.experiment.material_spec import ModelSpec
from memlab.models import StackedModel, build
from memlab.models.layers import StackedLayer, StackedLinear

from . import references

MEMBERS, BATCH, CLASSES = 3, 6, 5
Case = tuple[ModelSpec, Callable[[], nn.Module]]


def case(reference: Callable[[str], nn.Module], own: str, **fields: object) -> Case:
    spec = ModelSpec(**fields)
    return spec, lambda: reference(spec.normalization or own)


def _mlp(kind: str) -> nn.Module:
    return references.mlp(kind, 192, 7, 3, CLASSES)


def _inception(kind: str) -> nn.Module:
    return references.inception(kind, 1, CLASSES)


def _resnet(kind: str) -> nn.Module:
    return references.resnet20(kind, 4, CLASSES)


def _wide(kind: str) -> nn.Module:
    return references.wide_resnet(kind, 8, CLASSES)


def _cnn(kind: str) -> nn.Module:
    return references.two_stages(kind, False, 6, 8, CLASSES)


def _alexnet(kind: str) -> nn.Module:
    return references.two_stages(kind, True, 6, 8, CLASSES)


CASES = [
    case(lambda _: nn.Sequential(nn.Flatten(), nn.Linear(192, CLASSES)), "none", name="linear"),
    case(_mlp, "none", name="mlp", width=7, depth=3),
    case(_mlp, "none", name="mlp", width=7, depth=3, normalization="batch"),
    case(_mlp, "none", name="mlp", width=7, depth=3, normalization="layer"),
    case(_cnn, "batch", name="cnn", width=6),
    case(_cnn, "batch", name="cnn", width=6, normalization="none"),
    case(_alexnet, "none", name="alexnet-small", width=6),
    case(_inception, "batch", name="inception-small", width=12),
    case(_inception, "batch", name="inception-small", width=12, normalization="none"),
    case(_resnet, "batch", name="resnet20", width=4),
    case(_resnet, "batch", name="resnet20", width=4, normalization="none"),
    case(_resnet, "batch", name="resnet20", width=4, normalization="layer"),
    case(_wide, "batch", name="wrn16-4", width=8),
    case(_wide, "batch", name="wrn16-4", width=8, normalization="none"),
]
all_cases = pytest.mark.parametrize(
    "made", CASES, ids=[f"{spec.name}-{spec.normalization or 'own'}" for spec, _ in CASES]
)


class NoNoise:
    """Training mode with all strengths 0."""

    def dropout(self, site: str, x: Tensor) -> Tensor:
        return x

    hidden_gaussian = dropout

    def input_dropout(self, x: Tensor) -> Tensor:
        return x

    input_gaussian = input_dropout


class SeededNoise:
    """Noise drawn for each member by (seed, kind, site); notes the sites."""

    def __init__(self, seeds: list[int]) -> None:
        self.seeds, self.sites = seeds, []

    def _draws(self, kind: str, x: Tensor) -> Tensor:
        self.sites.append(kind)
        return torch.stack(
            [
                torch.from_numpy(
                    np.random.default_rng([seed, zlib.crc32(kind.encode())]).random(x.shape[1:])
                )
                for seed in self.seeds
            ]
        )

    def dropout(self, site: str, x: Tensor) -> Tensor:
        return x * (self._draws(f"drop {site}", x) > 0.2)

    def hidden_gaussian(self, site: str, x: Tensor) -> Tensor:
        return x + self._draws(f"add {site}", x)

    def input_dropout(self, x: Tensor) -> Tensor:
        return self.dropout("input", x)

    def input_gaussian(self, x: Tensor) -> Tensor:
        return self.hidden_gaussian("input", x)


def close(a: Tensor, b: Tensor, message: str = "") -> None:
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10, msg=lambda m: f"{message}\n{m}")


def stack_of(spec: ModelSpec) -> StackedModel:
    """Three members, float64, with scales, shifts and running statistics that are not trivial."""
    model = build(spec, members=MEMBERS, image_shape=(3, 8, 8), features=192, classes=CLASSES)
    model.initialize([np.random.default_rng(seed) for seed in range(MEMBERS)])
    model = model.double()
    torch.manual_seed(0)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if "norm" in name:
                tensor.uniform_(0.5, 1.5)
    return model


def inputs(members: int = MEMBERS) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(members, BATCH, 3, 8, 8, dtype=torch.float64, generator=generator)


def pairs(model: StackedModel, member: int, reference: nn.Module) -> list[tuple[Tensor, Tensor]]:
    """A member's parameters and buffers beside the reference's."""
    mine = [m for m in model.modules() if isinstance(m, StackedLayer)]
    kinds = (nn.Linear, nn.Conv2d, nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm)
    theirs = [m for m in reference.modules() if isinstance(m, kinds)]
    found = []
    for a, b in zip(mine, theirs, strict=True):
        for name, tensor in {**dict(a.named_parameters()), **dict(a.named_buffers())}.items():
            found.append((tensor, getattr(b, name)))
    assert all(own.shape[0] > member for own, _ in found)
    return found


def as_reference(own: Tensor, member: int, theirs: Tensor) -> Tensor:
    part = own[member]
    if theirs.dim() == 2 and part.dim() == 2:
        return part.T
    return part.reshape(theirs.shape)


def reference_of(model: StackedModel, member: int, make: Callable[[], nn.Module]) -> nn.Module:
    reference = make().double()
    with torch.no_grad():
        for own, theirs in pairs(model, member, reference):
            theirs.copy_(as_reference(own, member, theirs))
    return reference


@all_cases
@pytest.mark.parametrize("training", [True, False])
def test_logits_gradients_and_statistics_equal_pytorchs(made, training):
    spec, make = made
    model, x = stack_of(spec), inputs()
    own = [reference_of(model, m, make).train(training) for m in range(MEMBERS)]
    logits = model(x, NoNoise() if training else None)
    assert logits.shape == (MEMBERS, BATCH, CLASSES)
    weights = torch.randn_like(logits)
    (logits * weights).sum().backward()
    for m, network in enumerate(own):
        theirs = network(x[m])
        close(logits[m], theirs)
        (theirs * weights[m]).sum().backward()
        for mine, yours in pairs(model, m, network):
            if mine.grad is not None:
                close(as_reference(mine.grad, m, yours), yours.grad)
            else:
                close(mine[m], yours)


@all_cases
def test_a_member_in_a_stack_is_the_member_alone_with_its_own_noise(made):
    spec, _ = made
    model, x = stack_of(spec), inputs()
    alone = [model.select([m]) for m in range(MEMBERS)]
    logits = model(x, SeededNoise([4, 5, 6]))
    gradients = torch.autograd.grad(logits.square().sum(), list(model.parameters()))
    for m, single in enumerate(alone):
        own = single(x[m : m + 1], SeededNoise([4 + m]))
        close(logits[m], own[0])
        own_gradients = torch.autograd.grad(own.square().sum(), list(single.parameters()))
        for a, b in zip(gradients, own_gradients, strict=True):
            close(a[m], b[0])
        for a, b in zip(model.buffers(), single.buffers(), strict=True):
            close(a[m], b[0])


@all_cases
def test_shared_inputs_are_evaluated_as_if_every_member_had_a_copy(made):
    model, x = stack_of(made[0]), inputs(1)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with torch.no_grad():
        close(model(x), model(x.expand(MEMBERS, *x.shape[1:]).contiguous()))
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())


@all_cases
def test_every_noise_site_is_visited_once_gaussian_before_dropout(made):
    spec, _ = made
    noise = SeededNoise([1, 2, 3])
    stack_of(spec)(inputs(), noise)
    hidden = {"linear": 0, "mlp": 3, "inception-small": 3, "resnet20": 9, "wrn16-4": 6}
    expected = ["drop input", "add input"]
    for site in range(hidden.get(spec.name, 4)):
        expected += [f"add hidden{site}", f"drop hidden{site}"]
    assert noise.sites == expected


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "sigmoid"])
@pytest.mark.parametrize("name", ["mlp", "resnet20", "wrn16-4"])
def test_activations_are_as_named_and_have_right_gradients(name, activation):
    spec = ModelSpec(name=name, width=4, activation=activation, normalization="none")
    model = stack_of(spec)
    x = inputs()[:, :2].requires_grad_(True)
    if name == "mlp":
        h = x.flatten(2)
        for layer in [m for m in model.modules() if isinstance(m, StackedLinear)]:
            close(layer(h), layer(h))
            out = layer(h)
            h = getattr(nn.functional, activation)(out) if layer is not model.output else out
        close(model(x), h)
    direction = torch.randn_like(x)
    (slope,) = torch.autograd.grad(model(x).sum(), x)
    step = 1e-6
    with torch.no_grad():
        change = (model(x + step * direction) - model(x - step * direction)).sum() / (2 * step)
    torch.testing.assert_close((slope * direction).sum(), change, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 5, 9), (1, 28, 28)])
@pytest.mark.parametrize(
    "name", ["mlp", "cnn", "alexnet-small", "inception-small", "resnet20", "wrn16-4"]
)
def test_images_of_any_size_give_finite_logits_and_gradients(name, shape):
    features = int(np.prod(shape))
    spec = ModelSpec(name=name, width=8, ghost_batch=2 if name == "cnn" else None)
    model = build(spec, members=2, image_shape=shape, features=features, classes=CLASSES)
    model.initialize([np.random.default_rng(seed) for seed in range(2)])
    logits = model(torch.randn(2, 4, *shape), NoNoise())
    assert logits.shape == (2, 4, CLASSES)
    gradients = torch.autograd.grad(logits.square().sum(), list(model.parameters()))
    assert all(torch.isfinite(g).all() for g in gradients)


def test_flat_inputs_and_images_are_the_same_to_a_perceptron():
    model = stack_of(ModelSpec(name="mlp", width=7))
    assert torch.equal(model(inputs()), model(inputs().flatten(2)))
