"""Instruments on a stack of ordinary modules find what they find on the built-in network."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from memlab.experiment.architecture import resolve
from memlab.experiment.keys import key
from memlab.experiment.material_spec import ModelSpec
from memlab.instruments.ggn_product import ggn_product
from memlab.instruments.hessian_product import hessian_product, mean_gradient
from memlab.instruments.parameter_vectors import join_vectors
from memlab.instruments.representation import activations, untrained
from memlab.models import build
from memlab.models.module_stack import ModuleStack
from memlab.models.stacked import Shape, StackedModel

SHAPE = Shape(None, 6, 3)


def pair(way: str) -> tuple[ModuleStack, StackedModel]:
    """Three networks as modules, and the same as the built-in mlp, in float64."""
    spec = resolve(ModelSpec(name="mlp", width=5, depth=2, activation="tanh"))
    theirs = build(spec, members=3, image_shape=None, features=6, classes=3).double()
    theirs.initialize([key(seed, "init") for seed in range(3)])
    modules = []
    for m in range(3):
        layers: list[nn.Module] = []
        for weight, bias in zip(*theirs.perceptron(), strict=True):
            layer = nn.Linear(*weight.shape[1:]).double()
            with torch.no_grad():
                layer.weight.copy_(weight[m].T)
                layer.bias.copy_(bias[m, 0])
            layers += [layer, nn.Tanh()]
        modules.append(nn.Sequential(*layers[:-1]))
    return ModuleStack.of(modules, SHAPE, way=way), theirs  # type: ignore[arg-type]


def transposed(vectors: torch.Tensor, model: StackedModel) -> torch.Tensor:
    """Vectors over the built-in parameters in the modules' order and layout."""
    parts, at = [], 0
    for parameter in model.parameters():
        count = parameter[0].numel()
        part = vectors[:, at : at + count].view(-1, *parameter.shape[1:])
        parts.append(part.mT if parameter.shape[1] > 1 else part)
        at += count
    return join_vectors(tuple(part.contiguous() for part in parts))


@pytest.mark.parametrize("way", ["vmap", "one-by-one"])
@pytest.mark.parametrize("chunk", [4, 64])
def test_curvature_products_and_gradients_are_those_of_the_built_in_network(way, chunk):
    ours, theirs = pair(way)
    x, y = torch.randn(1, 20, 6).double(), torch.randint(0, 3, (3, 20))
    vectors = torch.randn(3, sum(p[0].numel() for p in theirs.parameters())).double()
    turned = transposed(vectors, theirs)
    for make in (hessian_product, ggn_product):
        expected = transposed(make(theirs, x, y, chunk=chunk)(vectors), theirs)
        product = make(ours, x, y, chunk=chunk)
        torch.testing.assert_close(product(turned), expected, rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(
            product.select([2])(turned[2:]), expected[2:], rtol=1e-9, atol=1e-12
        )
    torch.testing.assert_close(
        mean_gradient(ours, x, y), transposed(mean_gradient(theirs, x, y), theirs)
    )


def test_hidden_layers_are_what_the_built_in_network_has():
    ours, theirs = pair("vmap")
    x = torch.randn(3, 9, 6).double()
    found, expected = activations(ours, x, 4), activations(theirs, x, 4)
    assert [*found] == ["0", "2"]
    for mine, other in zip(found.values(), expected.values(), strict=True):
        torch.testing.assert_close(mine, other)


def test_layers_of_blocks_maps_and_sequences():
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.inner(x)

    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(1, 4, 3)
            self.norm, self.act = nn.BatchNorm2d(4), nn.ReLU(inplace=True)
            self.blocks = nn.Sequential(Block(), Block())
            self.encoder = nn.LSTM(4, 5, batch_first=True)
            self.head = nn.Linear(5, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.blocks(self.act(self.norm(self.stem(x))))
            return self.head(self.encoder(x.flatten(2).mT)[0][:, -1])

    module = Whole().eval()
    x = torch.randn(1, 7, 1, 6, 6)
    found = activations(ModuleStack.of([module], Shape((1, 6, 6), 36, 3)), x, 3)
    assert {name: tuple(t.shape) for name, t in found.items()} == {
        "stem": (1, 7, 4),
        "blocks.0": (1, 7, 4),
        "blocks.1": (1, 7, 4),
        "encoder": (1, 7, 5),
    }
    stem = module.act(module.norm(module.stem(x[0])))
    torch.testing.assert_close(found["stem"][0], stem.mean((2, 3)))


def test_an_untrained_network_is_made_anew_where_it_is_known_how():
    def make() -> nn.Module:
        return nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))

    stack = ModuleStack.of([make(), make()], SHAPE, make=make)
    fresh, again = untrained(stack, [0, 1]), untrained(stack, [0, 1])
    x = torch.randn(1, 4, 6)
    assert torch.equal(fresh(x), again(x))
    assert not torch.equal(fresh(x), stack(x))
