"""What each parameterized layer received and how each example's loss depends on what it gave.

From these two, one forward and one backward pass for all examples, follow the inner products of
per-example gradients (`gram.py`), and no per-example gradient has to be formed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from memlab.errors import MemlabError
from memlab.models.stacked import StackedModel
from memlab.training.fused import ACTIVATIONS, supported
from memlab.training.loss import output_gradient

#: From logits `[members, examples, classes]` to what is propagated back from them, of that shape.
AtLogits = Callable[[Tensor], Tensor]


class UncoveredLayer(MemlabError):
    """A network with a layer whose per-example gradients are not covered."""


@dataclass(frozen=True)
class Tap:
    """One layer in one pass, in the layer's own layout (units or maps, see `models/layers.py`).

    `received` is the layer's input, `gradient` what came back to the layer's output: of a loss, the
    gradient of each example's own.
    """

    name: str
    layer: nn.Module
    received: Tensor
    gradient: Tensor


def parameterized_layers(
    model: StackedModel, covered: Collection[type[nn.Module]]
) -> dict[str, nn.Module]:
    """The modules that own parameters, by their names in `model`.

    Raises:
        UncoveredLayer: if one is of a type that is not among `covered` (a subclass is another
            type, as it may compute something else), or if two share a parameter.
    """
    layers: dict[str, nn.Module] = {}
    owners: dict[int, str] = {}
    for name, module in model.named_modules():
        own = list(module.parameters(recurse=False))
        if not own:
            continue
        if type(module) not in covered:
            known = ", ".join(kind.__name__ for kind in covered)
            raise UncoveredLayer(
                f"The gradient Gram matrix does not cover the layer {name or 'model'} of type "
                f"{type(module).__name__}; it covers {known}."
            )
        for parameter in own:
            first = owners.setdefault(id(parameter), name)
            if first != name:
                raise UncoveredLayer(
                    f"The gradient Gram matrix does not cover the layers {first} and {name}, which "
                    "share a parameter; it covers layers with parameters of their own."
                )
        layers[name] = module
    return layers


def record(
    model: StackedModel, x: Tensor, start: AtLogits, covered: Collection[type[nn.Module]]
) -> list[Tap]:
    """Taps of all parameterized layers in evaluation mode, in the order of `model.parameters()`.

    `x` is `[members or 1, examples, …]`; `start` tells what is propagated back, and may write over
    the logits that it is given. Leaves model and gradients as they are.

    Raises:
        UncoveredLayer: see `parameterized_layers`; or if a layer is used twice in the pass.
    """
    layers = parameterized_layers(model, covered)
    if supported(model.spec):
        return _by_hand(model, layers, x, start)
    return _by_autograd(model, layers, x, start)


def of_loss(loss: str, targets: Tensor, members: int, smoothing: Tensor | None = None) -> AtLogits:
    """The gradient of each example's own loss at its logits.

    `targets` is `[members or 1, examples]`, `loss` and `smoothing` (`[members]`) as in
    `training/loss.py`.
    """
    expanded = targets.expand(members, -1)

    def start(logits: Tensor) -> Tensor:
        return output_gradient(loss, logits, expanded, smoothing)[1].mul_(logits.shape[1])

    return start


@torch.no_grad()
def _by_hand(
    model: StackedModel,
    layers: dict[str, nn.Module],
    x: Tensor,
    start: AtLogits,
) -> list[Tap]:
    """The chain rule of a plain perceptron, as in `training/fused.py`."""
    weights, biases = model.perceptron()
    owners = {id(layer.weight): (name, layer) for name, layer in layers.items()}
    activations = ACTIVATIONS.get(model.spec.activation, ACTIVATIONS["relu"])
    received = [x.flatten(2)]
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        out = torch.baddbmm(bias, received[-1].expand(model.members, -1, -1), weight)
        received.append(activations[0](out))
    logits = torch.baddbmm(biases[-1], received[-1].expand(model.members, -1, -1), weights[-1])
    gradient = start(logits)
    taps: list[Tap] = []
    for i in range(len(weights) - 1, -1, -1):
        taps.insert(0, Tap(*owners[id(weights[i])], received[i], gradient))
        if i:
            gradient = activations[1](torch.bmm(gradient, weights[i].mT), received[i])
    return taps


def _by_autograd(
    model: StackedModel,
    layers: dict[str, nn.Module],
    x: Tensor,
    start: AtLogits,
) -> list[Tap]:
    """Any architecture: forward hooks note inputs and graph edges, one backward pass the rest.

    An edge is the place in the graph that a layer's output had before an activation wrote over
    it. Only edges are asked for, so that no gradient of a parameter is computed.
    """
    passed: dict[str, tuple[Tensor, GradientEdge]] = {}

    def hook_of(name: str) -> Any:  # what torch calls a forward hook
        def hook(layer: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> Tensor:
            if name in passed:
                raise UncoveredLayer(
                    f"The gradient Gram matrix does not cover the layer {name}, which is used "
                    "twice in one pass; it covers layers that are used once."
                )
            if not output.requires_grad:
                output = output.detach().requires_grad_().clone()
            passed[name] = (arguments[0].detach(), get_gradient_edge(output))
            return output

        return hook

    handles = [layer.register_forward_hook(hook_of(name)) for name, layer in layers.items()]
    try:
        with torch.enable_grad():
            logits = model(x)
    finally:
        for handle in handles:
            handle.remove()
    at_logits = start(logits.detach().clone())
    with torch.enable_grad():  # of a scalar, as torch else imports sympy first
        total = (logits * at_logits).sum()
    gradients = torch.autograd.grad(total, [edge for _, edge in passed.values()])
    at_output = dict(zip(passed, gradients, strict=True))
    return [
        Tap(name, layer, passed[name][0], at_output[name])
        for name, layer in layers.items()
        if name in passed
    ]
