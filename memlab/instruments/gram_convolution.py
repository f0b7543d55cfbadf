"""Inner products of per-example gradients of a convolution, in two ways.

With u_i[l] the patch of example i's input at output position l and d_i[l] the output gradient
there, example i's weight gradient is Σ_l d_i[l] u_i[l]ᵀ. `direct` forms these for one layer, a
few input channels at a time, and multiplies them. `pairwise` sums (u_i[l] · u_j[l']) (d_i[l] ·
d_j[l']) over pairs of positions, without forming any; the inner product of two patches is a sum of
inner products of single pixels, which overlapping patches share. Which is cheaper depends on the
maps' size: pairs of positions grow with its square.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from memlab.instruments.symmetric import ELEMENTS_AT_ONCE, mirror, row_blocks, symmetric_product
from memlab.models.layers import StackedConv2d

#: Numbers that a CPU adds up fastest, as they stay in its cache (8 MiB in float32).
ELEMENTS_IN_CACHE = 1 << 21
#: What adding two stored numbers costs, in multiply-adds of a matrix product.
STORED_SUM = 10


@dataclass(frozen=True)
class Window:
    """What a convolution does along each of its two axes, apart from its weights.

    Padding is by zeros, as much on both sides.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)

    @classmethod
    def square(cls, kernel: int, stride: int) -> Window:
        """The same along both axes, with padding ⌊kernel / 2⌋, as `StackedConv2d` has it."""
        return cls((kernel,) * 2, (stride,) * 2, (kernel // 2,) * 2)

    @property
    def weights(self) -> int:
        """Weights between a channel and a filter."""
        return self.kernel[0] * self.kernel[1]

    def unfold(self, maps: Tensor) -> Tensor:
        """Maps `[n, channels, height, width]` as patches `[n, channels · weights, outputs]`."""
        return F.unfold(maps, self.kernel, self.dilation, self.padding, self.stride)


def convolution_gram(layer: nn.Module, x: Tensor, d: Tensor, chosen: slice) -> Tensor:
    """The Gram matrix of gradients of weight and bias, `[members, examples, examples]`.

    `x` is `[members or 1, examples, channels, height, width]`, `d` `[members, examples, filters,
    output height, output width]`.
    """
    assert isinstance(layer, StackedConv2d)
    total = weight_gram(x, d, Window.square(layer.weight.shape[-1], layer.stride))
    if layer.bias is not None:
        total += symmetric_product(d.sum((3, 4)))
    return total


def weight_gram(x: Tensor, d: Tensor, window: Window) -> Tensor:
    """Of gradients of the weight alone, the cheaper way; shapes as for `convolution_gram`."""
    if window.weights == 1 and window.stride != (1, 1) and window.padding == (0, 0):
        x, window = x[..., :: window.stride[0], :: window.stride[1]], Window((1, 1))
    product = pairwise if pairwise_is_cheaper(x, d, window) else direct
    return product(x, d, window)


def pairwise_is_cheaper(x: Tensor, d: Tensor, window: Window) -> bool:
    """Compares multiply-adds per pair of examples; what is stored and summed counts for more."""
    examples, filters, out_height, out_width = d.shape[1:]
    channels, height, width = x.shape[2:]
    positions, outputs = height * width, out_height * out_width
    weights = filters * channels * window.weights
    formed = weights * (1 + 2 * outputs / examples)
    stored = window.kernel[0] * out_height**2 * width**2 + window.kernel[1] * outputs**2
    stored += positions**2 + 3 * outputs**2
    return positions**2 * channels + outputs**2 * filters + STORED_SUM * stored < formed


def direct(x: Tensor, d: Tensor, window: Window) -> Tensor:
    """Through the layer's per-example weight gradients, a few input channels at a time."""
    members, examples, filters, out_height, out_width = d.shape
    outputs, channels = out_height * out_width, x.shape[2]
    total = d.new_zeros(members, examples, examples)
    per_channel = members * examples * window.weights * (outputs + filters)
    step = min(channels, max(1, ELEMENTS_AT_ONCE // per_channel))
    if len(x) == 1 < members:
        side_by_side = d.transpose(0, 1).reshape(examples, members * filters, outputs)
    else:
        side_by_side = d.reshape(members * examples, filters, outputs)
    for start, stop in row_blocks(channels, step):
        part = x[:, :, start:stop].flatten(0, 1)
        gradients = torch.bmm(side_by_side, window.unfold(part).mT)
        if len(x) == 1:
            gradients = gradients.view(examples, members, -1).transpose(0, 1)
        total += symmetric_product(gradients.reshape(members, examples, -1))
    return total


def pairwise(x: Tensor, d: Tensor, window: Window) -> Tensor:
    """Through pairs of positions, a few examples against all before them at a time."""
    members, examples, _, out_height, out_width = d.shape
    height, width = x.shape[3:]
    total = d.new_empty(members, examples, examples)
    limit = ELEMENTS_IN_CACHE if d.device.type == "cpu" else ELEMENTS_AT_ONCE // 4
    blocks = row_blocks(examples, max(1, limit // (examples * (height * width) ** 2)))
    gradients = _pixels(d)
    for source, pixels in enumerate(_pixels(x)):
        sharing = range(members) if len(x) == 1 else (source,)
        for start, stop in blocks:
            patches = pixel_products(pixels, start, stop)
            patches = patches.view(height, width, stop - start, height, width, stop)
            for axis, size in ((0, out_height), (1, out_width)):
                patches = sum_along_kernel(patches, axis, window, size)
            for member in sharing:
                products = pixel_products(gradients[member], start, stop)
                products.mul_(patches.view(products.shape))
                total[member, start:stop, :stop] = products.sum(2).sum(0)
    for start, stop in blocks:
        mirror(total, start, stop)
    return total


def _pixels(maps: Tensor) -> Tensor:
    """Maps with members first as `[members, height · width, examples, channels]`."""
    return maps.permute(0, 3, 4, 1, 2).flatten(1, 2).contiguous()


def pixel_products(pixels: Tensor, start: int, stop: int) -> Tensor:
    """Inner products over channels of the pixels of examples start … stop and 0 … stop.

    `pixels` is `[pixels, examples, channels]`; returns `[pixels, stop − start, pixels, stop]`.
    """
    count, _, channels = pixels.shape
    rows = pixels[:, start:stop].reshape(-1, channels)
    product = rows @ pixels[:, :stop].reshape(-1, channels).mT
    return product.view(count, stop - start, count, stop)


def sum_along_kernel(products: Tensor, axis: int, window: Window, size: int) -> Tensor:
    """Σ_δ products[s·l + δ − p, …, s·l' + δ − p, …] for l, l' in 0 … size − 1, zero outside.

    l and l' run along `axis` and `axis + 3`; δ along that side of the kernel in steps of its
    dilation, s is the stride and p the padding.
    """
    kernel, stride, padding, dilation = (
        values[axis] for values in (window.kernel, window.stride, window.padding, window.dilation)
    )
    side = products.shape[axis]
    if (kernel, stride, padding) == (1, 1, 0):
        return products
    shape = list(products.shape)
    shape[axis] = shape[axis + 3] = size
    total = products.new_zeros(shape)
    for offset in range(-padding, kernel * dilation - padding, dilation):
        first = max(0, -(offset // stride))
        count = min(size - 1, (side - 1 - offset) // stride) - first + 1
        if count <= 0:
            continue
        begin = stride * first + offset
        inner = slice(begin, begin + stride * (count - 1) + 1, stride)
        outer = slice(first, first + count)
        along = (slice(None),) * axis
        between = (slice(None),) * 2
        total[(*along, outer, *between, outer)] += products[(*along, inner, *between, inner)]
    return total
