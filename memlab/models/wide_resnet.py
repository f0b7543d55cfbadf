"""wrn16-4: the wide residual network of Zagoruyko 2016 (arXiv 1605.07146), used by Smith 2017.

A 3×3 convolution of 16 filters, three stages of two blocks with 64, 128 and 256 filters (width
is the first of these), pre-activation: normalization and ReLU before each convolution; where the
shape changes, the shortcut is a 1×1 convolution of the activated input. 2,748,890 parameters on
32×32×3 inputs with 10 classes (published: 2.7 M). Drawn as resnet20: N(0, 2/fan-in) where there is
a normalization (the paper's code has fan-out), else PyTorch's default, and convolutions then have
biases. Noise sites: between the two convolutions of each block (`hidden0` … `hidden5`), as in the
paper.
"""

from __future__ import annotations

from torch import Tensor, nn

from memlab.experiment.material_spec import ModelSpec
from memlab.experiment.walks import WIDE_BLOCKS, WIDE_STEM
from memlab.models.blocks import residual_stages
from memlab.models.layers import StackedConv2d, StackedLinear, activate, mean_pool
from memlab.models.noise import Noise, disturb_input, disturb_maps
from memlab.models.normalization import normalization
from memlab.models.registry import register
from memlab.models.stacked import Shape, StackedModel


class Activated(nn.Module):
    """Normalization and activation; leaves its input as it is, for the shortcut."""

    def __init__(self, spec: ModelSpec, members: int, channels: int) -> None:
        super().__init__()
        self.activation = spec.activation
        self.norm = normalization(spec, members, channels)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        """Maps → maps."""
        if self.norm is None:
            return activate(self.activation, x, in_place=False)
        return activate(self.activation, self.norm(x, training))


class WideBlock(nn.Module):
    """Twice [normalization → activation → 3×3 convolution], and the shortcut around them."""

    def __init__(
        self, spec: ModelSpec, members: int, channels: int, filters: int, stride: int
    ) -> None:
        super().__init__()
        self.members = members
        plain = spec.normalization == "none"
        changes = stride == 2 or channels != filters
        self.before_first = Activated(spec, members, channels)
        self.shortcut = (
            StackedConv2d(members, channels, filters, 1, stride, bias=False, he=not plain)
            if changes
            else None
        )
        self.first = StackedConv2d(members, channels, filters, 3, stride, plain, he=not plain)
        self.before_second = Activated(spec, members, filters)
        self.second = StackedConv2d(members, filters, filters, 3, 1, plain, he=not plain)

    def forward(self, x: Tensor, noise: Noise | None, site: int) -> Tensor:
        """Maps → maps."""
        training = noise is not None
        active = self.before_first(x, training)
        inner = self.before_second(self.first(active), training)
        inner = self.second(disturb_maps(noise, site, inner, self.members))
        around: Tensor = x if self.shortcut is None else self.shortcut(active)
        total: Tensor = around + inner
        return total


@register("wrn16-4")
class WideResNet(StackedModel):
    """Wide-ResNet of 16 layers, four times as wide as resnet20's kind."""

    def __init__(self, spec: ModelSpec, members: int, shape: Shape) -> None:
        super().__init__(spec, members, shape)
        assert spec.width is not None
        assert shape.image is not None
        plain = spec.normalization == "none"
        self.first = StackedConv2d(members, shape.image[0], WIDE_STEM, 3, 1, plain, he=not plain)
        self.blocks = nn.ModuleList(
            WideBlock(spec, members, *place)
            for place in residual_stages(WIDE_STEM, spec.width, WIDE_BLOCKS)
        )
        channels = spec.width << 2
        self.last = Activated(spec, members, channels)
        self.output = StackedLinear(members, channels, shape.classes)

    def forward(self, x: Tensor, noise: Noise | None = None) -> Tensor:
        """See `StackedModel`."""
        x = self.first(self.maps(disturb_input(noise, x)))
        for site, block in enumerate(self.blocks):
            x = block(x, noise, site)
        x = self.last(x, noise is not None)
        logits: Tensor = self.output(mean_pool(x, self.members))
        return logits
