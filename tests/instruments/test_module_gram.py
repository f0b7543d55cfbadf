"""The Gram matrix of ordinary modules against explicit per-example gradients."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from memlab.instruments import (
    example_gradients,
    gram_convolution,
    module_gram,
    module_plan,
    module_rules,
)
from memlab.instruments.gram import gram
from memlab.instruments.module_plan import Dependent, Trial
from memlab.instruments.taps import UncoveredLayer
from memlab.instruments.undisturbed import bare_copy, undisturbed
from memlab.models.module_stack import ModuleStack
from memlab.models.stacked import Shape
from tests.instruments.module_cases import CASES, CLASSES, Case, Scaled, explicit

#: Layers and parameters that get per-example gradients: all others have a rule.
WITHOUT_RULE = {
    "twice": {"layer"},
    "tied": {"table"},
    "gru": {"gru"},
    "gated": {"weight"},
    "derived": {"0"},
}
EXAMPLES = 5


def stack(*networks: nn.Module) -> ModuleStack:
    return ModuleStack.of(networks, Shape(None, 1, CLASSES), way="one-by-one")


def gram_of(network: nn.Module, x: Tensor, y: Tensor, loss: str = "cross-entropy"):  # type: ignore[no-untyped-def]
    return gram(stack(network), x[None], y[None], loss, per_layer=True)


def assert_close(found: Tensor, expected: Tensor, tolerance: float = 1e-10) -> None:
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= tolerance * expected.abs().max()


def assert_layers(parts: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    for layer, part in parts.items():
        inside = [
            p for name, p in expected.items() if name == layer or name.rpartition(".")[0] == layer
        ]
        assert_close(part[0], sum(inside))
    assert_close(sum(part[0] for part in parts.values()), sum(expected.values()))


@pytest.mark.parametrize("name", CASES)
def test_gram_is_the_product_of_explicit_gradients_layer_by_layer(name: str) -> None:
    network = CASES[name].network().eval()
    x, y = CASES[name].data(EXAMPLES)
    for loss in ("cross-entropy", "squared"):
        expected = explicit(network, x, y, loss == "squared")
        assert_layers(gram_of(network, x, y, loss), expected)


@pytest.mark.parametrize("name", CASES)
def test_layers_with_a_rule_are_taken_by_it(name: str) -> None:
    network = bare_copy(CASES[name].network())
    with undisturbed(torch.device("cpu")):
        plan = Trial(network, CASES[name].data(EXAMPLES)[0]).plan()
    assert set(plan.rest) == WITHOUT_RULE.get(name, set())


@pytest.mark.parametrize("name", ["convolutions", "text", "lstm", "gru", "gated", "attention"])
def test_little_memory_changes_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = CASES[name].network().eval()
    x, y = CASES[name].data(EXAMPLES)
    expected = gram_of(network, x, y)
    largest = max(p.numel() for p in network.parameters())
    monkeypatch.setattr(module_gram, "KEPT_AT_ONCE", 1)
    monkeypatch.setattr(example_gradients, "NUMBERS_AT_ONCE", 3 * max(largest, 700))
    monkeypatch.setattr(module_gram, "NUMBERS_AT_ONCE", 1)
    for module in (module_rules, gram_convolution):
        monkeypatch.setattr(module, "ELEMENTS_AT_ONCE", 1)
        monkeypatch.setattr(module, "ELEMENTS_IN_CACHE", 1)
    for layer, part in gram_of(network, x, y).items():
        assert_close(part, expected[layer], 1e-12)


@pytest.mark.parametrize("formed", [True, False])
def test_both_ways_through_tokens_are_exact(formed: bool) -> None:
    a, d = torch.randn(4, 3, 5, dtype=torch.float64), torch.randn(4, 3, 2, dtype=torch.float64)
    gradients = (d.mT @ a).flatten(1)
    way = module_rules._formed if formed else module_rules._pairs
    assert_close(way(a, d), gradients @ gradients.T, 1e-13)


def test_members_are_networks_of_their_own_and_inputs_too() -> None:
    networks = [CASES["convolutions"].network().eval() for _ in range(2)]
    with torch.no_grad():
        networks[1][0].weight.mul_(1.5)
    x, y = CASES["convolutions"].data(2 * EXAMPLES)
    each, labels = x.unflatten(0, (2, -1)), y.unflatten(0, (2, -1))
    found = gram(stack(*networks), each, labels, "cross-entropy")
    for m in range(2):
        assert_close(found[m], sum(explicit(networks[m], each[m], labels[m]).values()))


def state_of(network: nn.Module) -> list[object]:
    return [
        [(name, t.data_ptr(), t.requires_grad, t.grad) for name, t in network.named_parameters()],
        [(name, t.data_ptr()) for name, t in network.named_buffers()],
        [(m.training, len(m._forward_hooks), "forward" in vars(m)) for m in network.modules()],
        torch.backends.mha.get_fastpath_enabled(),
        torch.is_autocast_enabled("cpu"),
    ]


@pytest.mark.parametrize("name", ["convolutions", "text", "lstm"])
def test_the_network_stays_as_it_is(name: str) -> None:
    network = CASES[name].network().train()
    network.register_forward_hook(lambda *_: pytest.fail("a hook of the user's is called"))
    x, y = CASES[name].data(EXAMPLES)
    before, values = state_of(network), {n: t.clone() for n, t in network.state_dict().items()}
    drawn = [torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()]
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        inside = gram_of(network, x, y)
    assert all(part.dtype == torch.float64 for part in inside.values())
    assert state_of(network) == before
    assert all(torch.equal(values[n], t) for n, t in network.state_dict().items())
    assert torch.equal(drawn[0], torch.get_rng_state())
    assert drawn[1] == random.getstate()
    assert np.array_equal(drawn[2], np.random.get_state()[1])


def test_frozen_parameters_are_left_out() -> None:
    network = CASES["linear-and-norms"].network().eval()
    x, y = CASES["linear-and-norms"].data(EXAMPLES)
    network[0].requires_grad_(False)
    network[3].requires_grad_(False)
    parts = gram_of(network, x, y)
    assert "0" not in parts
    assert_layers(parts, explicit(network, x, y))


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(4, CLASSES)
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.calls.add_(1)
        return self.out(x)


def test_buffers_that_a_network_writes_into_are_not_the_users() -> None:
    network = Counting().double()
    x, y = Case(Counting, (4,)).data(EXAMPLES)
    gram_of(network, x, y)
    assert float(network.calls) == 0


class Mixing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(4, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(x - x.mean(0))


@pytest.mark.parametrize(
    ("network", "named"),
    [
        (Mixing(), "others are beside it"),
        (nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3, track_running_stats=False)), "layer 1"),
    ],
)
def test_examples_that_depend_on_each_other_are_an_error(network: nn.Module, named: str) -> None:
    x, y = Case(Mixing, (4,)).data(EXAMPLES)
    with pytest.raises(Dependent, match=named):
        gram_of(network.double(), x, y)


def test_a_layer_without_any_way_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    network = CASES["gru"].network()
    x, y = CASES["gru"].data(EXAMPLES)
    monkeypatch.setattr(example_gradients, "NUMBERS_AT_ONCE", 10)
    with pytest.raises(UncoveredLayer, match=r"layer gru \(GRU\).*two gradients"):
        gram_of(network, x, y)


class Sometimes(nn.Module):
    """A layer that most examples do not go through."""

    def __init__(self) -> None:
        super().__init__()
        self.usual, self.rare = nn.Linear(4, CLASSES), nn.Linear(4, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        rare = x[:, 0] > 10
        if not bool(rare.any()):
            return self.usual(x)
        return torch.where(rare[:, None], self.rare(x), self.usual(x))


def test_a_layer_that_is_first_used_later_is_found() -> None:
    network = Sometimes().double()
    x, y = Case(Sometimes, (4,)).data(8)
    x[6, 0] = 11.0
    assert_layers(gram_of(network, x, y), explicit(network, x, y))


def test_few_examples_are_tried_once_for_a_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    plan = module_plan.Trial.plan

    def counted(self: Trial) -> object:
        made.append(1)
        return plan(self)

    monkeypatch.setattr(module_plan.Trial, "plan", counted)
    model = stack(CASES["tokens"].network())
    x, y = CASES["tokens"].data(EXAMPLES)
    first = gram(model, x[None], y[None], "cross-entropy")
    assert torch.equal(first, gram(model, x[None], y[None], "cross-entropy"))
    assert len(made) == 1


class Silent(nn.Module):
    """A residual branch that does nothing at first, with a layer of a derived type in it."""

    def __init__(self) -> None:
        super().__init__()
        self.branch, self.out = Scaled(4, 4), nn.Linear(4, CLASSES)
        self.shift = nn.Parameter(torch.ones(4))
        self.strength = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.out(x + self.strength * torch.tanh(self.branch(x) + self.shift))


def test_zero_gradients_do_not_settle_how_a_layer_is_taken() -> None:
    network = Silent().double()
    x, y = Case(Silent, (4,)).data(EXAMPLES)
    model = stack(network)
    gram(model, x[None], y[None], "cross-entropy")
    with torch.no_grad():
        network.strength.fill_(0.7)
    parts = gram(model, x[None], y[None], "cross-entropy", per_layer=True)
    assert_layers(parts, explicit(network, x, y))


def test_a_diverged_network_is_nan_and_its_neighbours_are_not() -> None:
    networks = [CASES["tokens"].network().eval() for _ in range(2)]
    with torch.no_grad():
        networks[0][0].weight.fill_(torch.nan)
    x, y = CASES["tokens"].data(EXAMPLES)
    for _ in range(2):
        found = gram(stack(*networks), x[None], y.expand(2, -1), "cross-entropy")
        assert bool(found[0].isnan().all())
        assert_close(found[1], sum(explicit(networks[1], x, y).values()))
