"""A stack of a person's own modules: the same networks as one module at a time."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from memlab.experiment.keys import key
from memlab.models.module_stack import ModuleStack
from memlab.models.stacked import Shape
from memlab.training.randomness import KeyedNoise, Rates

SHAPE = Shape(None, 6, 3)
IMAGES = Shape((2, 8, 8), 128, 3)
NONE = Rates(*[np.zeros(3)] * 4)


def normalized() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3))


def convolutional() -> nn.Module:
    layers = [nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(4 * 36, 3))


def dropped() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 20), nn.Dropout(0.5), nn.Linear(20, 3))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cells, self.out = nn.LSTM(2, 4, 2, batch_first=True), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.out(self.cells(x.view(-1, 3, 2))[0][:, -1])
        return logits


class Turning(nn.Module):
    """Counts in a buffer that it puts anew, and turns by a value of the data."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(6, 3)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.calls = self.calls + 1
        logits: Tensor = self.out(x) if x.sum() > 0 else -self.out(x)
        return logits


def made(make, count: int = 3) -> list[nn.Module]:
    torch.manual_seed(0)
    return [make() for _ in range(count)]


def noise(update: int = 0, seeds: tuple[int, ...] = (0, 1, 2)) -> KeyedNoise:
    return KeyedNoise(seeds, NONE, update)


CASES = [
    (normalized, SHAPE, "vmap", "vmap"),
    (convolutional, IMAGES, "vmap", "vmap"),
    (Recurrent, SHAPE, "one-by-one", "one-by-one"),
    (Turning, SHAPE, "one-by-one", "one-by-one"),
    (dropped, SHAPE, "one-by-one", "vmap"),
]


@pytest.mark.parametrize(("make", "shape", "way", "evaluated"), CASES)
@pytest.mark.parametrize("shared", [True, False])
def test_a_stack_computes_what_each_module_computes(make, shape, way, evaluated, shared) -> None:
    modules = made(make)
    stack = ModuleStack.of(modules, shape)
    assert (stack.way, stack.stacking.evaluated) == (way, evaluated), stack.stacking
    x = torch.randn(1 if shared else 3, 7, *(shape.image or (shape.features,)))
    for module in modules:
        module.eval()
    with torch.no_grad():
        logits = stack(x)
        for m, module in enumerate(modules):
            torch.testing.assert_close(logits[m], module(x[0 if shared else m]))
            torch.testing.assert_close(logits[m], stack.member(m)(x[0 if shared else m]))


@pytest.mark.parametrize(("make", "shape"), [case[:2] for case in CASES[:4]])
def test_training_gives_the_gradients_and_buffers_of_each_module(make, shape) -> None:
    modules = made(make)
    stack = ModuleStack.of(modules, shape)
    x = torch.randn(3, 7, *(shape.image or (shape.features,)))
    stack(x, noise()).square().sum().backward()
    gradients = {name: p.grad for name, p in stack.named_parameters()}
    buffers = dict(stack.named_buffers())
    for m, module in enumerate(modules):
        module.train()(x[m]).square().sum().backward()
        for name, p in module.named_parameters():
            torch.testing.assert_close(gradients[f"network.{name}"][m], p.grad)
        for name, b in module.named_buffers():
            torch.testing.assert_close(buffers[f"network.{name}"][m], b)
    assert [*gradients] == [f"network.{name}" for name, _ in modules[0].named_parameters()]


def test_evaluation_changes_no_buffer_and_training_does() -> None:
    stack = ModuleStack.of(made(normalized), SHAPE)
    before = copy.deepcopy(stack.state_dict())
    x = torch.randn(1, 7, 6)
    stack(x)
    assert all(torch.equal(t, before[name]) for name, t in stack.state_dict().items())
    stack(x, noise())
    assert not torch.equal(
        stack.network.get_buffer("1.running_mean"), before["network.1.running_mean"]
    )


def test_dropout_is_keyed_by_seed_and_update_and_leaves_the_global_generators_alone() -> None:
    stack, x = ModuleStack.of(made(dropped), SHAPE), torch.randn(3, 7, 6)
    assert "random" in stack.why
    before = torch.random.get_rng_state(), np.random.get_state()[2]
    first, again = stack(x, noise(4)), stack(x, noise(4))
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert np.random.get_state()[2] == before[1]
    assert torch.equal(first, again)
    assert not torch.equal(first, stack(x, noise(5)))
    alone = stack.select([2])(x[2:], noise(4, (2,)))
    assert torch.equal(alone[0], first[2])


def test_a_single_module_is_seen_through_and_left_as_it_is() -> None:
    module = nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 3)).train()
    module[0].weight.requires_grad_(False)
    seen: list[int] = []
    module.register_forward_hook(lambda *_: seen.append(1))
    stack = ModuleStack.of([module], SHAPE)
    stack(torch.randn(1, 4, 6)).sum().backward()
    assert module.training
    assert not seen
    assert module[1].weight.grad is None
    assert module[1].weight.requires_grad
    assert [name for name, _ in stack.named_parameters()] == [
        "network.0.bias",
        "network.1.weight",
        "network.1.bias",
    ]
    with torch.no_grad():
        module[1].bias.add_(1)
    assert torch.equal(stack.network.get_parameter("1.bias")[0], module[1].bias)
    assert stack.member(0)[1].weight.data_ptr() == module[1].weight.data_ptr()
    assert not stack.member(0)[0].weight.requires_grad


def test_initialization_is_keyed_by_the_member_alone() -> None:
    three = ModuleStack.of(made(normalized), SHAPE, make=normalized)
    one = ModuleStack.of(made(normalized, 1), SHAPE, make=normalized).fresh(1)
    torch.manual_seed(7)
    three.initialize([key(seed, "init") for seed in (0, 1, 2)])
    torch.manual_seed(8)
    one.initialize([key(1, "init")])
    for name, tensor in one.state_dict().items():
        assert torch.equal(three.state_dict()[name][1], tensor[0])
    weight = three.state_dict()["network.0.weight"]
    assert not torch.equal(weight[0], weight[1])


def test_modules_of_unknown_making_are_drawn_by_their_layers() -> None:
    stack = ModuleStack.of(made(normalized), SHAPE)
    stack(torch.randn(1, 7, 6), noise())
    fresh = stack.fresh(2)
    fresh.initialize([key(0, "init"), key(1, "init")])
    state = fresh.state_dict()
    assert not torch.equal(state["network.0.weight"][0], state["network.0.weight"][1])
    assert torch.equal(state["network.1.running_mean"], torch.zeros(2, 5))

    class Bare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale, self.out = nn.Parameter(torch.ones(1)), nn.Linear(6, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(x) * self.scale

    with pytest.raises(TypeError, match=r"the module \(Bare\) is initialized"):
        ModuleStack.of([Bare()], SHAPE).initialize([key(0, "init")])


def test_functional_call_swaps_the_tensors_of_a_stack() -> None:
    stack, x = ModuleStack.of(made(normalized), SHAPE), torch.randn(1, 4, 6)
    moved = {name: p.detach() + 1 for name, p in stack.named_parameters()}
    found = functional_call(stack, moved, (x,))
    other = stack.select([0, 1, 2])
    other.load_state_dict({**other.state_dict(), **moved})
    assert torch.equal(found, other(x))
    assert not torch.equal(found, stack(x))


def test_what_a_module_keeps_of_a_call_stands_in_nobodys_way() -> None:
    class Keeping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.out, self.kept = nn.Linear(6, 3), None

        def forward(self, x: Tensor) -> Tensor:
            self.kept = self.out(x)
            return self.kept

    modules = made(Keeping)
    stack, x = ModuleStack.of(modules, SHAPE), torch.randn(1, 4, 6)
    assert stack.way == "vmap"
    stack(x, noise())
    torch.testing.assert_close(stack.member(1)(x[0]), modules[1](x[0]))
    torch.testing.assert_close(stack.select([2])(x)[0], modules[2](x[0]))
    assert modules[0](x[0]).shape == (4, 3)


def test_float64_goes_through() -> None:
    stack = ModuleStack.of(made(normalized), SHAPE).double()
    assert stack(torch.randn(1, 4, 6).double()).dtype == torch.float64
    assert stack.member(0)[0].weight.dtype == torch.float64


def test_modules_of_another_structure_are_refused_by_the_tensor_that_differs() -> None:
    with pytest.raises(ValueError, match=r"0\.weight is \(5, 6\) here and \(4, 6\)"):
        ModuleStack.of([nn.Sequential(nn.Linear(6, 5)), nn.Sequential(nn.Linear(6, 4))], SHAPE)
    with pytest.raises(ValueError, match="no parameters"):
        ModuleStack.of([nn.Flatten()], SHAPE)
