"""Gram matrices of single layers of ordinary modules, from what they received and gave back.

A rule takes a layer, its input and the gradient at its output, examples first, and gives the inner
products of the examples' gradients with respect to the layer's own parameters, `[n, n]`. None forms
the gradients of a whole weight for all examples at once: where pairs of positions are dearer, they
are formed for a few columns at a time (`ELEMENTS_AT_ONCE` numbers). Scales and shifts, whose
gradients are as short as an activation, are formed (Rochette 2019, arXiv 1912.06015, has the
convolution; Li 2021, arXiv 2110.05679, section 4, the tokens).
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from memlab.instruments.gram_convolution import (
    ELEMENTS_IN_CACHE,
    STORED_SUM,
    Window,
    pixel_products,
    weight_gram,
)
from memlab.instruments.symmetric import ELEMENTS_AT_ONCE, mirror, row_blocks, symmetric_product

#: (layer, received `[n, …]`, gradient at the output `[n, …]`) ↦ `[n, n]`.
Rule = Callable[[nn.Module, Tensor, Tensor], Tensor]


def product_of(rows: Tensor) -> Tensor:
    """A Aᵀ of `[n, …]`, flattened, `[n, n]`."""
    return symmetric_product(rows.flatten(1)[None])[0]


def linear(layer: nn.Module, received: Tensor, gradient: Tensor) -> Tensor:
    """Weight and bias of a linear map over the last dimension, whatever dimensions there are more.

    `received` is `[n, …, inputs]`, `gradient` `[n, …, outputs]`.
    """
    count = len(received)
    a, d = (t.reshape(count, -1, t.shape[-1]) for t in (received, gradient))
    biased = getattr(layer, "bias", None) is not None
    if a.shape[1] == 1:
        products = product_of(a)
        return (products.add_(1) if biased else products).mul_(product_of(d))
    total = tokens(a, d)
    return total.add_(product_of(d.sum(1))) if biased else total


def tokens(a: Tensor, d: Tensor) -> Tensor:
    """Inner products of Σ_t d_t a_tᵀ, from `[n, t, inputs]` and `[n, t, outputs]`."""
    count, length, inputs = a.shape
    outputs = d.shape[2]
    formed = inputs * outputs * (1 + 2 * length / count)
    paired = length**2 * (inputs + outputs + 3 * STORED_SUM)
    return _pairs(a, d) if paired < formed else _formed(a, d)


def _formed(a: Tensor, d: Tensor) -> Tensor:
    count, length, inputs = a.shape
    total = a.new_zeros(count, count)
    step = max(1, ELEMENTS_AT_ONCE // (count * (d.shape[2] + length)))
    turned = d.mT.contiguous()
    for start, stop in row_blocks(inputs, step):
        total += product_of(torch.bmm(turned, a[:, :, start:stop]))
    return total


def _pairs(a: Tensor, d: Tensor) -> Tensor:
    count, length, _ = a.shape
    total = a.new_empty(1, count, count)
    limit = ELEMENTS_IN_CACHE if a.device.type == "cpu" else ELEMENTS_AT_ONCE // 4
    blocks = row_blocks(count, max(1, limit // (count * length**2)))
    first, second = (t.transpose(0, 1).contiguous() for t in (a, d))
    for start, stop in blocks:
        products = pixel_products(first, start, stop).mul_(pixel_products(second, start, stop))
        total[0, start:stop, :stop] = products.sum(2).sum(0)
    for start, stop in blocks:
        mirror(total, start, stop)
    return total[0]


def convolution(layer: nn.Module, received: Tensor, gradient: Tensor) -> Tensor:
    """`Conv1d` and `Conv2d`, with any groups, strides, dilations and paddings."""
    assert isinstance(layer, nn.Conv1d | nn.Conv2d)
    x, padding = _padded(layer, received)
    kernel, stride, dilation = (
        _two(values) for values in (layer.kernel_size, layer.stride, layer.dilation)
    )
    window = Window(kernel, stride, padding, dilation)
    d = gradient
    if x.dim() == 3:
        x, d = x.unsqueeze(2), d.unsqueeze(2)
    if layer.groups == 1:
        total = weight_gram(x[None], d[None], window)[0]
    else:
        total = _grouped(x, d, window, layer.groups)
    return total if layer.bias is None else total.add_(product_of(d.sum((2, 3))))


def _padded(layer: nn.Conv1d | nn.Conv2d, x: Tensor) -> tuple[Tensor, tuple[int, int]]:
    """The input, and the padding by zeros that is left to do."""
    around: list[int] = layer._reversed_padding_repeated_twice
    even = all(around[i] == around[i + 1] for i in range(0, len(around), 2))
    if layer.padding_mode == "zeros" and even:
        last_first = around[::2]
        return x, (0, last_first[0]) if len(last_first) == 1 else (last_first[1], last_first[0])
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    return F.pad(x, around, mode), (0, 0)


def _two(values: tuple[int, ...]) -> tuple[int, int]:
    return (1, values[0]) if len(values) == 1 else (values[0], values[1])


def _grouped(x: Tensor, d: Tensor, window: Window, groups: int) -> Tensor:
    """Groups have weights of their own; where these are few they are formed, all groups at once."""
    count, channels, filters = len(x), x.shape[1] // groups, d.shape[1] // groups
    outputs = prod(d.shape[2:])
    if channels * filters * window.weights > ELEMENTS_IN_CACHE // 1024:
        parts = zip(torch.split(x, channels, 1), torch.split(d, filters, 1), strict=True)
        return sum((weight_gram(a[None], b[None], window)[0] for a, b in parts), x.new_zeros(()))
    total = x.new_zeros(count, count)
    per_group = count * channels * window.weights * (outputs + filters)
    for start, stop in row_blocks(groups, max(1, ELEMENTS_AT_ONCE // max(1, per_group))):
        patches = window.unfold(x[:, start * channels : stop * channels])
        patches = patches.view(count, stop - start, -1, outputs)
        back = d[:, start * filters : stop * filters].reshape(count, stop - start, filters, outputs)
        total += product_of(back @ patches.mT)
    return total


def embedding(layer: nn.Module, received: Tensor, gradient: Tensor) -> Tensor:
    """Rows of a table: Σ over pairs of places with the same token of the gradients' products.

    `received` is `[n, …]` of whole numbers, `gradient` `[n, …, size]`. The row of `padding_idx` is
    not trained.
    """
    assert isinstance(layer, nn.Embedding)
    count, size = len(received), gradient.shape[-1]
    ids, d = received.reshape(count, -1), gradient.reshape(count, -1, size)
    if layer.padding_idx is not None:
        d = d * (ids != layer.padding_idx).unsqueeze(2)
    present, places = torch.unique(ids, return_inverse=True)
    total = d.new_zeros(count, count)
    step = max(1, ELEMENTS_AT_ONCE // (count * len(present)))
    for start, stop in row_blocks(size, step):
        rows = d.new_zeros(count, len(present), stop - start)
        part = d[:, :, start:stop]
        rows.scatter_add_(1, places.unsqueeze(2).expand(part.shape), part)
        total += product_of(rows)
    return total


def layer_norm(layer: nn.Module, received: Tensor, gradient: Tensor) -> Tensor:
    """Scale and shift over the last dimensions."""
    assert isinstance(layer, nn.LayerNorm)
    shape = layer.normalized_shape
    d = gradient.reshape(len(gradient), -1, prod(shape))
    scaled = F.layer_norm(received, shape, eps=layer.eps).reshape(d.shape)
    return _scale_and_shift(layer, scaled, d, (1,))


def rms_norm(layer: nn.Module, received: Tensor, gradient: Tensor) -> Tensor:
    """The scale over the last dimensions, of what is divided by its root mean square."""
    assert isinstance(layer, nn.RMSNorm)
    shape = tuple(layer.normalized_shape)
    d = gradient.reshape(len(gradient), -1, prod(shape))
    scaled = F.rms_norm(received, shape, eps=layer.eps).reshape(d.shape)
    return product_of(scaled.mul_(d).sum(1))


def batch_norm(layer: nn.Module, received: Tensor, gradient: Tensor) -> Tensor:
    """Scale and shift of channels, by running statistics."""
    assert isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d)
    assert layer.running_mean is not None
    assert layer.running_var is not None
    shape = (1, -1, *(1 for _ in received.shape[2:]))
    spread = (layer.running_var + layer.eps).sqrt()
    scaled = (received - layer.running_mean.view(shape)).div_(spread.view(shape))
    return _scale_and_shift(layer, scaled, gradient, tuple(range(2, received.dim())))


def group_norm(layer: nn.Module, received: Tensor, gradient: Tensor) -> Tensor:
    """Scale and shift of channels, by the statistics of groups of an example's channels."""
    assert isinstance(layer, nn.GroupNorm)
    scaled = F.group_norm(received, layer.num_groups, eps=layer.eps)
    return _scale_and_shift(layer, scaled, gradient, tuple(range(2, received.dim())))


def _scale_and_shift(
    layer: nn.Module, scaled: Tensor, gradient: Tensor, over: tuple[int, ...]
) -> Tensor:
    parts = []
    if layer.weight is not None:
        weighted = scaled.mul_(gradient)
        parts.append(weighted.sum(over) if over else weighted)
    if layer.bias is not None:
        parts.append(gradient.sum(over) if over else gradient)
    return product_of(torch.cat([part.flatten(1) for part in parts], 1))


#: The kinds of layer that have a rule, and what the rule needs: parameters by these names.
RULES: dict[type[nn.Module], Rule] = {
    nn.Linear: linear,
    nn.Conv1d: convolution,
    nn.Conv2d: convolution,
    nn.Embedding: embedding,
    nn.LayerNorm: layer_norm,
    nn.RMSNorm: rms_norm,
    nn.BatchNorm1d: batch_norm,
    nn.BatchNorm2d: batch_norm,
    nn.GroupNorm: group_norm,
}
#: Layers whose input must have the examples as its first dimension, one row for each.
OF_MAPS = (convolution, batch_norm, group_norm)


def rule_of(layer: nn.Module) -> Rule | None:
    """The rule of a layer by its type or a type that it is derived from; None where there is none.

    A derived type may compute something else: whoever takes the rule compares it with gradients.
    """
    own = {name for name, _ in layer.named_parameters(recurse=False)}
    if not own <= {"weight", "bias"} or next(layer.children(), None) is not None:
        return None
    if type(layer).__name__ == "Conv1D" and type(layer).__module__.startswith("transformers."):
        return linear  # a linear map with a transposed weight
    return next((RULES[kind] for kind in type(layer).__mro__ if kind in RULES), None)
