"""The Gram matrix of per-example gradients, G[i, j] = g_i · g_j, layer by layer.

The gradient of an example with respect to one layer is a product of what the layer received and of
the gradient at its output, so that inner products of gradients are products of inner products of
these (Goodfellow 2015, arXiv 1510.01799, for the norms; Novak 2022, arXiv 2206.08720, section 3.3,
for the whole matrix). What is made of G is in `stiffness.py`, `gradient_covariance.py`,
`noise_scale.py` and `diversity.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, overload

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from memlab.instruments.gram_convolution import convolution_gram
from memlab.instruments.module_gram import of_stack
from memlab.instruments.symmetric import ELEMENTS_AT_ONCE, symmetric_product
from memlab.instruments.taps import AtLogits, Tap, of_loss, record
from memlab.models.layers import StackedConv2d, StackedLinear
from memlab.models.module_stack import ModuleStack
from memlab.models.normalization import EPSILON, StackedBatchNorm, StackedGroupNorm
from memlab.models.stacked import StackedModel


@overload
def gram(
    model: StackedModel,
    x: Tensor,
    targets: Tensor,
    loss: str,
    *,
    per_layer: Literal[False] = False,
    smoothing: Tensor | None = None,
) -> Tensor: ...


@overload
def gram(
    model: StackedModel,
    x: Tensor,
    targets: Tensor,
    loss: str,
    *,
    per_layer: Literal[True],
    smoothing: Tensor | None = None,
) -> dict[str, Tensor]: ...


def gram(
    model: StackedModel,
    x: Tensor,
    targets: Tensor,
    loss: str,
    *,
    per_layer: bool = False,
    smoothing: Tensor | None = None,
) -> Tensor | dict[str, Tensor]:
    """G[i, j] = g_i · g_j over all parameters, `[members, examples, examples]`.

    `x` is `[members or 1, examples, …]`, `targets` `[members or 1, examples]`; `loss` and
    `smoothing` (`[members]`) are those of `training/loss.py`; g_i is the gradient of example i's
    own loss, without weight decay. With `per_layer` a dictionary from layer names to the parts of
    G, which sum to it. For pairs between two sets (train and validation) put one behind the other
    and slice: the block G[:, :n, n:] holds the pairs between the first n and the others.

    The network is in evaluation mode: nothing is dropped, and batch normalization uses its running
    statistics, as only then examples have gradients of their own (with batch statistics each
    depends on the others). Gradients with respect to normalizations' scales and shifts are
    included. Residual connections and branches need nothing special.

    Works in the dtype and on the device of `x` and `model`. Besides all activations and their
    gradients for `examples`, and the result, it needs about `ELEMENTS_AT_ONCE` numbers of memory.

    Raises:
        UncoveredLayer: if a layer with parameters is of a type that is not in `LAYERS`, or two
            layers share parameters, or one is used twice in a pass.
    """
    start = of_loss(loss, targets, model.members, smoothing)
    return of_layers(model, x, start) if per_layer else of_outputs(model, x, start)


def of_outputs(model: StackedModel, x: Tensor, start: AtLogits) -> Tensor:
    """J_iᵀs_i · J_jᵀs_j over all parameters, s_i what `start` gives at example i's logits.

    `gram` is this for the gradient of the loss; see there.
    """
    total: Tensor | None = None
    if isinstance(model, ModuleStack):
        for part in of_stack(model, x, start).values():
            total = part if total is None else total.add_(part)
        assert total is not None
        return total
    for tap, examples in _taps(model, x, start):
        if total is None:
            total = tap.gradient.new_zeros(model.members, examples, examples)
        _add(tap, total)
    assert total is not None
    return total


def of_layers(model: StackedModel, x: Tensor, start: AtLogits) -> dict[str, Tensor]:
    """The parts of `of_outputs`, by the names of the layers."""
    if isinstance(model, ModuleStack):
        return of_stack(model, x, start)
    parts: dict[str, Tensor] = {}
    for tap, examples in _taps(model, x, start):
        parts[tap.name] = tap.gradient.new_zeros(model.members, examples, examples)
        _add(tap, parts[tap.name])
    return dict(reversed(parts.items()))


def _taps(model: StackedModel, x: Tensor, start: AtLogits) -> Iterator[tuple[Tap, int]]:
    """Taps and the number of examples, the last layer first; each is let go once it is used."""
    taps = record(model, x, start, tuple(LAYERS))
    while taps:
        yield taps.pop(), x.shape[1]


@torch.no_grad()
def _add(tap: Tap, total: Tensor) -> None:
    for chosen, part in _by_members(tap, len(total), total.shape[1]):
        total[chosen] += part


def _by_members(tap: Tap, members: int, examples: int) -> Iterator[tuple[slice, Tensor]]:
    """The layer's part of G for some members at a time, as `[members, examples, examples]`.

    Layer functions get inputs and gradients with members first, units as `[members or 1, examples,
    units]`, maps as `[members or 1, examples, channels, height, width]`.
    """
    function = LAYERS[type(tap.layer)]
    received, gradient = members_first(tap, members)
    step = max(1, ELEMENTS_AT_ONCE // (3 * examples**2))
    for start in range(0, members, step):
        chosen = slice(start, start + step)
        inputs = received if len(received) == 1 else received[chosen]
        yield chosen, function(tap.layer, inputs, gradient[chosen], chosen)


def members_first(tap: Tap, members: int) -> tuple[Tensor, Tensor]:
    """What a tap holds, as views with the member dimension first; maps are taken apart."""
    received, gradient = tap.received, tap.gradient
    if gradient.dim() == 3:
        return received, gradient
    channels = received.shape[1] // members
    if isinstance(tap.layer, StackedConv2d):  # all members may share the images
        channels = tap.layer.weight.shape[2]
    apart = received.reshape(len(received), -1, channels, *received.shape[2:])
    return (
        apart.transpose(0, 1),
        gradient.reshape(len(gradient), members, -1, *gradient.shape[2:]).transpose(0, 1),
    )


def linear_gram(layer: nn.Module, x: Tensor, d: Tensor, chosen: slice) -> Tensor:
    """(A Aᵀ + 1) ⊙ (D Dᵀ), A the inputs and D the output gradients; the 1 is the bias's."""
    assert isinstance(layer, StackedLinear)
    received = symmetric_product(x)
    if layer.bias is not None:
        received += 1
    return symmetric_product(d).mul_(received)


def normalization_gram(layer: nn.Module, x: Tensor, d: Tensor, chosen: slice) -> Tensor:
    """Through the gradients of scale, Σ d ⊙ x̂, and shift, Σ d, over pixels; x̂ is normalized."""
    assert isinstance(layer, StackedBatchNorm | StackedGroupNorm)
    pixels = tuple(range(3, d.dim()))
    gradients = [d.sum(pixels) if pixels else d]
    if layer.weight is not None:
        scaled = normalized(layer, x, chosen).mul_(d)
        gradients.append(scaled.sum(pixels) if pixels else scaled)
    return symmetric_product(torch.cat(gradients, 2))


def normalized(layer: StackedBatchNorm | StackedGroupNorm, x: Tensor, chosen: slice) -> Tensor:
    """What the normalization scales and shifts, as a new tensor; `chosen` are the members."""
    if isinstance(layer, StackedBatchNorm):
        shape = (-1, 1, x.shape[2], *(1 for _ in x.shape[3:]))
        spread = (layer.running_var[chosen] + EPSILON).sqrt()
        return (x - layer.running_mean[chosen].view(shape)) / spread.view(shape)
    apart = x.reshape(*x.shape[:2], -1, layer.group, *x.shape[3:])
    flat = apart.flatten(3)
    return F.layer_norm(flat, flat.shape[3:], eps=EPSILON).view(x.shape)


#: The layers that are covered, and their parts of G.
LAYERS: dict[type[nn.Module], Callable[[nn.Module, Tensor, Tensor, slice], Tensor]] = {
    StackedLinear: linear_gram,
    StackedConv2d: convolution_gram,
    StackedBatchNorm: normalization_gram,
    StackedGroupNorm: normalization_gram,
}
