"""Layers of a stack of networks: every parameter has a leading member dimension.

Units are `[members, batch, units]`. Maps are `[batch, members · channels, height, width]`, the
members' channels side by side, which is what grouped convolution, batch normalization and pooling
take as they are; for one member that is the ordinary layout, without a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod, sqrt

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


def fill_uniform(parameter: Tensor, bound: float, generator: np.random.Generator) -> None:
    """One member's tensor from U(−bound, bound), drawn in float32."""
    drawn = generator.random(tuple(parameter.shape), dtype=np.float32)
    parameter.copy_(torch.from_numpy(drawn * np.float32(2 * bound) - np.float32(bound)))


def fill_normal(parameter: Tensor, deviation: float, generator: np.random.Generator) -> None:
    """One member's tensor from N(0, deviation²), drawn in float32."""
    drawn = generator.standard_normal(tuple(parameter.shape), dtype=np.float32)
    parameter.copy_(torch.from_numpy(drawn * np.float32(deviation)))


class StackedLayer(nn.Module):
    """A layer with parameters, drawn for each member from that member's generator alone."""

    def draw(self, member: int, generator: np.random.Generator) -> None:
        """Sets the parameters of `member`, in a fixed order, called without gradient."""
        raise NotImplementedError


class StackedLinear(StackedLayer):
    """x Wₘ + bₘ for each member.

    The weight is `[members, inputs, outputs]`, the transpose of `nn.Linear`'s, so that the forward
    pass is one `baddbmm` on contiguous memory; the bias is `[members, 1, outputs]`, as `baddbmm`
    broadcasts it. Drawn as `nn.Linear`: U(±1/√inputs), weight first.
    """

    def __init__(self, members: int, inputs: int, outputs: int, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(members, inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(members, 1, outputs)) if bias else None

    def draw(self, member: int, generator: np.random.Generator) -> None:
        """See `StackedLayer`."""
        bound = 1 / sqrt(self.weight.shape[1])
        fill_uniform(self.weight[member], bound, generator)
        if self.bias is not None:
            fill_uniform(self.bias[member], bound, generator)

    def forward(self, x: Tensor) -> Tensor:
        """`[members or 1, batch, inputs]` → `[members, batch, outputs]`.

        Inputs shared by all members are expanded, not copied: a batched product over a batch stride
        of 0 leaves the weights as they lie, where a single `[batch, inputs] × [inputs, members ·
        outputs]` would have to transpose them first.
        """
        if x.shape[0] != self.weight.shape[0]:
            x = x.expand(self.weight.shape[0], -1, -1)
        if self.bias is None:
            return torch.bmm(x, self.weight)
        return torch.baddbmm(self.bias, x, self.weight)


class StackedConv2d(StackedLayer):
    """A convolution per member, with padding ⌊kernel / 2⌋.

    The weight is `[members, filters, channels, kernel, kernel]`, the bias `[members, filters]`.
    Drawn as `nn.Conv2d`: U(±1/√fan-in), weight first; or, with `he`, weights N(0, 2/fan-in).
    """

    def __init__(
        self,
        members: int,
        channels: int,
        filters: int,
        kernel: int,
        stride: int = 1,
        bias: bool = True,
        he: bool = False,
    ) -> None:
        super().__init__()
        self.stride, self.he = stride, he
        self.weight = nn.Parameter(torch.zeros(members, filters, channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(members, filters)) if bias else None

    def draw(self, member: int, generator: np.random.Generator) -> None:
        """See `StackedLayer`."""
        inputs = prod(self.weight.shape[2:])
        if self.he:
            fill_normal(self.weight[member], sqrt(2 / inputs), generator)
        else:
            fill_uniform(self.weight[member], 1 / sqrt(inputs), generator)
        if self.bias is not None:
            fill_uniform(self.bias[member], 1 / sqrt(inputs), generator)

    def forward(self, x: Tensor) -> Tensor:
        """Maps → maps. Maps of one member only are shared by all: an ungrouped convolution."""
        weight = self.weight.flatten(0, 1)
        bias = None if self.bias is None else self.bias.flatten()
        groups = x.shape[1] // weight.shape[1]
        padding = weight.shape[-1] // 2
        return F.conv2d(x, weight, bias, self.stride, padding, groups=groups)


def merge_images(x: Tensor) -> Tensor:
    """Images `[members, batch, channels, …]` → maps; a view for one member or shared images."""
    members, batch, channels, height, width = x.shape
    return x.transpose(0, 1).reshape(batch, members * channels, height, width)


def units_of_maps(x: Tensor, members: int) -> Tensor:
    """Maps → units `[members, batch, channels · height · width]`, a view."""
    return x.reshape(x.shape[0], members, -1).transpose(0, 1)


def max_pool(x: Tensor) -> Tensor:
    """The maximum over 3×3 windows of stride 2, padding 1: ⌈side / 2⌉ (28 → 14 → 7)."""
    return F.max_pool2d(x, 3, 2, 1)


def mean_pool(x: Tensor, members: int) -> Tensor:
    """Maps → units `[members, batch, channels]`: the mean of each map."""
    return units_of_maps(x.mean((2, 3)), members)


def local_response(x: Tensor, members: int) -> Tensor:
    """Local response normalization over the channels of each member.

    x / (1 + 0.001/9 · Σ x²)^0.75 over 9 neighbouring channels, as in TensorFlow's CIFAR-10
    tutorial.
    """
    batch, channels, height, width = x.shape
    apart = x.reshape(batch * members, channels // members, height, width)
    return F.local_response_norm(apart, 9, alpha=0.001, beta=0.75, k=1.0).reshape(x.shape)


def activate(name: str, x: Tensor, in_place: bool = True) -> Tensor:
    """relu, tanh, gelu or sigmoid, written over `x` where that spares memory and time.

    In place only if nothing else reads `x`, and it is no view, whose gradient would be slow.
    """
    if name == "relu":
        return torch.relu_(x) if in_place else torch.relu(x)
    if name == "tanh":
        return torch.tanh_(x) if in_place else torch.tanh(x)
    if name == "sigmoid":
        return torch.sigmoid_(x) if in_place else torch.sigmoid(x)
    return F.gelu(x)


def draw_all(module: nn.Module, generators: Sequence[np.random.Generator]) -> None:
    """Draws every layer of `module` in the order of its construction, member by member."""
    layers = [layer for layer in module.modules() if isinstance(layer, StackedLayer)]
    with torch.no_grad():
        for member, generator in enumerate(generators):
            for layer in layers:
                layer.draw(member, generator)
