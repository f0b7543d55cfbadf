"""resnet20: the residual network for CIFAR of He 2016 (arXiv 1512.03385), section 4.2.

A 3×3 convolution of 16 filters, three stages of three blocks with 16, 32 and 64 filters, the mean
of each map, a linear layer; shortcuts without parameters (option A: every second pixel, new
channels zero): 269,722 parameters on 32×32×3 inputs with 10 classes (published: 0.27 M). With
normalization "none" (Fort 2019) the convolutions have biases instead. Weights are drawn N(0,
2/fan-in) as in the paper where there is a normalization; without one, where those would let the
signal grow from block to block, from PyTorch's U(±1/√fan-in). Noise sites: between the two
convolutions of each block (`hidden0` … `hidden8`), where Zagoruyko 2016 has dropout.
"""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from memlab.experiment.material_spec import ModelSpec
from memlab.experiment.walks import RESNET_BLOCKS
from memlab.models.blocks import residual_stages
from memlab.models.layers import StackedConv2d, StackedLinear, activate, mean_pool
from memlab.models.noise import Noise, disturb_input, disturb_maps
from memlab.models.normalization import normalization
from memlab.models.registry import register
from memlab.models.stacked import Shape, StackedModel


class Normalized(nn.Module):
    """A 3×3 convolution and its normalization, without an activation."""

    def __init__(
        self, spec: ModelSpec, members: int, channels: int, filters: int, stride: int = 1
    ) -> None:
        super().__init__()
        plain = spec.normalization == "none"
        self.conv = StackedConv2d(members, channels, filters, 3, stride, plain, he=not plain)
        self.norm = normalization(spec, members, filters)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        """Maps → maps."""
        x = self.conv(x)
        return x if self.norm is None else self.norm(x, training)


class Block(nn.Module):
    """Two convolutions, and the shortcut around them."""

    def __init__(
        self, spec: ModelSpec, members: int, channels: int, filters: int, stride: int
    ) -> None:
        super().__init__()
        self.activation, self.members, self.stride = spec.activation, members, stride
        self.new_channels = filters - channels
        self.first = Normalized(spec, members, channels, filters, stride)
        self.second = Normalized(spec, members, filters, filters)

    def forward(self, x: Tensor, noise: Noise | None, site: int) -> Tensor:
        """Maps → maps."""
        training = noise is not None
        inner = activate(self.activation, self.first(x, training))
        inner = self.second(disturb_maps(noise, site, inner, self.members), training)
        return activate(self.activation, inner + self._shortcut(x))

    def _shortcut(self, x: Tensor) -> Tensor:
        if self.stride == 1 and self.new_channels == 0:
            return x
        kept = x[:, :, :: self.stride, :: self.stride]
        apart = kept.reshape(len(x), self.members, -1, *kept.shape[2:])
        return F.pad(apart, (0, 0, 0, 0, 0, self.new_channels)).flatten(1, 2)


@register("resnet20")
class ResNet20(StackedModel):
    """He's 20-layer network for CIFAR."""

    def __init__(self, spec: ModelSpec, members: int, shape: Shape) -> None:
        super().__init__(spec, members, shape)
        assert spec.width is not None
        assert shape.image is not None
        self.first = Normalized(spec, members, shape.image[0], spec.width)
        self.blocks = nn.ModuleList(
            Block(spec, members, *place)
            for place in residual_stages(spec.width, spec.width, RESNET_BLOCKS)
        )
        channels = spec.width << 2
        self.output = StackedLinear(members, channels, shape.classes)

    def forward(self, x: Tensor, noise: Noise | None = None) -> Tensor:
        """See `StackedModel`."""
        x = self.maps(disturb_input(noise, x))
        x = activate(self.spec.activation, self.first(x, noise is not None))
        for site, block in enumerate(self.blocks):
            x = block(x, noise, site)
        logits: Tensor = self.output(mean_pool(x, self.members))
        return logits
